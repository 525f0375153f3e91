"""The token: everything that the operator of a new downstream would otherwise be told by mail."""

from __future__ import annotations

import time
from typing import Annotated, Final, Literal

from pydantic import Field

from appliance.joining import paper
from appliance.settings.faults import Fault
from appliance.settings.hosts import HostName, HostPatterns
from appliance.settings.publickey import PublicKey
from appliance.settings.values import Line

ArchiveName = Annotated[str, Field(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
"""What can stand in a variable's name, and in the path of a URL."""

KIND: Final = "push-mirror-invite-1"
"""The first word of a token; another number is another form."""


class Invitation(paper.Paper):
    """What an upstream offers to one downstream, once."""

    name: HostName
    """What the downstream is called there; its rsync user, until it is told another."""
    upstream: HostName
    """`MIRROR_NAME` of who invites."""
    secret: Annotated[str, Field(pattern="^[0-9a-f]{32}$", repr=False)]
    """Known to these two; good for one joining."""
    expires_at: int
    """Seconds since the epoch, by the upstream's clock."""
    callback: Line
    """The URL where the joining is taken, by POST; empty: its line has to be pasted there."""
    rsync: Line
    """`rsync://host:port`, or `rsync+tls://host:port`: where the modules are."""
    push_keys: tuple[PublicKey, ...]
    """The keys that will trigger."""
    host_keys: tuple[Line, ...]
    """The upstream's own sshd, as lines of a `known_hosts` file."""
    sources: HostPatterns = ()
    """Addresses that the triggers come from; empty: any."""
    archives: Annotated[dict[ArchiveName, Literal["debian", "rpm", "generic"]], Field(min_length=1, max_length=100)]
    """What is offered, each by the profile that the upstream has for it."""

    @property
    def token(self) -> str:
        """The one line to hand over. Who has it can join."""
        return paper.fold(KIND, self)

    @property
    def is_expired(self) -> bool:
        """By our own clock; the upstream decides by its own."""
        return time.time() > self.expires_at


def read(token: str) -> Invitation:
    """The invitation of a token, which may have expired; raises Fault without quoting it."""
    try:
        return paper.unfold(KIND, Invitation, token)
    except Fault as fault:
        cure = f"{fault.cure}, or ask its operator for another: mirrorctl invite"
        raise Fault(f"the token {fault.fact}", cure) from None
