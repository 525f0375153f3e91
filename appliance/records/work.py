"""What is asked, and what is done about it."""

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
