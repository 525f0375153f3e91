from __future__ import annotations

import contextlib
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.settings.peers import Downstream, Push, Upstream
from appliance.settings.values import Fault

words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(lambda text: text not in (".", ".."))
hosts = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,5})?", fullmatch=True) | st.ip_addresses().map(str)
ports = st.integers(1, 65535)


@pytest.mark.parametrize(
    ("text", "upstream"),
    [
        ("rsync://ftp.example.org/debian", Upstream("ftp.example.org", "debian")),
        ("rsync://me@ftp.example.org:1873/debian/dists/", Upstream("ftp.example.org", "debian/dists", "me", 1873)),
        ("rsync://[2001:db8::1]/debian", Upstream("2001:db8::1", "debian")),
    ],
)
def test_upstreams(text: str, upstream: Upstream) -> None:
    assert Upstream.parse(text) == upstream


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("http://h/debian", "begins with 'http'"),
        ("h::debian", "begins with"),
        ("rsync://h", "is not a module"),
        ("rsync://h/", "is not a module"),
        ("rsync://h/a/../b", "is not a module"),
        ("rsync://h/a b", "white space"),
        ("rsync://h/a\nb", "white space"),
        ("rsync://h/a?b", "is not a module"),
        ("rsync://h/a#b", "#"),
        ("rsync://u:p@h/a", "password"),
        ("rsync://-oProxyCommand=id/a", "no usable host"),
        ("rsync://h:0/a", "no usable host"),
        ("rsync://h:99999/a", "is not a URL"),
        ("rsync://[::1/a", "is not a URL"),
        ("rsync://-x@h/a", "not a user name"),
    ],
)
def test_what_is_no_upstream_is_told(text: str, fact: str) -> None:
    with pytest.raises(Fault, match=fact) as caught:
        Upstream.parse(text)
    assert caught.value.cure


@given(st.builds(Upstream, hosts, st.lists(words, min_size=1, max_size=3).map("/".join), st.just("") | words, ports))
def test_an_upstream_reads_as_it_is_written(upstream: Upstream) -> None:
    assert Upstream.parse(str(upstream)) == upstream


def test_a_downstream_with_everything() -> None:
    text = "leaf1=ssh://archvsync@leaf1.example.net:2222/security?push=mhop&archives=debian-security"
    assert Downstream.parse(text) == Downstream(
        "leaf1", "leaf1.example.net", "archvsync", 2222, "mhop", ("debian-security",), "security"
    )


def test_a_downstream_with_nothing_is_an_appliance() -> None:
    assert Downstream.parse("leaf=ssh://leaf") == Downstream("leaf", "leaf", "mirror", 22, "staged", (), None)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("ssh://leaf", "does not begin with a name"),
        ("=ssh://leaf", "does not begin with a name"),
        ("a=rsync://leaf", "a: begins with 'rsync'"),
        ("a=ssh://", "no usable host"),
        ("a=ssh://-oProxyCommand=id", "no usable host"),
        ("a=ssh://u:p@leaf", "password"),
        ("a=ssh://leaf/a/b", "not an archive name"),
        ("a=ssh://leaf?push=stage1", "not a way to push"),
        ("a=ssh://leaf?pull=all", "not an option"),
        ("a=ssh://leaf?push", "not a list of option=value"),
        ("a=ssh://leaf?push=all&push=mhop", "twice"),
    ],
)
def test_what_is_no_downstream_is_told(text: str, fact: str) -> None:
    with pytest.raises(Fault, match=fact) as caught:
        Downstream.parse(text)
    assert caught.value.cure


pushes = st.sampled_from(["all", "staged", "mhop"]).map(lambda push: cast(Push, push))


@given(
    st.builds(Downstream, words, hosts, words, ports, pushes, st.lists(words, max_size=3).map(tuple), st.none() | words)
)
def test_a_downstream_reads_as_it_is_written(downstream: Downstream) -> None:
    assert Downstream.parse(str(downstream)) == downstream


@given(st.text() | st.text().map("a=ssh://".__add__) | st.text().map("rsync://h/".__add__))
def test_any_text_is_a_peer_or_a_fault(text: str) -> None:
    for kind in (Upstream, Downstream):
        with contextlib.suppress(Fault):
            peer = kind.parse(text)
            assert " " not in str(peer)
            assert not peer.host.startswith("-")
