"""That our own settings accept what an import comes to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.importing.sheet import Enclosed, Line, Remark, Setting, mounted
from appliance.settings import read

CLOSING: Final = ("__ARCHIVES", "__AUTH_USERS", "__FROM", "__HOSTS_ALLOW")
"""Settings that keep somebody out are never left out: refused, they keep the container from starting."""


def accepted(lines: list[Line]) -> list[Line]:
    """The same lines, without what our own settings refuse: that becomes a remark."""
    while refused := _refused(lines):
        lines = [refused.get(index, line) for index, line in enumerate(lines)]
    return [*lines, *_bound_to_fail(lines)]


def _bound_to_fail(lines: list[Line]) -> Iterator[Line]:
    environ = _environ(lines)
    settings = {line.variable for line in lines if isinstance(line, Setting)}
    for problem in read(environ).problems:
        # Whose users have no password is not known as long as there are no secrets.
        known = "MIRROR_RSYNC_SECRETS" in environ or not problem.variable.endswith("__AUTH_USERS")
        if problem.variable in settings and known:
            yield Remark(f"{problem.variable} will be refused: {problem.fact}; {problem.cure}")


def _refused(lines: list[Line]) -> dict[int, Line]:
    settings = {line.variable: index for index, line in reversed([*enumerate(lines)]) if isinstance(line, Setting)}
    found: dict[int, Line] = {}
    for problem in read(_environ(lines)).problems:
        name = problem.variable if problem.variable in settings else f"{problem.variable}_FILE"
        if name in settings and not name.endswith(CLOSING):
            found[settings[name]] = Remark(f"{name} could not be taken over: {problem.fact}; {problem.cure}")
            # What is about a key is nothing without it.
            about = name.removesuffix("KEY") if name.endswith("__KEY") else None
            lost = [other for other in settings if about and other.startswith(about) and other != name]
            found |= {settings[other]: Remark(f"{other}: left out with its key") for other in lost}
    return found


def _environ(lines: list[Line]) -> dict[str, str]:
    """The variables as the container will see them once the enclosed files are where they belong."""
    texts = {mounted(line.name): line.text for line in lines if isinstance(line, Enclosed)}
    environ: dict[str, str] = {}
    for line in lines:
        if isinstance(line, Setting) and not line.variable.endswith("_FILE"):
            environ.setdefault(line.variable, line.value)
        elif isinstance(line, Setting) and line.value in texts:
            environ.setdefault(line.variable.removesuffix("_FILE"), texts[line.value].rstrip("\n"))
    return environ
