"""What an upstream makes of statements: those of its members, and those of thieves, of the past and of fools."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from appliance.joining import hearing, secrets, statement
from appliance.joining.claims import Ours
from appliance.joining.hearing import LAST_SYNC, OVERLAP, Heard, Stranger
from appliance.joining.member import passwords
from appliance.joining.statement import ANSWER, STATEMENT, Answer, Statement
from appliance.records import Member
from appliance.settings.faults import Fault
from tests.unit.samples import HUB_KEY, LEAF_KEY, OTHER_KEY

NOW = 1_800_000_000.0
TOKEN, NONCE, NEXT = "0" * 32, "1" * 32, "2" * 32
OURS = Ours((HUB_KEY,), ("[hub.example.org]:2222 ssh-ed25519 AAAA",), ("debian", "security"), {("Other.org", 22)})
INVITED = Member("leaf.example.org", "invited", TOKEN, ("debian",), NOW - 60, NOW + 60)
SAID = Statement(
    name="leaf.example.org",
    nonce=NONCE,
    wants="join",
    said_at=1000,
    mirror="leaf.example.org",
    ssh="leaf.example.org:2222",
    host_keys=(LEAF_KEY,),
    site="https://leaf.example.org/*/",
    archives=("debian",),
)
SECRET = secrets.heir(TOKEN, NONCE)


def hear(member: Member, secret: str, now: float = NOW, ours: Ours = OURS, **changes: Any) -> Heard:
    """What comes of the sample with these changes, sealed with a secret."""
    line = statement.sealed(STATEMENT, SAID.name, SAID.model_copy(update=changes), secret)
    return hearing.hear(member, statement.read(STATEMENT, line), ours, now)


def answer(heard: Heard, secret: str) -> Answer:
    """As the downstream reads it."""
    return statement.read(ANSWER, heard.line).opened(ANSWER, Answer, secret)


@pytest.fixture(scope="module")
def joined() -> Member:
    return hear(INVITED, TOKEN).member


@pytest.fixture(scope="module")
def renewed(joined: Member) -> Member:
    return hear(joined, SECRET, wants="renew", nonce=NEXT, said_at=2000).member


def test_who_has_the_token_joins(joined: Member) -> None:
    heard = hear(INVITED, TOKEN)
    assert heard.has_joined
    assert heard.matters
    told = answer(heard, TOKEN)
    assert (told.result, told.user, told.to) == ("welcome", "leaf.example.org", NONCE)
    assert (told.push_keys, told.host_keys) == (OURS.push_keys, OURS.host_keys)
    assert passwords(joined, NOW) == {"leaf.example.org": secrets.password(SECRET)}
    assert (joined.ssh, joined.carries, joined.site) == (
        "leaf.example.org:2222",
        ("debian",),
        "https://leaf.example.org/*",
    )
    assert joined.host_keys == (" ".join(LEAF_KEY.split()[:2]),)


def test_whose_answer_was_lost_gets_the_same_again(joined: Member) -> None:
    again = hear(joined, TOKEN, NOW + 5)
    assert again.member == joined
    assert not again.has_joined
    assert answer(again, TOKEN) == answer(hear(INVITED, TOKEN), TOKEN)


def test_a_token_is_good_for_one(joined: Member) -> None:
    """Of two that have it the first wins, and the other, be it a thief, changes nothing."""
    second = hear(joined, TOKEN, nonce=NEXT, ssh="thief.example.org:2222", said_at=5000)
    assert second.member == joined
    assert answer(second, TOKEN).result == "used"


def test_a_used_token_is_used_also_when_the_password_has_changed(renewed: Member) -> None:
    assert answer(hear(renewed, TOKEN), TOKEN).result == "used"


def test_a_token_ends(joined: Member) -> None:
    late = hear(INVITED, TOKEN, NOW + 61)
    assert late.member == INVITED
    assert answer(late, TOKEN).result == "expired"
    assert answer(late, TOKEN).push_keys == ()
    assert answer(hear(joined, TOKEN, NOW + 61), TOKEN).result == "welcome", "it was in time"


@pytest.mark.parametrize("secret", [TOKEN, SECRET])
def test_who_was_revoked_is_told_so_when_he_proves_who_he_was(joined: Member, secret: str) -> None:
    gone = replace(joined, state="revoked")
    heard = hear(gone, secret, wants="renew", nonce=NEXT, said_at=9000)
    assert (heard.member, answer(heard, secret).result) == (gone, "revoked")
    assert passwords(gone, NOW) == {}


@pytest.mark.parametrize("secret", ["f" * 32, "", secrets.password(SECRET), secrets.heir(SECRET, NEXT)])
def test_nobody_else_is_believed(joined: Member, secret: str) -> None:
    for member in (INVITED, joined, replace(joined, state="revoked")):
        with pytest.raises(Stranger):
            hear(member, secret)


def test_a_member_speaks_for_no_other(joined: Member) -> None:
    with pytest.raises(Stranger):
        hear(joined, SECRET, name="other.example.org")


def test_news_are_taken_over(joined: Member) -> None:
    heard = hear(
        joined, SECRET, NOW + 9, wants="news", said_at=1001, ssh="moved.example.org:22", host_keys=(OTHER_KEY,)
    )
    assert (heard.member.ssh, heard.member.seen) == ("moved.example.org:22", NOW + 9)
    assert (heard.matters, heard.has_moved, heard.has_joined) == (True, True, False)
    assert answer(heard, SECRET).result == "welcome"
    same = hear(heard.member, SECRET, wants="news", said_at=1002, ssh="moved.example.org:22", host_keys=(OTHER_KEY,))
    assert not same.matters


@pytest.mark.parametrize("said_at", [1, 999, 1000])
def test_what_was_said_before_is_no_news(joined: Member, said_at: int) -> None:
    heard = hear(joined, SECRET, NOW + 9, wants="news", said_at=said_at, ssh="old.example.org:22")
    assert (heard.member.ssh, heard.member.seen) == (joined.ssh, joined.seen)
    assert answer(heard, SECRET).result == "welcome"


def test_what_somebody_repeats_tells_no_member_of_a_new_push_key(joined: Member) -> None:
    """Nor does an answer that nobody but an operator sees: the old key would be taken away too soon."""
    later = replace(OURS, push_keys=(HUB_KEY, OTHER_KEY))
    assert hear(joined, SECRET, ours=later, wants="news", said_at=1000).member.told == (HUB_KEY,)
    line = statement.sealed(STATEMENT, SAID.name, SAID.model_copy(update={"wants": "news", "said_at": 1001}), SECRET)
    sealed = statement.read(STATEMENT, line)
    pasted = hearing.hear(joined, sealed, later, NOW, by_hand=True).member
    assert (pasted.said, pasted.told) == (1001, (HUB_KEY,))
    assert hearing.hear(joined, sealed, later, NOW).member.told == later.push_keys


def test_nobody_joins_without_saying_where_he_is() -> None:
    with pytest.raises(Fault, match="nobody here understands"):
        hear(INVITED, TOKEN, said_at=0)


def test_a_renewal_gives_another_password_and_leaves_the_old_one_for_a_day(joined: Member, renewed: Member) -> None:
    new = secrets.heir(SECRET, NEXT)
    assert passwords(renewed, NOW + OVERLAP - 1) == {
        "leaf.example.org_2": secrets.password(new),
        "leaf.example.org": secrets.password(SECRET),
    }
    assert list(passwords(renewed, NOW + OVERLAP)) == ["leaf.example.org_2"]
    told = answer(hear(joined, SECRET, wants="renew", nonce=NEXT, said_at=2000), SECRET)
    assert (told.result, told.user) == ("welcome", "leaf.example.org_2")


def test_a_name_that_somebody_has_is_not_given_again(joined: Member) -> None:
    taken = replace(OURS, users={"leaf.example.org_2", "leaf.example.org_3"})
    assert hear(joined, SECRET, ours=taken, wants="renew", nonce=NEXT, said_at=2000).member.user == "leaf.example.org_4"


def test_the_answer_to_a_renewal_can_be_asked_for_again_and_again(renewed: Member) -> None:
    for now in (NOW + 1, NOW + 10 * OVERLAP):
        heard = hear(renewed, SECRET, now, wants="renew", nonce=NEXT, said_at=2000)
        assert heard.member == renewed
        assert (answer(heard, SECRET).result, answer(heard, SECRET).user) == ("welcome", "leaf.example.org_2")


def test_who_has_stolen_the_old_secret_gets_no_new_one(renewed: Member) -> None:
    heard = hear(renewed, SECRET, wants="renew", nonce="3" * 32, said_at=9000)
    assert (heard.member, answer(heard, SECRET).result) == (renewed, "used")


def test_what_is_sealed_with_the_old_secret_is_not_taken_over(renewed: Member) -> None:
    heard = hear(renewed, SECRET, wants="news", said_at=9000, ssh="thief.example.org:22")
    assert heard.member == renewed
    assert (answer(heard, SECRET).result, answer(heard, SECRET).user) == ("renew", "leaf.example.org")


def test_the_old_password_ends_sooner_when_the_new_one_is_in_use(renewed: Member) -> None:
    heard = hear(renewed, renewed.secret, NOW + 60, wants="news", nonce=NEXT, said_at=2001)
    assert heard.member.before_until == NOW + 60 + LAST_SYNC
    assert heard.matters


def test_who_shall_renew_is_told_so_until_he_does(joined: Member) -> None:
    wanted = replace(joined, renew=True)
    heard = hear(wanted, SECRET, wants="news", said_at=1001)
    assert answer(heard, SECRET).result == "renew"
    done = hear(heard.member, SECRET, wants="renew", nonce=NEXT, said_at=1002)
    assert not done.member.renew


def test_a_renewal_that_is_replayed_later_renews_nothing(joined: Member) -> None:
    heard = hear(joined, SECRET, wants="renew", nonce=NEXT, said_at=1000)
    assert heard.member == replace(joined, told=heard.member.told)
    assert answer(heard, SECRET).result == "refused"
    assert "clock" in answer(heard, SECRET).says


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ssh": "leaf.example.org"}, "has no port"),
        ({"ssh": "-oProxyCommand=id:22"}, "names no usable host"),
        ({"ssh": "leaf;id:22"}, "names no usable host"),
        ({"ssh": "a,*:22"}, "names no usable host"),
        ({"ssh": "127.0.0.1:2222"}, "leads back"),
        ({"ssh": "[::1]:2222"}, "leads back"),
        ({"ssh": "[::ffff:127.0.0.1]:2222"}, "leads back"),
        ({"ssh": "localhost:2222"}, "leads back"),
        ({"ssh": "169.254.169.254:80"}, "leads back"),
        ({"ssh": "127.1:2222"}, "leads back"),
        ({"ssh": "0x7f000001:2222"}, "leads back"),
        ({"ssh": "ip6-localhost:2222"}, "leads back"),
        ({"site": "http://2130706433/*"}, "leads back"),
        ({"ssh": "other.org:22"}, "is somebody else's"),
        ({"ssh": "Other.ORG:22"}, "is somebody else's"),
        ({"site": "http://127.0.0.1:8080/control/*"}, "leads back"),
        ({"site": "file:///etc/*"}, "not a URL"),
        ({"host_keys": ()}, "no host key"),
        ({"archives": ()}, "none of debian"),
        ({"archives": ("security",)}, "none of debian"),
    ],
)
def test_what_a_mirror_must_not_say_of_itself_is_refused_in_words(
    changes: dict[str, Any], says: str, joined: Member
) -> None:
    first = hear(INVITED, TOKEN, **changes)
    assert first.member == INVITED, "the token stays good"
    later = hear(joined, SECRET, said_at=1001, **{"wants": "news", **changes})
    assert replace(later.member, told=()) == replace(joined, told=())
    for heard, secret in ((first, TOKEN), (later, SECRET)):
        assert answer(heard, secret).result == "refused"
        assert says in answer(heard, secret).says


def test_whom_nobody_reaches_by_ssh_is_let_in_all_the_same() -> None:
    heard = hear(INVITED, TOKEN, ssh="")
    assert heard.has_joined
    assert (heard.member.ssh, heard.member.carries) == ("", ("debian",))


def test_an_archive_that_was_not_offered_is_not_carried() -> None:
    assert hear(INVITED, TOKEN, archives=("security", "debian")).member.carries == ("debian",)


def test_words_about_a_long_statement_are_short(joined: Member) -> None:
    heard = hear(joined, SECRET, wants="news", said_at=1001, ssh="x" * 12_000)
    assert len(answer(heard, SECRET).says) <= 400


def test_no_secret_can_be_read_from_a_member(renewed: Member) -> None:
    assert not {one for one in (TOKEN, SECRET, renewed.secret) if one in repr(renewed)}
