"""The upstream's side of joining: who is invited, who is let in, and what becomes of him."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from appliance import keys, log
from appliance.errors import ApplianceError
from appliance.introduction import pins, push_keys
from appliance.joining import hearing, inviting, rotation, secrets, statement
from appliance.joining.hearing import Heard, Ours, Stranger
from appliance.joining.invitation import Invitation
from appliance.joining.inviting import Offer
from appliance.joining.member import overlaps
from appliance.joining.rotation import Rotation
from appliance.places import Places
from appliance.records import Member
from appliance.settings import Settings
from appliance.settings.secrets import secret_users
from appliance.store import Store

_SOON: Final = 60.0
"""Seconds until what could not be put in force is tried again."""


class Host:
    """Those whom we have invited. ``renew`` puts in force who is a member by now; ``welcome`` is told who has joined,
    or has moved.

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
        known = self._store.member(offer.name)
        inviting.check(offer, known, self._settings, self._users(offer.name))
        member = inviting.member(offer, self._settings, secrets.fresh(), time.time())
        token = inviting.invitation(member, self._settings, self._ours(member), offer.tls)
        self._store.keep_member(member)
        log.event("invited", member=member.name, archives=" ".join(member.archives))
        return token, known is not None and known.state == "invited"

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
        self._go_on_rotating()
        return heard

    def _go_on_rotating(self) -> None:
        """Who was just told of the new push key may have been the last."""
        if rotation.is_under_way(self._places):
            found = rotation.seen(self._settings, self._places, self._store.members())
            if found.is_over:
                self._end_rotation(found)

    def _tell(self, heard: Heard) -> None:
        one = heard.member
        if heard.has_joined:
            log.event("joined", member=one.name, ssh=one.ssh, archives=" ".join(one.carries))
            self._welcome(one)
        elif heard.has_moved:
            log.event("a member has moved", member=one.name, ssh=one.ssh, archives=" ".join(one.carries))
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

    def rotate_push_key(self, finish: bool = False) -> Rotation:
        """Trigger by a second key beside the first, which goes when every member has been told of the second.

        Or now, to ``finish``; or when an operator says so, where others than members know us by our key. Raises
        ApplianceError.
        """
        if finish and not rotation.is_under_way(self._places):
            raise ApplianceError("there is no second push key", "begin with: mirrorctl rotate --push-key")
        keys.begin_rotation(self._settings, self._places)
        self._is_in_force = False
        self._put_in_force()
        found = rotation.seen(self._settings, self._places, self._store.members())
        return self._end_rotation(found) if finish or found.is_over else found

    def _end_rotation(self, found: Rotation) -> Rotation:
        keys.end_rotation(self._places)
        self._is_in_force = False
        self._put_in_force()
        log.event("push key is replaced", untold=" ".join(found.untold) or None)
        return replace(found, finished=True)

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
