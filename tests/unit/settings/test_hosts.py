from __future__ import annotations

import pytest

from appliance.settings.faults import Fault
from appliance.settings.hosts import allowed_host, host_pattern, names_host


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


def test_rsyncd_knows_no_exceptions_and_sshd_does() -> None:
    assert allowed_host("192.0.2.0/24") == host_pattern("192.0.2.0/24")
    with pytest.raises(Fault, match="would let him in"):
        allowed_host("!192.0.2.7")
