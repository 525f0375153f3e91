"""The upstream's side of joining: who is invited, who is let in, and what becomes of him."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Final

from appliance import keys, log
from appliance.errors import ApplianceError
from appliance.introduction import pins, push_keys
from appliance.joining import hearing, inviting, rotation, statement
from appliance.joining.claims import Ours
from appliance.joining.hearing import Heard, Stranger
from appliance.joining.inforce import InForce
from appliance.joining.invitation import Invitation
from appliance.joining.inviting import Offer
from appliance.joining.rotation import Rotation
from appliance.places import Places
from appliance.records import Member
from appliance.settings import Settings
from appliance.settings.secrets import secret_users
from appliance.store import Store

_REMEMBERED: Final = 30 * 24 * 3600.0
"""Seconds for which it is told what has become of an invitation that has expired, or of a membership that was ended."""


class Host:
    """Those whom we have invited. ``welcome`` is told who has joined, or has moved.

    Everything is on disk before anybody is answered.
    """

    def __init__(self, settings: Settings, places: Places, store: Store, welcome: Callable[[Member], None]) -> None:
        self._settings, self._places, self._store, self._welcome = settings, places, store, welcome
        self.in_force = InForce(store)

    def take_over(self, settings: Settings) -> None:
        """Use these settings from now on."""
        self._settings = settings

    def invite(self, offer: Offer) -> tuple[Invitation, str | None]:
        """A new invitation, and what became of the one whose place it takes, if any. Raises ApplianceError."""
        self._store.forget_members(time.time() - _REMEMBERED)
        known = self._store.member(offer.name)
        inviting.check(offer, known, self._settings, self._users(offer.name))
        member = inviting.member(offer, self._settings, push_keys(self._places), time.time())
        token = inviting.invitation(member, self._settings, self._ours(member), offer.tls)
        self._store.keep_member(member)
        log.event("invited", member=member.name, archives=" ".join(member.archives))
        return token, known.state if known else None

    def _ours(self, member: Member) -> Ours:
        everyone = {one for name in self._settings.archives for one in self._settings.downstreams_of(name)}
        pushed = {(one.host, one.port) for one in everyone if one.name != member.name and not one.url}
        return Ours(
            push_keys=push_keys(self._places),
            host_keys=pins(self._settings, self._places),
            archives=tuple(self._settings.archives),
            others=frozenset((*pushed, *_fetched(self._settings))),
            users=self._users(member.name),
        )

    def _users(self, name: str) -> Collection[str]:
        """Names that rsync knows already, or that somebody but the member of that name has come by."""
        others = [one for one in self._store.members() if one.name != name]
        return {
            *secret_users(self._settings.rsync_secrets),
            *(name for one in others for name in (one.name, one.user, one.before_user)),
        }

    def hear(self, line: str, by_hand: bool = False) -> Heard:
        """What comes of a statement. Raises Stranger for one that is not believed, Fault for what is none."""
        sealed = statement.read(statement.STATEMENT, line)
        member = self._store.member(sealed.name)
        if member is None:
            raise Stranger
        heard = hearing.hear(member, sealed, self._ours(member), time.time(), by_hand)
        if heard.member != member:
            self._store.keep_member(heard.member)
        if heard.matters:
            self.in_force.outdate()
        self.in_force.put()
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
            log.event("joined", member=one.name, ssh=one.ssh or None, archives=" ".join(one.carries))
            self._welcome(one)
        elif heard.has_moved:
            log.event("a member has moved", member=one.name, ssh=one.ssh or None, archives=" ".join(one.carries))
            self._welcome(one)
        elif one.generation > heard.before.generation:
            log.event("password is changed", member=one.name, user=one.user)
        elif heard.says:
            log.trouble("a member was refused", member=one.name, result=heard.result, reason=heard.says)

    def revoke(self, name: str) -> Member:
        """End a membership or an invitation. Raises ApplianceError when there is none."""
        member = self._known(name)
        if member.state != "revoked":
            member = replace(member, state="revoked", renew=False, expires=time.time())
            self._store.keep_member(member)
            log.event("revoked", member=name)
        self.in_force.outdate()
        self.in_force.put()
        return member

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
        self.in_force.outdate()
        self.in_force.put()
        found = rotation.seen(self._settings, self._places, self._store.members())
        return self._end_rotation(found) if finish or found.is_over else found

    def _end_rotation(self, found: Rotation) -> Rotation:
        keys.end_rotation(self._places)
        self.in_force.outdate()
        self.in_force.put()
        log.event("push key is replaced", untold=" ".join(found.untold) or None)
        return replace(found, finished=True)

    def _known(self, name: str) -> Member:
        member = self._store.member(name)
        if member is None:
            names = ", ".join(one.name for one in self._store.members()) or "nobody"
            raise ApplianceError(f"nobody called {name!r} was invited", f"these were: {names}")
        return member


def _fetched(settings: Settings) -> Iterator[tuple[str, int]]:
    """The sshds that we fetch from."""
    for archive in settings.archives.values():
        for way in (archive.upstream, *archive.fallbacks):
            if way and way.scheme == "rsync+ssh":
                yield way.host, way.port
