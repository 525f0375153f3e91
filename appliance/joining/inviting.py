"""What can be offered to whom, and the token that says so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from appliance.errors import ApplianceError
from appliance.joining import secrets
from appliance.joining.admitted import downstream_names
from appliance.joining.claims import Ours
from appliance.joining.invitation import Invitation
from appliance.records import Member
from appliance.settings import Settings
from appliance.settings.downstream import Push
from appliance.settings.faults import Fault
from appliance.settings.hosts import host_name, host_pattern
from appliance.settings.public import NOWHERE

LONGEST: Final = 366 * 24 * 3600
"""Seconds that a token is good for, at most."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an operator wants a token for. ``expires`` is seconds from now; ``archives`` empty: the only one."""

    name: str
    archives: tuple[str, ...] = ()
    push: Push = "staged"
    expires: int = 7 * 24 * 3600
    sources: tuple[str, ...] = ()
    tls: bool = False


def check(offer: Offer, known: Member | None, settings: Settings, users: Collection[str]) -> None:
    """Raise ApplianceError for what cannot be offered; ``users`` are those that are somebody's already."""
    _check_words(offer)
    if known and known.is_joined:
        cure = (
            f"if it has lost its state volume, first: mirrorctl revoke {offer.name}; its archives are offered anew then"
        )
        raise ApplianceError(f"{offer.name} has joined already", cure)
    if offer.name in {settings.name, *downstream_names(settings), *users}:
        cure = "invite it by another name; or take its lines out of MIRROR_DOWNSTREAMS and MIRROR_RSYNC_SECRETS"
        raise ApplianceError(f"{offer.name} is somebody here already", cure)
    there = f"there are: {', '.join(settings.archives)}"
    for archive in offer.archives:
        if archive not in settings.archives:
            raise ApplianceError(f"no archive {archive!r}", there)
    if not offer.archives and len(settings.archives) > 1:
        raise ApplianceError("there are several archives", f"say which with --archive; {there}")
    if offer.tls and not settings.public.rsync_tls:
        raise ApplianceError("there is no way in by TLS", "set MIRROR_TLS_CERT and MIRROR_TLS_KEY, or leave --tls out")


def _check_words(offer: Offer) -> None:
    try:
        host_name(offer.name)
        for pattern in offer.sources:
            host_pattern(pattern)
    except Fault as fault:
        raise ApplianceError(fault.fact, fault.cure) from None
    if not 0 < offer.expires <= LONGEST:
        raise ApplianceError("a token ends some day, in a year at most", "write such as --expires 7d")


def member(offer: Offer, settings: Settings, push_keys: tuple[str, ...], now: float) -> Member:
    """Who may join by an offer, by a secret of his own; the token tells him of the push keys."""
    archives = tuple(dict.fromkeys(offer.archives or settings.archives))
    return Member(
        offer.name, "invited", secrets.fresh(), archives, now, now + offer.expires, push=offer.push,
        sources=offer.sources, told=push_keys,
    )  # fmt: skip


def invitation(member: Member, settings: Settings, ours: Ours, tls: bool) -> Invitation:
    """The token for a member, with all that it needs to know of us."""
    public = settings.public
    return Invitation(
        name=member.name,
        upstream=settings.name,
        secret=member.token,
        expires_at=int(member.expires),
        callback="" if public.http == NOWHERE else f"{public.http}/join",
        rsync=f"rsync+tls://{public.rsync_tls}" if tls else f"rsync://{public.rsync}",
        push_keys=ours.push_keys,
        host_keys=ours.host_keys,
        sources=member.sources,
        archives={name: settings.archives[name].profile for name in member.archives},
    )
