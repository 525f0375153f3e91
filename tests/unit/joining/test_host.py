"""Who invites, and what is kept of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import keys, ssh
from appliance.container import render
from appliance.errors import ApplianceError
from appliance.joining.hearing import Stranger
from appliance.joining.host import Host
from appliance.joining.inviting import Offer
from appliance.records import Member
from appliance.settings import load
from appliance.store import Store, enrolled
from tests.unit.house import House
from tests.unit.joining.joiner import Joiner

OFFER = Offer("new.example.org", ("debian",))


class Upstream:
    """A host of mirrors around a house; what it puts in force is counted, and may fail."""

    def __init__(self, house: House) -> None:
        self.house, self.renewed, self.joined = house, 0, list[Member]()
        self.trouble: Exception | None = None
        settings = load(house.environ)
        render.apply(settings, house.places)
        self.host = Host(settings, house.places, house.store, self.joined.append)
        self.host.in_force.renew = self.renew

    def renew(self) -> None:
        self.renewed += 1
        if self.trouble:
            raise self.trouble

    def joiner(self, offer: Offer = OFFER) -> Joiner:
        return Joiner(self.host.invite(offer)[0])


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    house = House(tmp_path / "house", downstreams="known=ssh://known.example.org")
    house.extra |= {
        "MIRROR_NAME": "hub.example.org",
        "MIRROR_ARCHIVES__ALMA__UPSTREAM": "none",
        "MIRROR_ARCHIVES__ALMA__PROFILE": "rpm",
        "MIRROR_RSYNC_SECRETS": "user:word",
    }
    yield Upstream(house)
    house.store.close()


def test_a_token_says_all_that_a_new_mirror_needs(upstream: Upstream) -> None:
    before = time.time()
    token, replaced = upstream.host.invite(Offer("new.example.org", ("debian", "alma"), "all", 60, ("192.0.2.7",)))
    assert (token.name, token.upstream, token.sources) == ("new.example.org", "hub.example.org", ("192.0.2.7",))
    assert token.archives == {"debian": "debian", "alma": "rpm"}
    assert (token.rsync, token.callback) == ("rsync://hub.example.org:873", "http://hub.example.org/join")
    assert token.push_keys == (upstream.house.places.push_public_key.read_text().strip(),)
    (pin,) = token.host_keys
    assert pin.startswith("[hub.example.org]:2222 ssh-ed25519 ")
    assert pin.split()[1:] == upstream.house.places.host_public_key.read_text().split()[:2]
    assert int(before) <= token.expires_at - 60 <= time.time() + 1
    assert replaced is None
    (member,) = enrolled(upstream.house.places.store)
    assert (member.state, member.push) == ("invited", "all")


@pytest.mark.parametrize(
    ("offer", "says"),
    [
        (replace(OFFER, name="a b"), "not a host name"),
        (replace(OFFER, name="hub.example.org"), "somebody here"),
        (replace(OFFER, name="known"), "somebody here"),
        (replace(OFFER, name="user"), "somebody here"),
        (replace(OFFER, archives=("other",)), "no archive 'other'"),
        (replace(OFFER, archives=()), "several archives"),
        (replace(OFFER, expires=0), "a year at most"),
        (replace(OFFER, expires=1 << 40), "a year at most"),
        (replace(OFFER, sources=("a b",)), "not an address"),
        (replace(OFFER, tls=True), "no way in by TLS"),
    ],
)
def test_what_cannot_be_offered_is_told(upstream: Upstream, offer: Offer, says: str) -> None:
    with pytest.raises(ApplianceError, match=says) as caught:
        upstream.host.invite(offer)
    assert caught.value.cure
    assert upstream.house.store.members() == ()


def test_who_joins_is_kept_before_he_is_answered(upstream: Upstream) -> None:
    joiner = upstream.joiner()
    heard = upstream.host.hear(joiner.says())
    assert joiner.reads(heard.line).result == "welcome"
    assert [one.name for one in upstream.joined] == ["new.example.org"]
    assert upstream.renewed == 1
    (member,) = enrolled(upstream.house.places.store)
    assert (member.state, member.secret, member.renew) == ("joined", joiner.secret, False)
    with pytest.raises(ApplianceError, match="has joined already"):
        upstream.host.invite(OFFER)


def test_a_new_token_makes_the_one_before_worthless(upstream: Upstream) -> None:
    first = upstream.joiner()
    token, replaced = upstream.host.invite(OFFER)
    assert replaced == "invited"
    with pytest.raises(Stranger):
        upstream.host.hear(first.says())
    assert upstream.host.hear(Joiner(token).says()).has_joined


def test_of_two_with_one_token_one_joins(upstream: Upstream) -> None:
    first = upstream.joiner()
    second = Joiner(first.token)
    results = [one.reads(upstream.host.hear(one.says()).line).result for one in (first, second, first, second)]
    assert results == ["welcome", "used", "welcome", "used"]
    assert upstream.house.store.members()[0].secret == first.secret


def test_what_could_not_be_put_in_force_is_before_anybody_is_welcome(upstream: Upstream) -> None:
    joiner = upstream.joiner()
    upstream.trouble = OSError("disk full")
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            upstream.host.hear(joiner.says())
    upstream.trouble = None
    assert joiner.reads(upstream.host.hear(joiner.says()).line).result == "welcome"
    assert upstream.renewed == 3


def test_who_is_revoked_is_out_and_can_be_invited_again(upstream: Upstream) -> None:
    joiner = upstream.joiner()
    upstream.host.hear(joiner.says())
    upstream.host.revoke("new.example.org")
    assert upstream.renewed == 2
    assert joiner.reads(upstream.host.hear(joiner.says("news", joiner.secret)).line, joiner.secret).result == "revoked"
    token, replaced = upstream.host.invite(OFFER)
    assert replaced == "revoked"
    assert upstream.host.hear(Joiner(token).says()).has_joined


def test_whom_nobody_could_put_out_at_once_is_put_out_soon(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anybody else coming by."""
    monkeypatch.setattr("appliance.joining.inforce._SOON", 0.01)
    upstream.host.hear(upstream.joiner().says())

    async def fail_once() -> None:
        working = asyncio.create_task(upstream.host.in_force.work())
        await asyncio.sleep(0)
        upstream.trouble = OSError("disk full")
        with pytest.raises(OSError, match="disk full"):
            upstream.host.revoke("new.example.org")
        upstream.trouble, before = None, upstream.renewed
        async with asyncio.timeout(60):
            while upstream.renewed == before:
                await asyncio.sleep(0.01)
        working.cancel()

    asyncio.run(fail_once())


