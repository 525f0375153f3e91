"""What the store keeps, as values. Times are epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass


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
    rarely. ``carries`` is the serial that it
    was last seen to publish, None when nobody has looked.
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


def _is_serial(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
