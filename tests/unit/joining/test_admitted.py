"""Those who have joined are in the settings, and nobody else gets anything by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.joining import secrets
from appliance.joining.admitted import with_members
from appliance.joining.member import passwords
from appliance.records import Member
from appliance.settings import Downstream, Settings, load
from tests.unit.samples import LEAF_KEY, SMALLEST

NOW = 1_800_000_000.0
LEAF = Member(
    "leaf.example.net", "joined", "0" * 32, ("debian", "alma"), NOW, NOW, "mhop", user="leaf.example.net",
    secret="5" * 32, ssh="[2001:db8::7]:2222", host_keys=(LEAF_KEY,), site="https://leaf.example.net/*",
    carries=("debian",),
)  # fmt: skip
GUEST = replace(
    LEAF, name="guest", user="guest", secret="6" * 32, archives=("alma",), carries=("alma",), ssh="guest:22"
)


def settings(**changes: str) -> Settings:
    given = {f"MIRROR_{name}": text for name, text in changes.items()}
    return load({**SMALLEST, "MIRROR_ARCHIVES__ALMA__UPSTREAM": "none", **given})


def secret_lines(one: Settings) -> list[str]:
    return one.rsync_secrets.get_secret_value().splitlines() if one.rsync_secrets else []


def test_a_member_is_a_downstream_that_is_pinned_and_may_fetch() -> None:
    closed = {"ARCHIVES__DEBIAN__AUTH_USERS": "mine", "RSYNC_SECRETS": "mine:word"}
    both = with_members(settings(KNOWN_HOSTS="other ssh-ed25519 AAAA\n", **closed), [LEAF, GUEST], NOW)
    one, _ = both.downstreams
    assert one == Downstream(
        LEAF.name, "2001:db8::7", port=2222, push="mhop", archives=("debian",), site="https://leaf.example.net/*"
    )
    key = " ".join(LEAF_KEY.split()[:2])
    assert both.known_hosts.splitlines() == ["other ssh-ed25519 AAAA", f"[2001:db8::7]:2222 {key}", f"guest {key}"]
    assert secret_lines(both) == ["mine:word", f"leaf.example.net:{secrets.password(LEAF.secret)}"]
    assert [one.name for one in both.downstreams_of("debian")] == [LEAF.name]
    assert [one.name for one in both.downstreams_of("alma")] == ["guest"]


@pytest.mark.parametrize("state", ["invited", "revoked"])
def test_nobody_else_is(state: str) -> None:
    plain = settings()
    assert with_members(plain, [replace(LEAF, state=state)], NOW) is plain  # type: ignore[arg-type]


def test_an_open_archive_stays_open_and_a_closed_one_opens_for_who_was_invited_to_it() -> None:
    plain = settings(ARCHIVES__DEBIAN__AUTH_USERS="mine", RSYNC_SECRETS="mine:word")
    both = with_members(plain, [LEAF, GUEST], NOW)
    assert both.archives["debian"].auth_users == ("mine", "leaf.example.net")
    assert both.archives["alma"].auth_users == ()


def test_a_pattern_of_the_operators_is_about_his_own_users() -> None:
    """Who was invited to one archive gets nothing of another whose users are `*`."""
    plain = settings(ARCHIVES__DEBIAN__AUTH_USERS="*", RSYNC_SECRETS="mine:word\nother:word")
    assert with_members(plain, [GUEST], NOW).archives["debian"].auth_users == ("mine", "other")
    assert "guest" not in with_members(plain, [GUEST, LEAF], NOW).archives["debian"].auth_users


def test_an_archive_for_members_alone_is_open_to_nobody_else() -> None:
    plain = settings(ARCHIVES__DEBIAN__AUTH_USERS="*")
    assert with_members(plain, [LEAF], NOW).archives["debian"].auth_users == ("leaf.example.net",)
    assert with_members(plain, [GUEST], NOW).archives["debian"].auth_users == ("-",)


def test_what_the_operator_has_written_himself_wins() -> None:
    plain = settings(DOWNSTREAMS="leaf.example.net=ssh://elsewhere", RSYNC_SECRETS="leaf.example.net:his")
    both = with_members(plain, [LEAF], NOW)
    assert (both.downstreams, secret_lines(both)) == (plain.downstreams, ["leaf.example.net:his"])


def test_while_a_password_is_changed_both_are_good() -> None:
    changing = replace(LEAF, user="leaf_2", before="7" * 32, before_user=LEAF.name, before_until=NOW + 9)
    plain = settings(ARCHIVES__DEBIAN__AUTH_USERS="*")
    for now, users in ((NOW, ("leaf_2", LEAF.name)), (NOW + 9, ("leaf_2",))):
        both = with_members(plain, [changing], now)
        assert both.archives["debian"].auth_users == users
        assert secret_lines(both) == [f"{user}:{word}" for user, word in passwords(changing, now).items()]


def test_an_archive_that_is_gone_is_nobodys() -> None:
    gone = replace(LEAF, archives=("gone",), carries=("gone",))
    assert with_members(settings(), [gone], NOW).downstreams == ()


def test_where_a_list_is_from_is_still_known() -> None:
    plain = settings(ARCHIVES__DEBIAN__RUNMIRRORS="nonsense here")
    plain.lists_are_from({"MIRROR_ARCHIVES__DEBIAN__RUNMIRRORS": "/etc/mirror/list"})
    assert "/etc/mirror/list" in with_members(plain, [LEAF], NOW).mirror_list("debian").faults[0]


def test_whom_nobody_reaches_by_ssh_fetches_and_is_not_pushed() -> None:
    plain = settings(ARCHIVES__DEBIAN__AUTH_USERS="*")
    both = with_members(plain, [replace(LEAF, ssh="", host_keys=())], NOW)
    assert both.downstreams == plain.downstreams
    assert any(line.startswith(f"{LEAF.user}:") for line in secret_lines(both))
