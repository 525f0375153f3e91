"""What an archive carries, and what its publications were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
class Publication:
    """One publication of ours: ``digests`` of the files its readers begin with, as far as they were noted, by path."""

    number: int
    serial: str | None
    published: float
    digests: Mapping[str, str] = field(default_factory=dict)
