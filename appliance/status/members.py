"""Who was invited, as others and as its operator may know of it."""

from __future__ import annotations

import time
from typing import Any

from appliance.joining.member import overlaps
from appliance.records import Member


def joined(one: Member) -> dict[str, Any]:
    """What everybody may know of an invitation."""
    return {
        "state": one.state,
        "archives": list(one.archives),
        "invited_at": one.invited,
        "expires_at": one.expires,
        "joined_at": one.joined,
        "seen_at": one.seen,
    }


def member(one: Member) -> dict[str, Any]:
    """What its operator may know of it: everything but what is secret."""
    return {
        "name": one.name,
        **joined(one),
        "push": one.push,
        "sources": list(one.sources),
        "carries": list(one.carries),
        "mirror": one.mirror,
        "ssh": one.ssh,
        "host_keys": list(one.host_keys),
        "site": one.site,
        "user": one.user,
        "renew": one.renew,
        "overlap_until": one.before_until if overlaps(one, time.time()) else None,
    }
