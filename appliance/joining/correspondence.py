"""What passes between us and the upstream that has invited us: what we say, what it answers, what is kept of both."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress

from appliance.joining import membership, post, standing, statement, told
from appliance.joining.entry import Probe, is_let_in
from appliance.joining.invitation import Invitation
from appliance.joining.membership import Membership
from appliance.joining.post import Unheard
from appliance.joining.statement import ANSWER, Answer, Statement
from appliance.places import Places
from appliance.settings import Settings
from appliance.settings.faults import Fault


class Correspondence:
    """By one token. What we say is on disk before it is said, what we are answered before it is used."""

    def __init__(self, offer: Invitation, settings: Settings, places: Places) -> None:
        self.offer, self.settings, self._places = offer, settings, places
        self.known = membership.kept(places, offer) or membership.begun(offer, time.time())
        self.asked = 0.0
        """When we last said something; monotonic seconds."""

    @property
    def paste(self) -> str | None:
        """What the upstream's operator would paste; None when there is nothing to say, or nobody to hear it."""
        # Where no call is taken, paste is the only way to tell of a new address or key.
        is_heard = standing.wanted(self.known) == "news" and not self.known.trouble and self.offer.callback
        if self.known.state == "refused" or is_heard:
            return None
        with suppress(OSError):  # the first start makes our host key
            return f"mirrorctl admit {standing.line(self.known, self.offer, self._statement())}"
        return None

    def keep(self, changed: Membership) -> None:
        """Let this be how it stands. Raises OSError."""
        membership.keep(self._places, changed)
        self.known = changed

    async def ask(self) -> bool:
        """Whether there was an answer that we believe. Raises OSError."""
        if not self.offer.callback:
            if standing.wanted(self.known) != "news":
                self.keep(self.known.changed(trouble=f"{self.offer.upstream} takes no calls", cure=told.PASTE))
            return False
        try:
            said, answer = await self._exchange()
        except Unheard as silence:
            self.keep(self.known.changed(trouble=silence.fact, cure=silence.cure))
            return False
        self.keep(standing.answered(self.known, self.offer, said, answer, time.time()))
        return True

    async def _exchange(self) -> tuple[Statement, Answer]:
        """What was said, and the answer to it. Raises Unheard."""
        said, secret = self._statement(), standing.seal_of(self.known, self.offer)
        line, self.asked = standing.line(self.known, self.offer, said), time.monotonic()
        self.keep(self.known.changed(said_at=said.said_at))
        text = await post.hand_in(self.offer.callback, line)
        try:
            answer = statement.read(ANSWER, text).opened(ANSWER, Answer, secret)
        except Fault as fault:
            raise Unheard(f"what is answered at {self.offer.callback} {fault.fact}", told.PASTE) from None
        if answer.to != said.nonce:
            raise Unheard(f"what is answered at {self.offer.callback} is an old answer", told.PASTE)
        return said, answer

    def _statement(self) -> Statement:
        key = self._places.host_public_key.read_text().strip()
        return standing.said(self.known, self.offer, self.settings, key, time.time())

    async def look(self, archives: Collection[str], probe: Probe) -> frozenset[str]:
        """Somebody may have pasted what we say: then the password that follows is good.

        Returns the archives that are open to everybody. Raises OSError.
        """
        wants = standing.wanted(self.known)
        user, secret = self.known.user, self.known.secret
        if wants == "renew":
            user, secret = standing.next_user(self.known, self.offer), self.known.next_secret
        good, everybody = await is_let_in(self.settings, archives, user, secret, probe)
        if good and standing.wanted(self.known) == wants:
            now = time.time()
            self.keep(standing.renewed(self.known, user, now) if wants == "renew" else standing.let_in(self.known, now))
        return everybody
