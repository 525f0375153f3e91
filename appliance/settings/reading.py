"""Environment → one frozen, validated `Settings`, or every problem there is at once.

The only room that is given the environment. Nothing is read twice: what `load` returned stays in force until it is
called again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from appliance.errors import ConfigurationError, Problem
from appliance.settings.contradictions import contradictions
from appliance.settings.environment import INVITE, Given, find, gather, shown, text
from appliance.settings.faults import Fault, Faults
from appliance.settings.names import PREFIX, kebab, segment
from appliance.settings.schema import Settings

UNNAMED = "unnamed"
OFFERED = frozenset({"MIRROR_NAME", "MIRROR_DEFAULT_ARCHIVE", "MIRROR_ARCHIVES__<NAME>__UPSTREAM"})
"""What an invitation would have said: missing behind a faulty one it is no news."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The settings, or what is left of them without the faulty values, and the problems."""

    settings: Settings
    problems: tuple[Problem, ...]
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Effective:
    """One variable in force, secrets redacted. `source`: `default`, `environment`, `file PATH` or `invite`."""

    variable: str
    value: str
    source: str


def load(environ: Mapping[str, str]) -> Settings:
    """The settings; raises `ConfigurationError` with every problem."""
    return sound(read(environ))


def sound(reading: Reading) -> Settings:
    """The settings of a reading; raises `ConfigurationError` with every problem."""
    if reading.problems:
        raise ConfigurationError(reading.problems)
    return reading.settings


def read(environ: Mapping[str, str]) -> Reading:
    """Never raises: for boot, which has more to check before it reports."""
    return judge(gather(environ))


def judge(given: Given) -> Reading:
    """What the gathered texts come to; never raises."""
    settings, faults = _validate(_tree(given.texts))
    settings.lists_are_from(
        {
            name: source.removeprefix("file ")
            for name, source in given.sources.items()
            if name.endswith("__RUNMIRRORS") and source.startswith("file ")
        }
    )
    # A value that was refused already is missing now: no news.
    refused = {problem.variable.removesuffix("_FILE") for problem in given.problems}
    if INVITE in refused:
        refused |= OFFERED
    problems = [problem for fault in faults for problem in _problems(fault, given)] + [*contradictions(settings)]
    problems = [*given.problems, *(problem for problem in problems if problem.variable not in refused)]
    return Reading(settings, tuple(problems), given.sources)


def explain(environ: Mapping[str, str]) -> tuple[Effective, ...]:
    """Every variable in force with its value and source; raises as `load` does."""
    return spell(read(environ))


def spell(reading: Reading) -> tuple[Effective, ...]:
    """Every variable in force with its value and source. Raises `ConfigurationError` with every problem."""
    settings = sound(reading)
    values = dict(_flatten(settings.model_dump(mode="json", by_alias=True), PREFIX))
    return tuple(Effective(name, text(value), reading.sources.get(name, "default")) for name, value in values.items())


class _Texts(EnvSettingsSource):
    """Texts stay texts until their own types read them: below a chosen name `123` would otherwise be read as JSON."""

    def decode_complex_value(self, field_name: str, field: FieldInfo | None, value: Any) -> Any:
        return value


def _tree(texts: Mapping[str, str]) -> dict[str, Any]:
    """The texts nested by the `__` in their names. An empty text stands for the default, its archive still exists."""
    source = _Texts(Settings)
    source.env_vars = {name.lower(): value for name, value in texts.items()}
    tree = source()
    for family in ("archives", "triggers", "pulls", "http_triggers"):
        tree[family] = kebab(tree.get(family, {}))
    return _without_empty(tree)


def _without_empty(tree: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_empty(value) if isinstance(value, dict) else value for key, value in tree.items() if value != ""
    }


def _validate(tree: dict[str, Any]) -> tuple[Settings, list[ErrorDetails]]:
    """Settings from the tree. What is faulty is left out and tried again, so that the rest can be checked together."""
    faults: list[ErrorDetails] = []
    while True:
        try:
            return Settings(**tree), faults
        except ValidationError as error:
            known = {_variable(fault["loc"]) for fault in faults}
            faults += [fault for fault in error.errors() if _variable(fault["loc"]) not in known]
            left_out = [_leave_out(tree, _path(fault["loc"])) for fault in error.errors()]
            if not any(left_out):
                raise


def _path(loc: tuple[int | str, ...]) -> list[str]:
    return [part for part in loc if isinstance(part, str) and part != "[key]"]


def _leave_out(tree: dict[str, Any], path: list[str]) -> bool:
    """Remove the value at the path; when it is missing there, what it is missing from. False when nothing was there."""
    key, *rest = path
    inner = tree.get(key)
    if rest and isinstance(inner, dict) and (len(rest) > 1 or rest[0] in inner):
        return _leave_out(inner, rest)
    if path == ["name"]:
        tree[key] = UNNAMED
        return True
    return tree.pop(key, None) is not None


def _variable(loc: tuple[int | str, ...]) -> str:
    return PREFIX + "__".join(map(segment, _path(loc)))


def _problems(fault: ErrorDetails, given: Given) -> list[Problem]:
    problem, error = _problem(fault, given), fault.get("ctx", {}).get("error")
    if isinstance(error, Faults):
        return [Problem(problem.variable, one.fact, one.cure) for one in error.faults]
    return [problem]


def _problem(fault: ErrorDetails, given: Given) -> Problem:
    name = _variable(fault["loc"])
    variable = find(name)
    name = shown(name, given.sources.get(name))
    if isinstance(error := fault.get("ctx", {}).get("error"), Fault):
        return Problem(name, error.fact, error.cure)
    meaning = f"meaning: {variable.description}" if variable else "see the table of variables"
    if fault["type"] == "missing":
        return Problem(name, "is not set", f"set it; {meaning}")
    expected = fault.get("ctx", {}).get("expected")
    cure = f"choose {expected}" if expected else meaning
    return Problem(name, f"{fault['input']!r}: {fault['msg'].lower()}", cure)


def _flatten(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        name = prefix + segment(key)
        if isinstance(value, dict):
            yield from _flatten(value, f"{name}__")
        else:
            yield name, value