def test_what_has_ended_is_forgotten_in_the_end(upstream: Upstream) -> None:
    for name in ("gone", "lately", "late", "here"):
        joiner = upstream.joiner(replace(OFFER, name=name))
        if name != "late":
            upstream.host.hear(joiner.says())
    for name in ("gone", "lately"):
        assert upstream.host.revoke(name).expires <= time.time()
    long_ago = time.time() - 31 * 24 * 3600
    for one in upstream.house.store.members():
        if one.name != "lately":
            upstream.house.store.keep_member(replace(one, expires=long_ago))
    upstream.joiner()
    assert [one.name for one in upstream.house.store.members()] == ["here", "lately", "new.example.org"]


def test_a_member_stands_in_the_place_of_no_upstream(upstream: Upstream) -> None:
    """Its key would be good for that, too."""
    where = {"MIRROR_ARCHIVES__ALMA__UPSTREAM": "rsync+ssh://alma@Up.example.net:2022/alma"}
    upstream.host.take_over(load({**upstream.house.environ, **where}))
    heard = upstream.host.hear(upstream.joiner().says(ssh="up.example.net:2022"))
    assert (heard.result, "somebody else's" in heard.says) == ("refused", True)


def test_who_cannot_be_reached_himself_invites_all_the_same(upstream: Upstream) -> None:
    upstream.host.take_over(load({**upstream.house.environ, "MIRROR_PUBLIC__SSH": "none"}))
    joiner = upstream.joiner()
    assert joiner.token.host_keys == ()
    assert joiner.reads(upstream.host.hear(joiner.says()).line).result == "welcome"


@pytest.mark.parametrize("verb", ["revoke", "rotate"])
def test_nobody_is_nobody(upstream: Upstream, verb: str) -> None:
    with pytest.raises(ApplianceError, match="nobody called 'nobody'"):
        getattr(upstream.host, verb)("nobody")


def test_a_password_is_changed_when_its_member_is_heard_of(upstream: Upstream) -> None:
    joiner = upstream.joiner()
    with pytest.raises(ApplianceError, match="is invited, and has no password"):
        upstream.host.rotate("new.example.org")
    upstream.host.hear(joiner.says())
    upstream.host.rotate("new.example.org")
    old = joiner.secret
    assert joiner.reads(upstream.host.hear(joiner.says("news", old)).line, old).result == "renew"
    said = joiner.says("renew", old, nonce="a" * 32)
    answer = joiner.reads(upstream.host.hear(said).line, old)
    assert (answer.result, answer.user) == ("welcome", "new.example.org_2")
    assert upstream.house.store.members()[0].user == "new.example.org_2"


def test_an_old_password_goes_when_its_time_has_come(upstream: Upstream) -> None:
    joiner = upstream.joiner()
    upstream.host.hear(joiner.says())
    upstream.host.hear(joiner.says("renew", joiner.secret, nonce="a" * 32))
    (member,) = upstream.house.store.members()
    upstream.house.store.keep_member(replace(member, before_until=time.time() + 0.2))
    before = upstream.renewed

    async def wait() -> None:
        working = asyncio.create_task(upstream.host.in_force.work())
        async with asyncio.timeout(60):
            while upstream.renewed == before:
                await asyncio.sleep(0.01)
        working.cancel()

    asyncio.run(wait())


