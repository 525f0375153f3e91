"""What ssh complains of, in fewer words."""

from __future__ import annotations

import re

CHANGED = "its host key has changed"
UNKNOWN = "its host key is not known here"

HUNG_UP = (
    "it hung up before it knew us: too many connections at a time there, a penalty for our address, a firewall, or an"
    " sshd that begins"
)
"""sshd(8) drops connections beyond MaxStartups, and from addresses with penalties (PerSourcePenalties), at once."""

HUNG_UP_CURE = "it is tried again by itself; if it stays, ask its operator what its sshd's log says of our address"

_HUNG_UP = re.compile(r"^\w*_exchange_identification: |^Connection (closed|reset) by \S+ port \d+", re.MULTILINE)
"""OpenSSH 9 tells both, 10 only the latter when the end was an orderly one."""


def about_key(stderr: str) -> str:
    """CHANGED, UNKNOWN, or empty when it is about something else than the other side's host key."""
    if "has changed and you have requested strict checking" in stderr:
        return CHANGED
    return UNKNOWN if "Host key verification failed" in stderr or "host key is known for" in stderr else ""


def hung_up(stderr: str) -> bool:
    """Whether the other side ended the connection before anybody was logged in; later ssh says `Connection to …`."""
    return _HUNG_UP.search(stderr) is not None
