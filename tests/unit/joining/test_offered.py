"""A token stands for variables: what it brings, what may be set beside it, and what is said of one that is no good."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ConfigurationError, Problem
from appliance.joining import effective, membership, standing
from appliance.joining.invitation import Invitation
from appliance.places import Places
from appliance.settings.reading import spell
from tests.unit.joining.test_papers import OFFER, SECRET
from tests.unit.samples import HUB_KEY, OTHER_KEY


def offering(**changes: Any) -> Invitation:
    """An invitation that is good for an hour."""
    return OFFER.model_copy(update={"expires_at": int(time.time()) + 3600, "push_keys": (HUB_KEY,), **changes})


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = Places(tmp_path / "run", tmp_path / "state", tmp_path / "data")
    found.state.mkdir()
    return found


def problems(places: Places, offer: Invitation | str, **given: str) -> dict[str, Problem]:
    """What is wrong with a token and what is set beside it, by variable."""
    token = offer if isinstance(offer, str) else offer.token
    with pytest.raises(ConfigurationError) as caught:
        effective.load({"MIRROR_INVITE": token, **given}, places)
    assert SECRET not in str(caught.value)
    assert token not in str(caught.value)
    assert all(problem.fact and problem.cure for problem in caught.value.problems)
    return {problem.variable: problem for problem in caught.value.problems}


def test_one_variable_makes_a_leaf(places: Places) -> None:
    settings = effective.load({"MIRROR_INVITE": offering(sources=("192.0.2.7",)).token}, places)
    assert settings.name == "leaf.example.org"
    debian, other = settings.archives["debian"], settings.archives["smeserver"]
    assert (str(debian.upstream), debian.profile) == ("rsync://leaf.example.org@hub.example.org/debian", "debian")
    assert (str(other.upstream), other.profile) == ("rsync://leaf.example.org@hub.example.org/smeserver", "rpm")
    trigger = settings.triggers["hub"]
    assert (trigger.key, trigger.from_, trigger.archives) == (HUB_KEY, ("192.0.2.7",), ("debian", "smeserver"))
    assert settings.known_hosts.startswith("[hub.example.org]:2222 ssh-ed25519 ")


def test_a_start_makes_the_password_and_the_next_one_keeps_it(places: Places) -> None:
    environ = {"MIRROR_INVITE": offering().token}
    assert effective.load(environ, places).archives["debian"].password is None
    effective.begin(effective.load(environ, places), places)
    first = effective.load(environ, places).archives["debian"].password
    effective.begin(effective.load(environ, places), places)
    assert first
    assert effective.load(environ, places).archives["debian"].password == first
    assert oct(places.membership.stat().st_mode & 0o777) == "0o600"
    known = membership.kept(places, offering())
    assert known
    assert first.get_secret_value() == known.password
    assert known.secret not in repr(known)


def test_another_token_is_another_joining(places: Places) -> None:
    effective.begin(effective.load({"MIRROR_INVITE": offering().token}, places), places)
    other = offering(secret=SECRET[::-1])
    assert effective.load({"MIRROR_INVITE": other.token}, places).archives["debian"].password is None


def test_whatever_the_operator_sets_is_in_force(places: Places) -> None:
    given = {
        "MIRROR_NAME": "other.example.org",
        "MIRROR_ARCHIVES__DEBIAN__EXCLUDE": "*.iso",
        "MIRROR_INVITE_ARCHIVES": "debian",
        "MIRROR_TRIGGERS__HUB__FROM": "192.0.2.99",
        "MIRROR_KNOWN_HOSTS": "mine",
    }
    settings = effective.load({"MIRROR_INVITE": offering(sources=("192.0.2.7",)).token, **given}, places)
    assert (settings.name, settings.known_hosts) == ("other.example.org", "mine")
    assert list(settings.archives) == ["debian"]
    assert settings.archives["debian"].exclude == ("*.iso",)
    assert (settings.triggers["hub"].from_, settings.triggers["hub"].archives) == (("192.0.2.99",), ("debian",))


def test_a_second_push_key_is_a_second_trigger(places: Places) -> None:
    settings = effective.load({"MIRROR_INVITE": offering(push_keys=(HUB_KEY, OTHER_KEY)).token}, places)
    assert {name: one.key for name, one in settings.triggers.items()} == {"hub": HUB_KEY, "hub-2": OTHER_KEY}


@pytest.mark.parametrize(("key", "names"), [(OTHER_KEY, {"hub", "hub-2"}), (HUB_KEY, {"hub"})])
def test_a_trigger_that_was_there_before_stays(places: Places, key: str, names: set[str]) -> None:
    given = {"MIRROR_INVITE": offering().token, "MIRROR_TRIGGERS__HUB__KEY": key}
    settings = effective.load(given, places)
    assert settings.triggers["hub"].key == key
    assert set(settings.triggers) == names


def test_config_says_where_a_value_is_from_and_shows_no_token(places: Places) -> None:
    offer = offering()
    effective.begin(effective.load({"MIRROR_INVITE": offer.token}, places), places)
    shown = {one.variable: one for one in spell(effective.read({"MIRROR_INVITE": offer.token}, places))}
    assert shown["MIRROR_NAME"].source == shown["MIRROR_ARCHIVES__DEBIAN__UPSTREAM"].source == "invite"
    assert shown["MIRROR_TRIGGERS__HUB__KEY"].source == "invite"
    assert (shown["MIRROR_INVITE"].source, shown["MIRROR_INVITE"].value) == ("environment", "**********")
    assert shown["MIRROR_ARCHIVES__DEBIAN__PASSWORD"].value == "**********"


def test_a_token_from_a_file(places: Places) -> None:
    file = places.state / "token"
    file.write_text(f"{offering().token}\n")
    assert effective.load({"MIRROR_INVITE_FILE": str(file)}, places).name == "leaf.example.org"
    found = problems(places, "x", MIRROR_INVITE_FILE=str(file))
    assert found["MIRROR_INVITE_FILE"].fact == "is set, and MIRROR_INVITE too"


def test_a_file_that_is_not_there_is_the_only_problem(places: Places) -> None:
    reading = effective.read({"MIRROR_INVITE_FILE": "/nowhere/token"}, places)
    assert [problem.variable for problem in reading.problems] == ["MIRROR_INVITE_FILE"]


@pytest.mark.parametrize(
    "token",
    [offering().token[:-9], offering().token.replace("-1.", "-2.", 1), "hunter2"],
    ids=["cut", "of another form", "no token"],
)
def test_a_damaged_token_is_the_only_problem(places: Places, token: str) -> None:
    found = problems(places, token)
    assert list(found) == ["MIRROR_INVITE"]
    assert "mirrorctl invite" in found["MIRROR_INVITE"].cure


def test_a_damaged_token_hides_no_other_mistake(places: Places) -> None:
    found = problems(places, "hunter2", MIRROR_LOG_LEVEL="loud", MIRROR_ARCHIVES__DEBIAN__EXCLUDE="/*")
    assert set(found) == {"MIRROR_INVITE", "MIRROR_LOG_LEVEL", "MIRROR_ARCHIVES__DEBIAN__EXCLUDE"}


def test_an_expired_token_says_when_and_what_to_ask_for(places: Places) -> None:
    found = problems(places, offering(expires_at=1_700_000_000))
    assert list(found) == ["MIRROR_INVITE"]
    assert "hub.example.org for leaf.example.org has expired on 2023-11-14 at 22:13 UTC" in found["MIRROR_INVITE"].fact
    assert "mirrorctl invite leaf.example.org --archive debian --archive smeserver" in found["MIRROR_INVITE"].cure


def test_a_token_may_expire_once_it_was_used(places: Places) -> None:
    offer = offering(expires_at=1_700_000_000)
    membership.open_for(places, offer, 0)
    assert effective.load({"MIRROR_INVITE": offer.token}, places).archives["debian"].password


def test_what_cannot_be_read_now_is_not_replaced(places: Places) -> None:
    """It may be the only proof that we have joined."""
    places.membership.mkdir()
    with pytest.raises(IsADirectoryError):
        membership.open_for(places, offering(), 0)
    assert places.membership.is_dir()


def test_what_a_token_says_is_not_said_twice(places: Places) -> None:
    given = {
        "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "rsync://elsewhere.example.org/debian",
        "MIRROR_ARCHIVES__DEBIAN__PASSWORD": "one-of-mine",
    }
    found = problems(places, offering(), **given)
    assert set(found) == set(given)
    assert all("MIRROR_INVITE_ARCHIVES" in problem.cure for problem in found.values())
    settings = effective.load(
        {"MIRROR_INVITE": offering().token, "MIRROR_INVITE_ARCHIVES": "smeserver", **given}, places
    )
    assert str(settings.archives["debian"].upstream) == "rsync://elsewhere.example.org/debian"
    assert str(settings.archives["smeserver"].upstream).endswith("@hub.example.org/smeserver")


def test_an_archive_that_is_not_offered(places: Places) -> None:
    found = problems(places, offering(), MIRROR_INVITE_ARCHIVES="debian ubuntu")
    assert "'ubuntu' is not offered" in found["MIRROR_INVITE_ARCHIVES"].fact


@pytest.mark.parametrize(
    "change",
    [
        {"rsync": "http://hub.example.org"},
        {"rsync": "rsync://hub.example.org:873/../x"},
        {"push_keys": ("",)},
        {"archives": {"../etc": "debian"}},
        {"name": "-x"},
        {"host_keys": ("one\ntwo",)},
    ],
)
def test_a_token_that_somebody_has_made_up_is_refused(places: Places, change: dict[str, Any]) -> None:
    assert set(problems(places, offering(**change))) == {"MIRROR_INVITE"}


def test_who_cannot_be_triggered_has_a_schedule_and_says_so(places: Places) -> None:
    alone, hidden = offering(archives={"debian": "debian"}), {"MIRROR_PUBLIC__SSH": "none"}
    found = problems(places, alone, **hidden)
    assert "nobody can trigger us" in found["MIRROR_ARCHIVES__DEBIAN__SCHEDULE"].fact
    environ = {"MIRROR_INVITE": alone.token, "MIRROR_ARCHIVES__DEBIAN__SCHEDULE": "1h", **hidden}
    settings = effective.load(environ, places)
    said = standing.said(membership.begun(alone, 0.0), alone, settings, HUB_KEY, 1.0)
    assert (said.ssh, said.name) == ("", "leaf.example.org")
