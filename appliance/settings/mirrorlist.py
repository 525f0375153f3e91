"""A stock ``runmirrors.mirror`` list, read as it is: another spelling of MIRROR_DOWNSTREAMS (PROTOCOL section 1.4).

A line that cannot be read is a fault with its number and its cure, and stops no other line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

from appliance.settings.addresses import HOST, readable_key
from appliance.settings.downstream import Downstream, Push
from appliance.settings.faults import Fault
from appliance.settings.values import NAME, USER

KINDS: Final = ("all", "staged", "mhop")
USUAL_DELAY: Final = 600
"""Seconds of a DELAY that names none."""

_FORM: Final = "write TYPE NAME HOST USER [2 KEYFILE | -options], TYPE NAME ssh+ftpsync://USER@HOST[/ARCHIVE], or DELAY"


@dataclass(frozen=True, slots=True)
class MirrorList:
    """The downstreams of a list, and what is wrong with its other lines, one text each."""

    downstreams: tuple[Downstream, ...] = ()
    faults: tuple[str, ...] = ()


def read(text: str, directory: Path, archive: str, wire_name: str) -> MirrorList:
    """Read the list of one archive; never raises.

    Relative key files are looked for in ``directory``; ``wire_name`` is what the downstreams call the archive, unless a
    URL says otherwise.
    """
    found: dict[str, Downstream] = {}
    faults, delay = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            if words[0] == "DELAY":
                delay += _delay(words[1:])
            else:
                one = _entry(words, directory)
                if one.name in found:
                    raise Fault(f"{one.name} is there twice", "give every mirror a name of its own")
                name = wire_name if one.remote_archive is None else one.remote_archive
                found[one.name] = replace(one, delay=delay, archives=(archive,), remote_archive=name)
        except Fault as fault:
            faults.append(f"line {number}: {fault.fact}; {fault.cure}")
    return MirrorList(tuple(found.values()), tuple(faults))


def _delay(words: Sequence[str]) -> int:
    """Seconds that the entries below wait. ``DELAY n stage1`` asks for what our barrier does anyway: 0."""
    if words and not words[0].isdigit():
        raise Fault(
            f"DELAY {words[0]!r} is not a number of seconds", "write DELAY, DELAY SECONDS or DELAY SECONDS stage1"
        )
    if words[1:] == ["stage1"]:
        return 0
    if words[1:]:
        raise Fault(f"DELAY takes no {words[1]!r}", "write DELAY, DELAY SECONDS or DELAY SECONDS stage1")
    return int(words[0]) if words else USUAL_DELAY


def _entry(words: Sequence[str], directory: Path) -> Downstream:
    kind, *others = words
    if kind not in KINDS:
        raise Fault(f"{kind!r} is not a type", f"choose one of {', '.join(KINDS)}")
    if len(others) < 2 or not NAME.fullmatch(others[0]):
        raise Fault("a name and a host are missing", _FORM)
    push = cast(Push, kind)
    if "://" in others[1]:
        return _url(push, others[0], others[1])
    if len(others) < 3:
        raise Fault("the user is missing", _FORM)
    name, host, user, *rest = others
    if not HOST.fullmatch(host) or not USER.fullmatch(user):
        raise Fault(f"{user}@{host} is not a user on a host", _FORM)
    return _with_rest(Downstream(name, host, user, push=push), rest, directory)


def _url(push: Push, name: str, text: str) -> Downstream:
    try:
        url = urlsplit(text)
        port = url.port or 22
    except ValueError as error:
        raise Fault(f"{text} is not a URL: {error}", _FORM) from None
    if url.scheme != "ssh+ftpsync":
        raise Fault(f"{url.scheme}:// is the wrong scheme", "write ssh+ftpsync://USER@HOST[/ARCHIVE]")
    if not USER.fullmatch(url.username or "") or not HOST.fullmatch(url.hostname or ""):
        raise Fault(f"{url.netloc} names no user on a host", "write ssh+ftpsync://USER@HOST[/ARCHIVE]")
    archive = url.path.strip("/") or None
    return Downstream(name, url.hostname or "", url.username or "", port, push, remote_archive=archive)


def _with_rest(one: Downstream, rest: Sequence[str], directory: Path) -> Downstream:
    """What stands behind the user: a protocol digit and perhaps a key file, or options for ssh."""
    if not rest:
        return one
    if rest[0].startswith("-"):
        return replace(one, options=tuple(rest))
    if rest[0] == "1":
        raise Fault("ssh protocol 1 is gone", "write 2, or nothing")
    if rest[0] != "2" or len(rest) > 2:
        raise Fault(f"{' '.join(rest)!r} is neither 2 KEYFILE nor options for ssh", _FORM)
    return replace(one, key=readable_key(str(directory / rest[1]))) if rest[1:] else one