@pytest.fixture
def alone(upstream: Upstream) -> Upstream:
    """One that nobody knows but its members; what it puts in force is rendered."""
    upstream.house.downstreams = ""
    settings = load(upstream.house.environ)
    upstream.host.take_over(settings)
    upstream.host.in_force.renew = lambda: render.apply(settings, upstream.house.places)
    return upstream


def offered(upstream: Upstream) -> list[str]:
    """The push keys that ssh offers, in its order, by their files."""
    argv = ssh.client(load(upstream.house.environ), upstream.house.places, user="", port=22)
    files = (word.partition("=")[2] for word in argv if word.startswith("IdentityFile="))
    return [Path(f"{file}.pub").read_text().strip() for file in files]


def test_a_new_push_key_is_the_only_one_when_every_member_was_told(alone: Upstream) -> None:
    (old,) = offered(alone)
    joiners = [alone.joiner(replace(OFFER, name=name)) for name in ("one", "two")]
    for joiner in joiners:
        assert joiner.reads(alone.host.hear(joiner.says()).line).push_keys == (old,)
    begun = alone.host.rotate_push_key()
    assert (begun.untold, begun.others, begun.finished) == (("one", "two"), (), False)
    assert offered(alone) == [old, begun.key]
    for joiner in joiners:
        answer = joiner.reads(alone.host.hear(joiner.says("news", joiner.secret)).line, joiner.secret)
        assert answer.push_keys == (old, begun.key)
    assert offered(alone) == [begun.key]
    assert alone.joiner().token.push_keys == (begun.key,)


def test_whose_line_is_pasted_knows_the_push_keys_of_his_token(alone: Upstream) -> None:
    joiner = alone.joiner()
    begun = alone.host.rotate_push_key()
    pasted = alone.host.hear(joiner.says(), by_hand=True)
    assert pasted.has_joined
    assert begun.key not in pasted.member.told
    said = alone.host.rotate_push_key()
    assert (said.untold, said.finished) == (("new.example.org",), False)


def test_a_push_key_goes_at_once_where_nobody_knows_it_and_by_word_where_others_do(upstream: Upstream) -> None:
    settings = load(upstream.house.environ)
    upstream.host.in_force.renew = lambda: render.apply(settings, upstream.house.places)
    with pytest.raises(ApplianceError, match="no second push key"):
        upstream.host.rotate_push_key(finish=True)
    begun = upstream.host.rotate_push_key()
    assert (begun.others, begun.finished) == (("known",), False)
    assert upstream.host.rotate_push_key() == begun, "said again, it only tells how far it is"
    assert upstream.host.rotate_push_key(finish=True).finished
    assert offered(upstream) == [begun.key]
    upstream.host.take_over(load({**upstream.house.environ, "MIRROR_DOWNSTREAMS": ""}))
    assert upstream.host.rotate_push_key().finished


def test_a_push_key_that_was_given_is_replaced_by_whoever_gave_it(alone: Upstream) -> None:
    given = alone.house.places.push_key.read_text()
    alone.host.take_over(load({**alone.house.environ, "MIRROR_PUSH_KEY": given}))
    with pytest.raises(ApplianceError, match="MIRROR_PUSH_KEY"):
        alone.host.rotate_push_key()


def test_a_rotation_that_is_cut_short_leaves_a_key_that_works(alone: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, places = load(alone.house.environ), alone.house.places
    keys.begin_rotation(settings, places)
    new = keys.obtain(settings, places).next_push
    assert new
    rename = Path.replace
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("cut short")))
    with pytest.raises(OSError, match="cut short"):
        keys.end_rotation(places)
    monkeypatch.setattr(Path, "replace", rename)
    kept = keys.obtain(settings, places)
    assert kept.next_push == new
    assert "ssh-ed25519" in kept.push.public
    keys.end_rotation(places)
    (places.state_push_key.with_name("push_ed25519.pub")).unlink()
    assert keys.obtain(settings, places).push.public.split()[:2] == new.public.split()[:2]


def test_members_are_kept_as_they_are(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite3")
    assert (tmp_path / "store.sqlite3").stat().st_mode & 0o777 == 0o600
    one = Member(
        "leaf", "joined", "t", ("a", "b"), 1.0, 2.0, "mhop", ("10.0.0.1",), "leaf_2", 2, "n", "s", "b", "leaf", 9.0,
        "leaf.example.org", "leaf:22", ("ssh-ed25519 AAAA",), "https://leaf/*", ("a",), 5, 3.0, 4.0, True, ("key",),
    )  # fmt: skip
    store.keep_member(one)
    assert (store.member("leaf"), store.members(), enrolled(tmp_path / "store.sqlite3")) == (one, (one,), (one,))
    assert store.member("other") is None
    assert enrolled(tmp_path / "none") == ()
    store.close()
