"""What the page shows, as words and drawings: made of the status, so that it says what the API says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from appliance import status
from appliance.board import saying
from appliance.board.drawing import draw
from appliance.board.history import Strip, strip
from appliance.board.paper import STYLES, Drawing
from appliance.board.tree import grow
from appliance.controller import Controller
from appliance.records import Run

STRIP: Final = 60
"""Runs in the strip that shows how the last ones went."""

_ORDER: Final = ("bad", "unlisted", "stale", "unknown", "fresh")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to know of an archive, and the moment it is about, if it is about one."""

    term: str
    words: str
    when: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One archive as the page shows it."""

    name: str
    serial: str
    state: str
    doing: str
    share: float | None
    travel: str
    error: str
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]
    counts: str
    drawings: tuple[Drawing, ...]
    strip: Strip
    mirrors: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Board:
    """The whole page."""

    name: str
    headline: str
    sections: tuple[Section, ...]
    volumes: tuple[Fact, ...]
    now: float


def board(controller: Controller, now: float, only: str | None = None) -> Board:
    """What there is to show now, of all archives or ``only`` one."""
    picture = status.picture(controller)
    archives = {name: one for name, one in picture["archives"].items() if only in (None, name)}
    mirrors = [one for one in picture["mirrors"] if one["archive"] in archives]
    return Board(
        picture["name"],
        headline(archives, mirrors),
        tuple(_section(controller, picture, name, now) for name in archives),
        tuple(_volume(name, one) for name, one in picture["volumes"].items()),
        now,
    )


def headline(archives: Mapping[str, Mapping[str, Any]], mirrors: Sequence[Mapping[str, Any]]) -> str:
    """The whole of it in a sentence or two; what is wrong first."""
    failing = [name for name, one in archives.items() if one["error"] and one["state"] != "idle"]
    empty = [name for name, one in archives.items() if one["published_at"] is None and name not in failing]
    said = []
    if failing:
        said.append(f"{_listed(failing)} {'does' if len(failing) == 1 else 'do'} not sync.")
    paused = [name for name, one in archives.items() if one["state"] == "paused"]
    if paused:
        said.append(f"{_listed(paused)} {'is' if len(paused) == 1 else 'are'} paused.")
    if empty:
        said.append(f"{_listed(empty)} {'has' if len(empty) == 1 else 'have'} nothing published yet.")
    said += _about(mirrors)
    if not said:
        said.append("Everything is fresh.")
    going = [name for name, one in archives.items() if one["state"] == "running" and name not in failing]
    return " ".join([*said, *([f"{_listed(going)} {'is' if len(going) == 1 else 'are'} syncing."] if going else [])])


def _about(mirrors: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of the mirrors around us: how many of them are not fresh."""
    others = {one["mirror"] for one in mirrors if one["source"] != "self"}
    behind = {one["mirror"] for one in mirrors if one["fresh"] in ("stale", "unlisted", "bad")} & others
    unseen = others - {one["mirror"] for one in mirrors if one["fresh"] != "unknown"}
    said = []
    if behind:
        whole = "The only mirror is" if len(others) == 1 else f"{len(behind)} of {len(others)} mirrors "
        said.append(f"{whole}{'' if len(others) == 1 else 'is' if len(behind) == 1 else 'are'} behind.")
    if unseen:
        said.append(f"{saying.some(len(unseen), 'mirror')} {'was' if len(unseen) == 1 else 'were'} not seen yet.")
    return said


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _section(controller: Controller, picture: Mapping[str, Any], name: str, now: float) -> Section:
    one = picture["archives"][name]
    seen = [mirror for mirror in picture["mirrors"] if mirror["archive"] == name]
    runs = controller.store.runs(name, limit=STRIP)
    roots = grow(picture["name"], one, seen, now)
    progress = one["progress"]
    return Section(
        name,
        one["serial"] or "",
        one["state"],
        saying.doing(one, now),
        saying.share(progress) if progress else None,
        saying.travel(progress) if progress else "",
        one["error"] or "",
        tuple(one["notes"]),
        (*_facts(one, runs, now), *_invited(picture["membership"], name, now), *_guests(picture["members"], name)),
        counts(seen),
        tuple(draw(roots, style) for style in STYLES),
        strip(runs),
        tuple({**mirror, "told": _told(picture, mirror)} for mirror in sorted(seen, key=_worst_first)),
    )


