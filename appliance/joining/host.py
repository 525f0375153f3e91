"""The upstream's side of joining: who is invited, who is let in, and what becomes of him."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from appliance import log
from appliance.errors import ApplianceError
from appliance.introduction import pins, push_keys
from appliance.joining import hearing, secrets, statement
from appliance.joining.admitted import downstream_names
from appliance.joining.hearing import Heard, Ours, Stranger
from appliance.joining.invitation import Invitation
from appliance.joining.member import overlaps
from appliance.places import Places
from appliance.records import Member
from appliance.settings import Settings
from appliance.settings.downstream import Push
from appliance.settings.faults import Fault
from appliance.settings.hosts import host_name, host_pattern
from appliance.settings.public import NOWHERE
from appliance.settings.secrets import secret_users
from appliance.store import Store

LONGEST: Final = 366 * 24 * 3600
"""Seconds that a token is good for, at most."""

_SOON: Final = 60.0
"""Seconds until what could not be put in force is tried again."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an operator wants a token for. ``expires`` is seconds from now; ``archives`` empty: the only one."""

    name: str
    archives: tuple[str, ...] = ()
    push: Push = "staged"
    expires: int = 7 * 24 * 3600
    sources: tuple[str, ...] = ()
    tls: bool = False


class Host:
    """Those whom we have invited. ``renew`` puts in force who is a member by now; ``welcome`` is told who has joined.

    Everything is on disk before anybody is answered.
    """

    def __init__(self, settings: Settings, places: Places, store: Store, welcome: Callable[[Member], None]) -> None:
        self._settings, self._places, self._store, self._welcome = settings, places, store, welcome
        self._is_in_force, self._changed = True, asyncio.Event()
        self.renew: Callable[[], object] = lambda: None

    def take_over(self, settings: Settings) -> None:
        """Use these settings from now on."""
        self._settings = settings

    async def work(self) -> None:
        """Take out of force what is no longer good, until cancelled."""
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout(self._pause(time.time())):
                    await self._changed.wait()
            except TimeoutError:
                self._is_in_force = False
            try:
                self._put_in_force()
            except (ApplianceError, OSError, sqlite3.Error) as error:
                log.trouble("changed memberships are not in force yet", reason=str(error))

    def _pause(self, now: float) -> float | None:
        """Seconds until the next password ends; None when none does."""
        if not self._is_in_force:
            return _SOON
        ends = [one.before_until for one in self._store.members() if overlaps(one, now)]
        return min(ends) - now + 0.1 if ends else None

    def invite(self, offer: Offer) -> tuple[Invitation, bool]:
        """A new invitation, and whether it takes the place of one that nobody has used. Raises ApplianceError."""
        try:
            host_name(offer.name)
            for pattern in offer.sources:
                host_pattern(pattern)
        except Fault as fault:
            raise ApplianceError(fault.fact, fault.cure) from None
        known = self._store.member(offer.name)
        archives = offer.archives or tuple(self._settings.archives)
        self._check(offer, known)
        now = time.time()
        member = Member(
            offer.name, "invited", secrets.fresh(), tuple(dict.fromkeys(archives)), now, now + offer.expires,
            offer.push, offer.sources,
        )  # fmt: skip
        invitation = self._invitation(member, offer.tls)
        self._store.keep_member(member)
        log.event("invited", member=member.name, archives=" ".join(member.archives))
        return invitation, known is not None and known.state == "invited"

    def _check(self, offer: Offer, known: Member | None) -> None:
        if known and known.is_joined:
            raise ApplianceError(f"{offer.name} has joined already", f"end that first: mirrorctl revoke {offer.name}")
        taken = {self._settings.name, *downstream_names(self._settings), *self._users(offer.name)}
        if offer.name in taken:
            cure = "invite it by another name; or take its lines out of MIRROR_DOWNSTREAMS and MIRROR_RSYNC_SECRETS"
            raise ApplianceError(f"{offer.name} is somebody here already", cure)
        there = f"there are: {', '.join(self._settings.archives)}"
        for archive in offer.archives:
            if archive not in self._settings.archives:
                raise ApplianceError(f"no archive {archive!r}", there)
        if not offer.archives and len(self._settings.archives) > 1:
            raise ApplianceError("there are several archives", f"say which with --archive; {there}")
        if not 0 < offer.expires <= LONGEST:
            raise ApplianceError("a token ends some day, in a year at most", "write such as --expires 7d")
        if offer.tls and not self._settings.public.rsync_tls:
            raise ApplianceError(
                "there is no way in by TLS", "set MIRROR_TLS_CERT and MIRROR_TLS_KEY, or leave --tls out"
            )

    def _invitation(self, member: Member, tls: bool) -> Invitation:
        public, ours = self._settings.public, self._ours(member)
        return Invitation(
            name=member.name,
            upstream=self._settings.name,
            secret=member.token,
            expires_at=int(member.expires),
            callback="" if public.http == NOWHERE else f"{public.http}/join",
            rsync=f"rsync+tls://{public.rsync_tls}" if tls else f"rsync://{public.rsync}",
            push_keys=ours.push_keys,
            host_keys=ours.host_keys,
            sources=member.sources,
            archives={name: self._settings.archives[name].profile for name in member.archives},
        )

    def _ours(self, member: Member) -> Ours:
        everyone = {one for name in self._settings.archives for one in self._settings.downstreams_of(name)}
        return Ours(
            push_keys=push_keys(self._places),
            host_keys=pins(self._settings, self._places),
            archives=tuple(self._settings.archives),
            others=frozenset((one.host, one.port) for one in everyone if one.name != member.name and not one.url),
            users=self._users(member.name),
        )

    def _users(self, name: str) -> Collection[str]:
        """Names that rsync knows already, or that somebody but the member of that name has come by."""
        others = [one for one in self._store.members() if one.name != name]
        return {
            *secret_users(self._settings.rsync_secrets),
            *(name for one in others for name in (one.name, one.user, one.before_user)),
        }

    def hear(self, line: str) -> Heard:
        """What comes of a statement. Raises Stranger for one that is not believed, Fault for what is none."""
        sealed = statement.read(statement.STATEMENT, line)
        member = self._store.member(sealed.name)
        if member is None:
            raise Stranger
        heard = hearing.hear(member, sealed, self._ours(member), time.time())
        if heard.member != member:
            self._store.keep_member(heard.member)
        if heard.matters:
            self._is_in_force = False
        self._put_in_force()
        self._tell(heard)
        return heard

    def _tell(self, heard: Heard) -> None:
        one = heard.member
        if heard.has_joined:
            log.event("joined", member=one.name, ssh=one.ssh, archives=" ".join(one.carries))
            self._welcome(one)
        elif one.generation > heard.before.generation:
            log.event("password is changed", member=one.name, user=one.user)
        elif heard.says:
            log.trouble("a member was refused", member=one.name, result=heard.result, reason=heard.says)

    def revoke(self, name: str) -> Member:
        """End a membership or an invitation. Raises ApplianceError when there is none."""
        member = self._known(name)
        revoked = replace(member, state="revoked", renew=False)
        if revoked != member:
            self._store.keep_member(revoked)
            log.event("revoked", member=name)
        self._is_in_force = False
        self._put_in_force()
        return revoked

    def rotate(self, name: str) -> Member:
        """Have a member ask for a new password when it is heard of next. Raises ApplianceError."""
        member = self._known(name)
        if not member.is_joined:
            raise ApplianceError(
                f"{name} is {member.state}, and has no password", "mirrorctl members shows who has joined"
            )
        wanted = replace(member, renew=True)
        self._store.keep_member(wanted)
        return wanted

    def _known(self, name: str) -> Member:
        member = self._store.member(name)
        if member is None:
            names = ", ".join(one.name for one in self._store.members()) or "nobody"
            raise ApplianceError(f"nobody called {name!r} was invited", f"these were: {names}")
        return member

    def _put_in_force(self) -> None:
        """What could not be put in force is tried again, by whoever comes next."""
        if not self._is_in_force:
            self.renew()
            self._is_in_force = True
            self._changed.set()
