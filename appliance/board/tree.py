"""The mirrors of an archive as a tree: who fetches from whom, as far as anybody knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from appliance.board import saying

DEEPEST: Final = 32
"""Tiers: what mirrors say of each other is no reason to go on for ever."""


@dataclass(frozen=True, slots=True)
class Station:
    """One mirror in the picture.

    ``state`` is how fresh it is, ``line`` its serial or how far it is behind, ``detail`` what it does or what is wrong
    with it. ``share`` of a sync that goes on is done. ``rank`` is ``upstream``, ``self`` or ``mirror``.
    """

    name: str
    rank: str
    state: str
    line: str
    short: str
    detail: str
    share: float | None = None
    below: tuple[Station, ...] = ()

    def all(self) -> Iterator[Station]:
        """Itself, and everything below it."""
        yield self
        for one in self.below:
            yield from one.all()

    @property
    def depth(self) -> int:
        """How many tiers are below it."""
        return max((1 + one.depth for one in self.below), default=0)

    @property
    def is_leaf(self) -> bool:
        """Whether nobody is known to fetch from it."""
        return not self.below


def grow(name: str, archive: Mapping[str, Any], seen: Iterable[Mapping[str, Any]], now: float) -> tuple[Station, ...]:
    """The roots: the one with what we fetch from and us below it, then those of whom nobody knows where they belong.

    ``archive`` is what the status says of it, ``seen`` its mirrors. A loop in what mirrors say of each other is cut.
    """
    family = _Family(name, archive, now, {one["mirror"]: dict(one) for one in seen})
    family.settle()
    return family.roots()


@dataclass(slots=True)
class _Family:
    """Seen mirrors by name, and who is below whom."""

    name: str
    archive: Mapping[str, Any]
    now: float
    seen: dict[str, dict[str, Any]]
    below: dict[str, list[str]] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)

    def settle(self) -> None:
        """Find out who is below whom; we are below our upstream, whatever else is known of it."""
        ours = self.seen.setdefault(self.name, {"mirror": self.name, "parent": None, "fresh": "unknown"})
        if self.archive["upstream"]:
            ours["parent"] = ours["parent"] or urlsplit(self.archive["upstream"]).hostname
            if ours["parent"] and ours["parent"] != self.name:
                self.seen.setdefault(ours["parent"], {"mirror": ours["parent"], "parent": None})
        for one in self.seen.values():
            if one["parent"] in self.seen:
                self.below.setdefault(one["parent"], []).append(one["mirror"])

    def roots(self) -> tuple[Station, ...]:
        """Ours first; whoever can be reached by a loop only comes last."""
        found = [self.station(self._top())]
        free = [name for name, one in self.seen.items() if one["parent"] not in self.seen]
        found += [self.station(name) for name in (*sorted(free), *sorted(self.seen)) if name not in self.placed]
        return tuple(found)

    def _top(self) -> str:
        """The farthest above us."""
        passed = [self.name]
        while (parent := self.seen[passed[-1]]["parent"]) in self.seen and parent not in passed and len(passed) < 9:
            passed.append(parent)
        return passed[-1]

    def station(self, name: str, depth: int = 0) -> Station:
        """A mirror with all that is below it and has no place yet."""
        self.placed.add(name)
        below = []
        for other in sorted(self.below.get(name, ())) if depth < DEEPEST else ():
            if other not in self.placed:
                below.append(self.station(other, depth + 1))
        one, under = self.seen[name], tuple(below)
        if name == self.name:
            return _ours(name, self.archive, one["fresh"], under, self.now)
        if "fresh" not in one:
            return _upstream(name, self.archive, under)
        return Station(name, "mirror", one["fresh"], _line(one), _short(one), _detail(one, self.now), below=under)


def _line(one: Mapping[str, Any]) -> str:
    late = f"{saying.span(one['lag'])} behind" if one["lag"] else ""
    return ", ".join(filter(None, (one["serial"] or "", late))) or saying.FRESH[one["fresh"]]


def _short(one: Mapping[str, Any]) -> str:
    """What a small cell has room for."""
    if one["fresh"] == "unknown":
        return "?"
    return " ".join(saying.span(one["lag"]).split()[:2]) if one["lag"] else ""


def _detail(one: Mapping[str, Any], now: float) -> str:
    if one["error"]:
        return str(one["error"])
    if one["consistent"] is False:
        return "its indices are older than its trace says"
    if one["activity"] and one["activity"] != "idle":
        return str(one["activity"])
    if one["missed"]:
        return f"lacks {saying.some(one['missed'], 'publication')}"
    return f"synced {saying.ago(one['changed_at'], now)}" if one["changed_at"] else ""


def _ours(name: str, archive: Mapping[str, Any], state: str, below: tuple[Station, ...], now: float) -> Station:
    progress = archive["progress"]
    detail = saying.doing(archive, now)
    share = saying.share(progress) if progress else None
    if share is not None and archive["stage"] in ("payload", "index"):
        detail = f"{detail}, {100 * share:.0f} %"
    return Station(name, "self", state, archive["serial"] or "nothing published", "", detail, share, below)


def _upstream(name: str, archive: Mapping[str, Any], below: tuple[Station, ...]) -> Station:
    """One that nobody watches; something is known of it when there are several to choose from."""
    look: Mapping[str, Any] = next((one for one in archive["upstreams"] if one["url"] == archive["upstream"]), {})
    state = "bad" if look.get("error") else "upstream"
    return Station(name, "upstream", state, look.get("serial") or "upstream", "", look.get("error") or "", None, below)
