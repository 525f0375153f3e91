"""The secrets of a member: what it fetches with, and the one that comes next."""

from __future__ import annotations

from dataclasses import replace

from appliance.joining import secrets
from appliance.records import Member


def passwords(member: Member, now: float) -> dict[str, str]:
    """The rsync passwords that a member may use now, by user: two of them while one takes the other's place."""
    if not member.is_joined:
        return {}
    found = {member.user: secrets.password(member.secret)}
    if overlaps(member, now):
        found[member.before_user] = secrets.password(member.before)
    return found


def overlaps(member: Member, now: float) -> bool:
    """Whether an old password is good beside the new one."""
    return member.is_joined and bool(member.before_user) and now < member.before_until


def succeeded(member: Member, nonce: str, user: str, until: float) -> Member:
    """The member with the secret that follows by a nonce, and the old one good for fetching until then."""
    return replace(
        member,
        user=user,
        generation=member.generation + 1,
        nonce=nonce,
        secret=secrets.heir(member.secret, nonce),
        before=member.secret,
        before_user=member.user,
        before_until=until,
        renew=False,
    )
