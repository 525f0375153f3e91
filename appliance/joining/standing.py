"""How we stand with the upstream that has invited us: what we say to it, and what its answer makes of us. Pure."""

from __future__ import annotations

from typing import Literal

from appliance.joining import secrets, statement
from appliance.joining.invitation import Invitation
from appliance.joining.membership import Membership
from appliance.joining.offered import carried
from appliance.joining.statement import STATEMENT, Answer, Statement
from appliance.settings import Settings
from appliance.settings.public import NOWHERE

Wants = Literal["join", "renew", "news"]


def wanted(membership: Membership) -> Wants:
    """What there is to say next."""
    if membership.joined_at is None:
        return "join"
    return "renew" if membership.renewal else "news"


def said(membership: Membership, offer: Invitation, settings: Settings, host_key: str, now: float) -> Statement:
    """What we say next of ourselves. Each statement is younger than the one before, whatever our clock does."""
    wants = wanted(membership)
    # Of news each has a nonce of its own: an old answer is no answer to it.
    nonce = {"join": membership.nonce, "renew": membership.renewal, "news": secrets.fresh()}[wants]
    public = settings.public
    return Statement(
        name=offer.name,
        nonce=nonce,
        wants=wants,
        said_at=max(int(now), membership.said_at + 1),
        mirror=settings.name,
        ssh="" if public.ssh == NOWHERE else public.ssh,
        host_keys=(host_key,),
        site="" if public.http == NOWHERE else f"{public.http}/*",
        archives=carried(offer, settings.invite_archives),
    )


def seal_of(membership: Membership, offer: Invitation) -> str:
    """The secret that a statement is sealed with now, and its answer, too."""
    return offer.secret if membership.joined_at is None else membership.secret


def line(membership: Membership, offer: Invitation, saying: Statement) -> str:
    """What we say as one line, to be sent or pasted."""
    return statement.sealed(STATEMENT, offer.name, saying, seal_of(membership, offer))


def answered(membership: Membership, offer: Invitation, said: Statement, answer: Answer, now: float) -> Membership:
    """The membership behind an answer to what was said; meanwhile it may have gone on."""
    heard = membership.changed(answered_at=now, trouble="", cure="")
    if answer.result in ("welcome", "renew"):
        return _well(heard, said, answer, now)
    fact, _, cure = answer.says.partition("; ")
    if answer.result == "refused":
        return heard.changed(trouble=f"{offer.upstream} refuses what we say: {fact}", cure=cure)
    fact, cure = _final(membership, offer, answer.result)
    return heard.changed(state="refused", renewal="", trouble=fact, cure=cure)


def _well(heard: Membership, said: Statement, answer: Answer, now: float) -> Membership:
    if not heard.is_joined:
        heard = let_in(heard, now)
    if said.wants == "renew" and said.nonce == heard.renewal and answer.result == "welcome":
        heard = renewed(heard, answer.user, now)
    heard = heard.changed(
        user=answer.user, push_keys=answer.push_keys, host_keys=answer.host_keys, sources=answer.sources
    )
    return asking(heard) if answer.result == "renew" else heard


def let_in(membership: Membership, now: float) -> Membership:
    """The membership of one who is in, however that was learnt."""
    heard = _heard(membership, now)
    return heard.changed(state="joined", joined_at=now, trouble="", cure="")


def asking(membership: Membership) -> Membership:
    """The membership with a new secret asked for: the same until it is there."""
    return membership.changed(renewal=membership.renewal or secrets.fresh())


def _heard(membership: Membership, now: float) -> Membership:
    """What was pasted somewhere was said before now, and what is said next is younger."""
    return membership.changed(said_at=max(int(now), membership.said_at))


def renewed(membership: Membership, user: str, now: float) -> Membership:
    """The membership with the secret that was asked for."""
    return _heard(membership, now).changed(
        nonce=membership.renewal, secret=membership.next_secret, user=user, renewal="", trouble="", cure=""
    )


def next_user(membership: Membership, offer: Invitation) -> str:
    """The rsync user of the secret that was asked for: each generation has one of its own (`name`, `name_2`, …)."""
    number = membership.user.removeprefix(f"{offer.name}_")
    return f"{offer.name}_{int(number) + 1 if number.isdecimal() and number.isascii() else 2}"


def _final(membership: Membership, offer: Invitation, result: str) -> tuple[str, str]:
    """What no repetition changes."""
    archives = " ".join(f"--archive {name}" for name in offer.archives)
    first = f"mirrorctl revoke {offer.name}, then " if result == "used" else ""
    again = (
        f"ask its operator for another token ({first}mirrorctl invite {offer.name} {archives}), "
        "and set MIRROR_INVITE to it"
    )
    if result == "used" and membership.joined_at is not None:
        who = "our state volume was set back, or somebody else holds what we joined"
        return f"our secret was replaced by another: {who} {offer.upstream} by", again
    facts = {
        "expired": f"the token had expired when {offer.upstream} heard of us",
        "used": "the token was used already: by another mirror, or by this one before its state volume was lost",
        "revoked": f"{offer.upstream} has ended our membership",
    }
    return facts[result], again
