from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ConfigurationError
from appliance.introduction import pinned_as
from appliance.settings import explain, load
from appliance.settings.faults import Fault
from appliance.settings.public import host_port, spelled
from tests.unit.certificates import certificate
from tests.unit.samples import SMALLEST, smallest


def test_where_others_reach_us_is_told_from_our_name() -> None:
    public = smallest().public
    assert (public.rsync, public.ssh) == ("mirror.example.org:873", "mirror.example.org:2222")
    assert (public.http, public.rsync_tls) == ("http://mirror.example.org", "")
    shown = {one.variable: (one.value, one.source) for one in explain(SMALLEST)}
    assert shown["MIRROR_PUBLIC__SSH"] == ("mirror.example.org:2222", "default")


def test_with_a_certificate_it_is_reached_by_tls(tmp_path: Path) -> None:
    pair = certificate(tmp_path, "DNS:mirror.example.org")
    public = smallest(tls_cert_file=str(pair.cert), tls_key_file=str(pair.key)).public
    assert (public.rsync_tls, public.http) == ("mirror.example.org:1873", "https://mirror.example.org")


def test_what_is_given_stays() -> None:
    public = smallest(
        public__rsync="rsync.example.org:8873", public__ssh="[2001:DB8::1]:22", public__http="http://w/"
    ).public
    assert (public.rsync, public.ssh, public.http) == ("rsync.example.org:8873", "[2001:db8::1]:22", "http://w")
    assert smallest(public__http="none").public.http == "none"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("MIRROR_PUBLIC__RSYNC", "none"),
        ("MIRROR_PUBLIC__SSH", "leaf.example.org"),
        ("MIRROR_PUBLIC__SSH", "ssh://leaf.example.org:22"),
        ("MIRROR_PUBLIC__SSH", "me@leaf.example.org:22"),
        ("MIRROR_PUBLIC__RSYNC", "leaf.example.org:0"),
        ("MIRROR_PUBLIC__RSYNC", "-o:22"),
        ("MIRROR_PUBLIC__HTTP", "leaf.example.org"),
        ("MIRROR_PUBLIC__HTTP", "https://leaf.example.org/mirror"),
        ("MIRROR_PUBLIC__HTTP", "https://me:secret@leaf.example.org"),
    ],
)
def test_what_is_no_address_is_told(variable: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({**SMALLEST, variable: text})
    (problem,) = caught.value.problems
    assert problem.variable == variable
    assert problem.fact
    assert problem.cure
    assert "secret" not in str(problem)


@pytest.mark.parametrize("address", ["leaf:22", "192.0.2.7:2222", "[2001:db8::1]:2222"])
def test_an_address_is_read_as_it_is_spelled(address: str) -> None:
    assert spelled(*host_port(address)) == address


@pytest.mark.parametrize(
    "text", ["", ":22", "a b:22", "leaf:22\n", "leaf:99999", "leaf:22#x", "leaf:22?x", "leaf:22/x"]
)
def test_nothing_else_is_a_host_and_its_port(text: str) -> None:
    with pytest.raises(Fault):
        host_port(text)


@pytest.mark.parametrize(
    ("address", "name"),
    [("leaf:22", "leaf"), ("leaf:2222", "[leaf]:2222"), ("[2001:db8::1]:2222", "[2001:db8::1]:2222")],
)
def test_what_known_hosts_calls_it(address: str, name: str) -> None:
    assert pinned_as(address) == name
