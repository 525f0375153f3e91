"""What ssh says about the host key of the other side, in fewer words."""

from __future__ import annotations

CHANGED = "its host key has changed"
UNKNOWN = "its host key is not known here"


def trouble(stderr: str) -> str:
    """CHANGED, UNKNOWN, or empty when ssh's complaint is about something else."""
    if "has changed and you have requested strict checking" in stderr:
        return CHANGED
    return UNKNOWN if "Host key verification failed" in stderr or "host key is known for" in stderr else ""