def _worst_first(mirror: Mapping[str, Any]) -> tuple[bool, int, str]:
    return mirror["source"] != "self", _ORDER.index(mirror["fresh"]), mirror["mirror"]


def counts(seen: Iterable[Mapping[str, Any]]) -> str:
    """How many mirrors are how fresh, for who does not see the drawing."""
    found = Counter(one["fresh"] for one in seen)
    words = (f"{found[word]} {saying.FRESH[word]}" for word in reversed(_ORDER) if found[word])
    return f"{saying.some(sum(found.values()), 'mirror')}: {', '.join(words)}" if found else "no mirror is known"


def _told(picture: Mapping[str, Any], mirror: Mapping[str, Any]) -> str:
    """How telling a downstream of ours goes, when it does not go well."""
    told = picture["downstreams"].get(mirror["mirror"], {}).get(mirror["archive"])
    return str(told["error"]) if told and told["error"] else ""


def _facts(one: Mapping[str, Any], runs: Sequence[Run], now: float) -> Iterable[Fact]:
    yield Fact("published", saying.ago(one["published_at"], now), one["published_at"])
    last = next((run for run in runs if run.ended is not None), None)
    if last and last.ended:
        yield Fact("last run", f"{_RESULTS[last.result or 'error']}, {saying.ago(last.ended, now)}", last.ended)
    fetched = next((run for run in runs if run.ended is not None and run.bytes), None)
    if fetched:
        yield Fact("throughput", rate(fetched))
    failed = next((run for run in runs if run.result == "error"), None)
    if failed and not one["error"]:
        yield Fact("last failure", f"{saying.ago(failed.ended, now)}: {failed.error}", failed.ended)
    if one["upstream"]:
        yield Fact("upstream", one["upstream"])
    else:
        yield Fact("origin", "the archive begins here")
    yield Fact("verified", _verified(one))
    if one["valid_until"]:
        yield Fact("valid until", saying.moment(one["valid_until"]), one["valid_until"])
    if one["pending"]:
        yield Fact("waiting", saying.some(one["pending"], "request"))


def _invited(membership: Mapping[str, Any] | None, name: str, now: float) -> Iterable[Fact]:
    """Of an archive that comes by a token: by whose."""
    if membership and name in membership["archives"]:
        joined = membership["joined_at"]
        words = f"joined {saying.ago(joined, now)}" if membership["state"] == "joined" else "not let in"
        yield Fact("invited by", f"{membership['upstream']}, {words}", joined)


def _guests(members: Mapping[str, Mapping[str, Any]], name: str) -> Iterable[Fact]:
    """How many mirrors have joined us for an archive, and how many may."""
    states = Counter(one["state"] for one in members.values() if name in one["archives"])
    words = [f"{states[state]} {state}" for state in ("joined", "invited") if states[state]]
    if words:
        yield Fact("by invitation", ", ".join(words))


_RESULTS: Final = {"success": "good", "noop": "nothing new", "error": "failed"}


def rate(run: Run) -> str:
    """What a run has fetched, and how fast on the whole."""
    seconds = (run.ended or run.started) - run.started
    pace = f" at {saying.size(run.bytes / seconds)}/s" if seconds > 0 else ""
    return f"{saying.size(run.bytes)}{pace}"


def _verified(one: Mapping[str, Any]) -> str:
    if one["verify"] == "off":
        return "no"
    signed = {True: "signed", False: "by hashes only", None: "nothing yet"}[one["signed"]]
    return signed if one["verify"] == "full" else f"{signed}, indices only"


def _volume(name: str, one: Mapping[str, Any]) -> Fact:
    words = "read-only" if one["read_only"] else f"{saying.size(one['free_bytes'])} free"
    return Fact({"data": "archives' volume", "state": "state volume"}.get(name, name), words)
