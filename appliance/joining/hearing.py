"""What comes of a mirror's statement: pure, and the whole of what a stranger's words can do here.

A statement is believed by its seal alone. Which secret it is sealed with says who speaks: the token's, before and just
after the joining; the member's own; or the one before that, whose successor was perhaps never heard of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from appliance.joining import claims, statement
from appliance.joining.claims import Ours
from appliance.joining.member import succeeded
from appliance.joining.statement import ANSWER, STATEMENT, Answer, Result, Sealed, Statement
from appliance.records import Member
from appliance.settings.addresses import site_of

OVERLAP: Final = 24 * 3600.0
"""Seconds for which the password before a new one is good, if its mirror is not heard of."""

LAST_SYNC: Final = 6 * 3600.0
"""The same when the new secret was seen in use: as long as a sync may last that began with the old one."""

LONGEST_WORDS: Final = 400
"""Characters of what is answered in words: they may quote what was said."""


class Stranger(Exception):
    """Nobody whom we have invited has said that."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The member as it is from now on, and the answer to it, as it was and sealed."""

    before: Member
    member: Member
    result: Result
    says: str
    line: str

    @property
    def has_joined(self) -> bool:
        """Whether it was let in by this very statement."""
        return self.member.is_joined and not self.before.is_joined

    @property
    def has_moved(self) -> bool:
        """Whether one that had joined before is to be pushed elsewhere, or for other archives."""
        facts = [(one.ssh, one.host_keys, one.carries) for one in (self.before, self.member)]
        return self.before.is_joined and facts[0] != facts[1]

    @property
    def matters(self) -> bool:
        """Whether anything has changed that our programs have to know."""
        quiet = {"said": 0, "seen": None, "told": (), "renew": False}
        return replace(self.member, **quiet) != replace(self.before, **quiet)  # type: ignore[arg-type]


def hear(member: Member, sealed: Sealed, ours: Ours, now: float, by_hand: bool = False) -> Heard:
    """What comes of a statement; raises Stranger when no secret of the member's has sealed it, Fault for a torn one.

    The answer to one that came ``by_hand``, or that is repeated by somebody, perhaps reaches no member.
    """
    said, secret = _opened(member, sealed)
    after, result, says = _decided(member, said, secret, ours, now)
    answer = Answer(
        to=said.nonce,
        result=result,
        says=says[:LONGEST_WORDS],
        user=(after.before_user if secret == after.before and said.nonce != after.nonce else after.user) or after.name,
        push_keys=ours.push_keys if result in _GOOD else (),
        host_keys=ours.host_keys if result in _GOOD else (),
        sources=after.sources,
    )
    if result in _GOOD and after.said > member.said and not by_hand:
        after = replace(after, told=ours.push_keys)
    return Heard(member, after, result, says, statement.sealed(ANSWER, member.name, answer, secret))


_GOOD: Final[tuple[Result, ...]] = ("welcome", "renew")

_Decided = tuple[Member, Result, str]


def _opened(member: Member, sealed: Sealed) -> tuple[Statement, str]:
    for secret in (member.secret, member.token, member.before):
        if secret and sealed.is_by(STATEMENT, secret):
            said = sealed.opened(STATEMENT, Statement, secret)
            if said.name != member.name or sealed.name != member.name:
                raise Stranger
            return said, secret
    raise Stranger


def _decided(member: Member, said: Statement, secret: str, ours: Ours, now: float) -> _Decided:
    if member.state == "revoked":
        return member, "revoked", f"its membership was ended here; to let it in again: mirrorctl invite {member.name}"
    if secret == member.secret:
        return _known(member, said, ours, now)
    if secret == member.before and member.before:
        return _late(member, said)
    return _invited(member, said, ours, now)


def _invited(member: Member, said: Statement, ours: Ours, now: float) -> _Decided:
    """Sealed with the token."""
    if member.is_joined:
        if member.generation == 1 and said.nonce == member.nonce:
            return _taken_over(member, said, ours, now, "welcome")  # its answer was lost
        return member, "used", f"the token was used already, {_another(member)}"
    if now > member.expires:
        return member, "expired", f"its invitation has expired; for another: mirrorctl invite {member.name}"
    if said.wants != "join":
        return member, "refused", "nobody has joined by this token yet; join first"
    joined = succeeded(replace(member, secret=member.token), said.nonce, member.name, 0.0)
    joined = replace(joined, state="joined", joined=now, before="", before_user="")
    after, result, says = _taken_over(joined, said, ours, now, "welcome")
    return (after, result, says) if result == "welcome" else (member, result, says)


def _another(member: Member) -> str:
    """What its operator finds in his log, who alone knows which of the two it is."""
    again = f"mirrorctl revoke {member.name}, then mirrorctl invite {member.name}"
    return f"by another mirror or before this one lost its state volume; to let in who asks now: {again}"


def _known(member: Member, said: Statement, ours: Ours, now: float) -> _Decided:
    """Sealed with the secret in force."""
    if member.before_until > now + LAST_SYNC:
        member = replace(member, before_until=now + LAST_SYNC)
    if said.said_at <= member.said:
        if said.wants == "renew":
            return member, "refused", "it says something newer already, or its clock was set back; see its clock"
        return member, "renew" if member.renew else "welcome", ""
    if said.wants != "renew":
        return _taken_over(member, said, ours, now, "renew" if member.renew else "welcome")
    after, result, says = _taken_over(member, said, ours, now, "welcome")
    if result != "welcome":
        return after, result, says
    return succeeded(after, said.nonce, _user(member, ours), now + OVERLAP), result, says


def _late(member: Member, said: Statement) -> _Decided:
    """Sealed with the secret before: what is said so is not taken over, for it may be a thief's by now."""
    if said.wants != "renew":
        return member, "renew", ""
    if said.nonce == member.nonce:
        return member, "welcome", ""  # its answer was lost
    return member, "used", f"its secret was replaced by another one already, {_another(member)}"


def _taken_over(member: Member, said: Statement, ours: Ours, now: float, well: Result) -> _Decided:
    """What it says of itself, if that is newer than what we know, and nothing is wrong with it."""
    if said.said_at <= member.said:
        return member, well, ""
    if fault := claims.fault(member, said, ours):
        return member, "refused", f"{fault.fact}; {fault.cure}"
    facts = replace(
        member,
        mirror=said.mirror,
        ssh=said.ssh,
        host_keys=tuple(" ".join(key.split()[:2]) for key in said.host_keys),
        site=site_of(said.site),
        carries=tuple(name for name in member.archives if name in said.archives),
        said=said.said_at,
        seen=now,
    )
    return facts, well, ""


def _user(member: Member, ours: Ours) -> str:
    """The next generation's name: rsync knows one password for a user, and the old one is good for a while."""
    numbers = range(member.generation + 1, member.generation + 1 + len(ours.users) + 1)
    return next(name for name in (f"{member.name}_{n}" for n in numbers) if name not in ours.users)
