from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.settings.faults import Fault
from appliance.settings.upstream import Upstream
from tests.unit.settings.strategies import hosts, ports, words


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
