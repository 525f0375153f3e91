"""Mirrors that were invited."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Joined = Literal["invited", "joined", "revoked"]
"""What has become of an invitation."""


@dataclass(frozen=True, slots=True)
class Member:
    """A mirror that may join us, has joined, or must not any more.

    ``token`` is the secret of its invitation, ``secret`` the one it has by now, made with ``nonce``; ``before`` the one
    before that, good for fetching as ``before_user`` until ``before_until``. ``archives`` were offered, of those it
    ``carries`` some. ``expires``: the end of its invitation, or of what was revoked. ``sources`` are addresses that our
    triggers come from. ``said`` is when, by its own clock, it last said something that was taken over; ``told`` are the
    push keys that it was told of; ``renew``: it is to ask for a new secret.
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
