"""What the store keeps, as values. Times are epoch seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Source = Literal["self", "registered", "downstream", "report", "trace"]
"""Who told us of a mirror."""

Fresh = Literal["fresh", "stale", "unlisted", "bad", "unknown"]
"""How far a mirror is behind us, as a word."""

Joined = Literal["invited", "joined", "revoked"]
"""What has become of an invitation."""


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody wants an archive synced (at an origin: published). ``code`` is None until it is answered."""

    id: str
    archive: str
    stage: str
    mhop: bool
    source: str
    by: str
    received: float
    due: float
    callback: bool = False
    allow_deletes: bool = False
    allow_rollback: bool = False
    full: bool = False
    run: int | None = None
    code: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One sync, or one publication at an origin. ``result`` is success, noop or error; None while it runs.

    ``cause`` is one word for what kind of trouble an error was (``retry.cause_of``).
    """

    id: int
    archive: str
    kind: str
    trigger: str
    started: float
    ended: float | None
    result: str | None
    error: str
    serial: str | None
    payload: int
    indices: int
    deleted: int
    bytes: int
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """What an archive carries; ``publication`` counts ours, ``publishing`` is the run of an unfinished one.

    ``sealed`` is what ``signed`` will be when that is finished. ``unpublished`` is the start of the first run that
    brought payload which no publication has told of. ``refused`` paths of the upstream are not carried;
    ``refused_paths`` are the first of them with the reason. ``audited`` is when everything was last compared with the
    upstream, ``drift`` how many paths that ever found of which its journal had not told; ``planner`` what made the last
    plan.
    """

    name: str
    publication: int = 0
    serial: str | None = None
    published: float | None = None
    signed: int | None = None
    sealed: int | None = None
    publishing: int | None = None
    unpublished: float | None = None
    failures: int = 0
    note: str = ""
    refused: int = 0
    refused_paths: tuple[str, ...] = ()
    audited: float | None = None
    drift: int = 0
    planner: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where in an upstream's journal our tree is, and what ``terms`` (upstream, layout, filters) that holds for."""

    epoch: str
    serial: int
    digest: str
    terms: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far one downstream has been told: ``state`` is pending, pushing, delivered, failing or lost.

    ``attempts`` have been made since it last knew, the last ``silent`` of them reached nobody; who is lost is tried
    rarely. ``carries`` is the serial that it was last seen to publish, None when nobody has looked; ``failing`` is when
    the first attempt failed since it last knew, None when none has. ``site`` is the URL where it says that its users
    find the archive, empty when it says nothing.
    """

    downstream: str
    archive: str
    publication: int
    serial: str | None
    state: str
    attempts: int
    error: str
    next: float | None
    since: float
    carries: str | None = None
    silent: int = 0
    failing: float | None = None
    site: str = ""

    @property
    def is_confirmed(self) -> bool:
        """Whether the downstream was seen to publish what it was to be told of, or something newer."""
        return self.carries is not None and not self.is_behind(self.carries)

    def is_behind(self, serial: str) -> bool:
        """Whether a serial is older than that of the publication; what is no serial is not."""
        mine, other = self.serial or "", serial
        return all(map(_is_serial, (mine, other))) and int(other) < int(mine)


@dataclass(frozen=True, slots=True)
class Notice:
    """What is wrong with a subject since when, or that it was ``over`` then: as a channel is told of it."""

    condition: str
    subject: str
    reason: str
    since: float
    over: float | None


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication of ours: ``digests`` of the files its readers begin with, as far as they were noted, by path."""

    number: int
    serial: str | None
    published: float
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One archive at one mirror, as it was last seen.

    ``parent`` is the mirror it fetches from; ``url`` the base URL looked at, None when nobody looks; ``serial`` the
    master's as carried, by the indices where those are older than the trace; ``missed`` publications of ours it has
    not got, ``lag`` is seconds since the first of them was published here. ``looked_at`` is the last look and
    ``seen_at`` the last one that saw something, ``changed_at`` when the serial was first seen. ``consistent``: the
    indices are those of the trace's serial. ``activity`` is what it does, in its own words; ``error`` why the last look
    saw nothing. ``listed``: its operator wants users.
    """

    mirror: str
    archive: str
    parent: str | None
    source: Source
    url: str | None = None
    serial: str | None = None
    fresh: Fresh = "unknown"
    missed: int | None = None
    lag: float | None = None
    looked_at: float | None = None
    changed_at: float | None = None
    consistent: bool | None = None
    activity: str | None = None
    error: str = ""
    listed: bool = False
    country: str = ""
    weight: int = 100
    seen_at: float | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A mirror that may join us, has joined, or must not any more.

    ``token`` is the secret of its invitation, ``secret`` the one it has by now, made with ``nonce``; ``before`` the one
    before that, good for fetching as ``before_user`` until ``before_until``. ``archives`` were offered, of those it
    ``carries`` some. ``sources`` are addresses that our triggers come from. ``said`` is when, by its own clock, it last
    said something that was taken over; ``told`` are the push keys that it was told of; ``renew``: it is to ask for a
    new secret.
    """

    name: str
    state: Joined
    token: str = field(repr=False)
    archives: tuple[str, ...]
    invited: float
    expires: float
    push: Literal["all", "staged", "mhop"] = "staged"
    sources: tuple[str, ...] = ()
    user: str = ""
    generation: int = 0
    nonce: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    before: str = field(default="", repr=False)
    before_user: str = ""
    before_until: float = 0.0
    mirror: str = ""
    ssh: str = ""
    host_keys: tuple[str, ...] = ()
    site: str = ""
    carries: tuple[str, ...] = ()
    said: int = 0
    joined: float | None = None
    seen: float | None = None
    renew: bool = False
    told: tuple[str, ...] = ()

    @property
    def is_joined(self) -> bool:
        """Whether it may fetch, and is pushed."""
        return self.state == "joined"


def serial_number(text: str | None) -> int | None:
    """A serial as the number it is compared by; None for what is no serial."""
    return int(text) if text and _is_serial(text) else None


def _is_serial(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
