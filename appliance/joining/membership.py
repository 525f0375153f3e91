"""What we remember of the upstream that has invited us: a small file on the state volume, for us alone."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import Literal

from pydantic import Field

from appliance.joining import secrets
from appliance.joining.invitation import Invitation
from appliance.joining.paper import Paper
from appliance.places import Places


class Membership(Paper):
    """From the moment that we have named a nonce; ``user`` and the secret's password are what we fetch with."""

    token: str
    """Which token it is about: a digest of its secret."""
    nonce: str
    """Named by us when we joined, or when the password was last changed."""
    secret: str = Field(repr=False)
    """Follows from the token's, or from the one before, by the nonce."""
    user: str
    state: Literal["waiting", "joined", "refused"] = "waiting"
    renewal: str = ""
    """The nonce of a new secret that we have asked for, and that the upstream may have made its own already."""
    push_keys: tuple[str, ...] = ()
    host_keys: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """As the upstream said last; before it has said anything, as the token says."""
    said_at: int = 0
    """What our last statement says of its time: the next one is younger."""
    begun_at: float = 0.0
    joined_at: float | None = None
    answered_at: float | None = None
    """When the upstream has last answered."""
    trouble: str = ""
    """Why the last question has got no answer, or a bad one; empty when all is well."""
    cure: str = ""

    @property
    def is_joined(self) -> bool:
        """Whether the upstream has let us in, as far as we know."""
        return self.state == "joined"

    @property
    def password(self) -> str:
        """What the upstream's rsync daemon shall be shown."""
        return secrets.password(self.secret)

    @property
    def next_secret(self) -> str:
        """The one that follows when the renewal goes well."""
        return secrets.heir(self.secret, self.renewal)

    def changed(self, **fields: object) -> Membership:
        """The same with these fields as given."""
        return self.model_copy(update=fields)


def identity(offer: Invitation) -> str:
    """Tells one token from another, and nothing about its secret."""
    return hashlib.sha256(f"push-mirror token {offer.secret}".encode()).hexdigest()


def begun(offer: Invitation, now: float) -> Membership:
    """A membership by a token that has not been used."""
    nonce = secrets.fresh()
    return Membership(
        token=identity(offer),
        nonce=nonce,
        secret=secrets.heir(offer.secret, nonce),
        user=offer.name,
        push_keys=offer.push_keys,
        host_keys=offer.host_keys,
        sources=offer.sources,
        begun_at=now,
    )


def kept(places: Places, offer: Invitation) -> Membership | None:
    """What is remembered of this token; None when that is nothing, or cannot be read."""
    with suppress(OSError):
        return _read(places, offer)
    return None


def _read(places: Places, offer: Invitation) -> Membership | None:
    """Raises OSError when the file is there and cannot be read."""
    with suppress(FileNotFoundError, ValueError):
        found = Membership.model_validate_json(places.membership.read_text("utf-8"))
        if found.token == identity(offer):
            return found
    return None


def keep(places: Places, membership: Membership) -> None:
    """Remember it: a crash leaves the old one or the new one. Raises OSError."""
    scratch = places.membership.with_name(f".{places.membership.name}.new")
    scratch.unlink(missing_ok=True)
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(membership.model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(places.membership)
    directory = os.open(places.state, os.O_RDONLY)
    try:
        os.fsync(directory)  # its nonce is told to others: it must not be forgotten
    finally:
        os.close(directory)


def open_for(places: Places, offer: Invitation, now: float) -> Membership:
    """What is remembered of the token; where that is nothing, joining begins here.

    Raises OSError: what cannot be read now may be the only proof that we have joined, so nothing is put in its place.
    """
    found = _read(places, offer)
    if found is None:
        keep(places, found := begun(offer, now))
    return found
