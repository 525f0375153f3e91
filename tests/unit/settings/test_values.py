from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from appliance.settings.values import (
    Fault,
    host_pattern,
    names_host,
    parse_duration,
    public_key,
    rsync_secrets,
    secret_users,
    single_line,
    spell_duration,
)
from tests.unit.samples import HUB_KEY


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("6h", 21600), ("7d", 604800), ("off", 0), (" 6H ", 21600), ("0", 0)],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "6 h", "-1", "1w", "h", "1.5h", "1h30m", "٣", "9999999999"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(Fault, match="is not a duration"):
        parse_duration(text)


@given(st.integers(0, 10**9 - 1))
def test_a_spelt_duration_reads_as_itself(seconds: int) -> None:
    assert parse_duration(spell_duration(seconds)) == seconds


@given(st.text())
def test_any_text_is_a_duration_or_a_fault(text: str) -> None:
    with contextlib.suppress(Fault):
        assert parse_duration(text) >= 0


@pytest.mark.parametrize("text", ["*", "192.0.2.7", "192.0.2.0/24", "!10.0.0.1", "2001:db8::/32", "*.example.org"])
def test_host_patterns(text: str) -> None:
    assert host_pattern(text) == text


@pytest.mark.parametrize("text", ["192.0.2.1/24", "192.0.2.0/33", 'a"b', "a b", "a/b", "$(id)"])
def test_what_is_no_host_pattern_is_told(text: str) -> None:
    with pytest.raises(Fault):
        host_pattern(text)


def test_names_need_a_look_up_and_addresses_do_not() -> None:
    assert all(map(names_host, ["hub", "hub.example.org", "*.example.org", "!bad.example.org", "cafe", "3com.example"]))
    assert not any(
        map(names_host, ["*", "192.0.2.7", "192.0.2.*", "10.0.0.0/8", "2001:db8::/32", "!::1", "fe80::1%eth0"])
    )


def test_a_public_key_may_be_a_pub_file_with_comments() -> None:
    assert public_key(f"# from the hub\n\n{HUB_KEY}\n") == HUB_KEY
    assert public_key(" ".join(HUB_KEY.split()[:2])) == " ".join(HUB_KEY.split()[:2])


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "0 keys"),
        (f"{HUB_KEY}\n{HUB_KEY}", "2 keys"),
        (f'restrict,command="id" {HUB_KEY}', "options in front"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "private key"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA", "another program"),
        ("ssh-dss AAAA", "known key type"),
        ("ssh-ed25519", "known key type"),
        ("ssh-ed25519 A$AA", "damaged"),
        (HUB_KEY.replace("ssh-ed25519", "ssh-rsa"), "not that of a key of type ssh-rsa"),
        (HUB_KEY[:40], "damaged|not that"),
        (f"{HUB_KEY}\a", "control character"),
    ],
)
def test_what_is_no_public_key_is_told(text: str, fact: str) -> None:
    with pytest.raises(Fault, match=fact):
        public_key(text)


@given(st.text())
def test_a_single_line_stays_one(text: str) -> None:
    try:
        line = single_line(text)
    except Fault:
        return
    assert len(line.splitlines()) <= 1
    assert not line.endswith("\\")


def test_secrets_list_their_users() -> None:
    secret = rsync_secrets(SecretStr("# one for each\nsite1.example.com:a:b\n\nsite2.example.com:x"))
    assert secret_users(secret) == ("site1.example.com", "site2.example.com")


@pytest.mark.parametrize("text", ["no-colon", "a:", ":password", "a:1\na:2", "a b:password"])
def test_a_bad_secret_is_told_without_being_quoted(text: str) -> None:
    with pytest.raises(Fault) as caught:
        rsync_secrets(SecretStr(f"good:topsecret\n{text}"))
    assert "line" in caught.value.fact
    assert "password" not in caught.value.fact.replace("user:password", "")
    assert "topsecret" not in caught.value.fact
