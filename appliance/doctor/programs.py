"""The rsync in the image, against what is known to be wrong with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from appliance import commands
from appliance.doctor.advisories import ADVISORIES, KNOWN, Advisory, applies, is_mended_in, release_of
from appliance.doctor.finding import Finding, error, note, ok, warning
from appliance.doctor.patient import Patient

_MOMENT: Final = 10
"""Seconds for a program to say its version."""

_VERSION: Final = re.compile(r"^rsync +version v?(\d+(\.\d+)+\S*)", re.M)
_OS_RELEASE: Final = re.compile(r'^VERSION_ID="?(\d+)', re.M)


async def examine(_: Patient) -> list[Finding]:
    """Its own version, and where it is a package of Debian's that one's."""
    outcome = await commands.run(["rsync", "--version"], deadline=_MOMENT)
    found = _VERSION.search(outcome.stdout)
    if not found:
        fact = f"it does not say its version: {outcome.last_words}"
        return [error("rsync", fact, "the image is broken: build it again")]
    package = await commands.run(["dpkg-query", "-W", "-f", "${Version}", "rsync"], deadline=_MOMENT)
    return [judged(found[1], package.stdout.strip() if package.ok else "", _release())]


def judged(version: str, package: str, release: str) -> Finding:
    """What the table has to say of an rsync; what Debian mended and the table does not know is not accused."""
    title = f"rsync {package or version}"
    if (mended_for := release_of(package)) and mended_for not in KNOWN:
        fact = f"is mended by Debian {mended_for}, which our table does not know"
        return note(title, fact, "https://security-tracker.debian.org/tracker/source-package/rsync tells")
    release = mended_for or release
    bad = [one for one in ADVISORIES if applies(one, version, package, release)]
    if not bad:
        return ok(title, "none of the known faults applies")
    if package and not any(is_mended_in(one, release) for one in bad):
        fact = f"{_names(bad)}: {bad[-1].what}; Debian {release} had no newer one when our table was made"
        return note(title, fact, "build the image anew from time to time; MIRROR_RSYNC_MAX_CONNECTIONS bounds the load")
    return warning(title, f"{_names(bad)}: {bad[-1].what}", "build the image anew: docker build --pull --no-cache")


def _names(bad: list[Advisory]) -> str:
    names = [name for one in bad for name in one.names]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _release() -> str:
    try:
        found = _OS_RELEASE.search(Path("/etc/os-release").read_text())
    except OSError:
        return ""
    return found[1] if found else ""
