"""What people are told of how we stand with the upstream that has invited us."""

from __future__ import annotations

from typing import Any, Final

from appliance import clock, log
from appliance.joining.invitation import Invitation
from appliance.joining.membership import Membership

PASTE: Final = "have its operator paste the line that mirrorctl join shows"


def picture(offer: Invitation, known: Membership | None, archives: tuple[str, ...]) -> dict[str, Any]:
    """What everybody may know of it. Times are epoch seconds."""
    return {
        "upstream": offer.upstream,
        "name": offer.name,
        "archives": list(archives),
        "state": known.state if known else "waiting",
        "renewing": bool(known and known.renewal),
        "joined_at": known.joined_at if known else None,
        "answered_at": known.answered_at if known else None,
        "trouble": (known.trouble or None) if known else None,
        "cure": (known.cure or None) if known else None,
    }


def note(seen: dict[str, Any]) -> str:
    """A line about an archive that comes by a token; empty when all is well. ``seen`` is the picture."""
    if seen["state"] == "joined":
        return ""
    word = "waiting to be let in by" if seen["state"] == "waiting" else "not let in by"
    return f"{word} {seen['upstream']}: {seen['trouble'] or 'we are asking'}; {seen['cure'] or 'mirrorctl join'}"


def summary(seen: dict[str, Any]) -> str:
    """The whole of it in a line. ``seen`` is the picture."""
    if seen["state"] != "joined":
        return note(seen)
    heard = f", last answer {clock.minute(seen['answered_at'])}" if seen["answered_at"] else ""
    more = "; a new password is asked for" if seen["renewing"] else ""
    return f"joined {seen['upstream']} as {seen['name']} on {clock.minute(seen['joined_at'])}{heard}{more}"


def log_line(offer: Invitation, known: Membership, paste: str | None, is_new: bool) -> None:
    """Tell of what has changed: that we are in, or have a new secret (``is_new``), and what is wrong."""
    if is_new and known.state == "joined":
        log.event("the upstream lets us in", upstream=offer.upstream, name=offer.name, user=known.user)
    if known.trouble:
        words = {
            "waiting": "not let in yet",
            "joined": "the upstream that we have joined is not heard",
            "refused": "the upstream that has invited us does not let us in",
        }
        facts = {"upstream": offer.upstream, "reason": known.trouble, "cure": known.cure, "paste": paste}
        log.trouble(words[known.state], **facts)
