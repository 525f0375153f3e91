from __future__ import annotations

import contextlib
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.errors import ConfigurationError
from appliance.settings.downstream import Downstream, Push
from appliance.settings.faults import Fault
from appliance.settings.upstream import Upstream
from tests.unit.samples import smallest
from tests.unit.settings.strategies import hosts, ports, words


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


@pytest.mark.parametrize("rest", ["[::1/x", "host:99999/x", "host:0/x", "host:s3cret/x", ""])
def test_an_address_that_cannot_be_called_is_told_without_its_password(rest: str) -> None:
    with pytest.raises(ConfigurationError, match="a: is not a URL with a host") as caught:
        smallest(downstreams=f"a=https://user:s3cret@{rest}")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "scheme"), [(Downstream, "a=ssh"), (Downstream, "a=https"), (Upstream, "rsync"), (Upstream, "rsync+ssh")]
)
def test_a_password_with_a_slash_is_not_told(kind: type[Downstream] | type[Upstream], scheme: str) -> None:
    with pytest.raises(Fault, match="is not a URL") as caught:
        kind.parse(f"{scheme}://user:s3c/ret@host/debian")
    assert "s3c" not in caught.value.fact


pushes = st.sampled_from(["all", "staged", "mhop"]).map(lambda push: cast(Push, push))


@given(
    st.builds(Downstream, words, hosts, words, ports, pushes, st.lists(words, max_size=3).map(tuple), st.none() | words)
)
def test_a_downstream_reads_as_it_is_written(downstream: Downstream) -> None:
    assert Downstream.parse(str(downstream)) == downstream


URLS = ("a=ssh://", "a=https://", "rsync://h/")


@given(st.text() | st.builds(str.__add__, st.sampled_from(URLS), st.text()))
@example("a=https://[")
def test_any_text_is_a_peer_or_a_fault(text: str) -> None:
    for kind in (Upstream, Downstream):
        with contextlib.suppress(Fault):
            peer = kind.parse(text)
            assert " " not in str(peer)
            assert not peer.host.startswith("-")
