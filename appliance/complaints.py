"""What ssh complains of, in fewer words."""

from __future__ import annotations

CHANGED = "its host key has changed"
UNKNOWN = "its host key is not known here"

HUNG_UP = (
    "it hung up before a word of ssh: too many connections at a time there, a penalty for our address, a firewall, or"
    " an sshd that begins"
)
"""sshd(8) drops connections beyond MaxStartups, and from addresses with penalties (PerSourcePenalties), at once."""

HUNG_UP_CURE = "it is tried again by itself; if it stays, ask its operator what its sshd's log says of our address"


def about_key(stderr: str) -> str:
    """CHANGED, UNKNOWN, or empty when it is about something else than the other side's host key."""
    if "has changed and you have requested strict checking" in stderr:
        return CHANGED
    return UNKNOWN if "Host key verification failed" in stderr or "host key is known for" in stderr else ""


def hung_up(stderr: str) -> bool:
    """Whether the other side ended the connection before it had shown itself to be an sshd."""
    return "_exchange_identification: " in stderr
