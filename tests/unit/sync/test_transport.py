from __future__ import annotations

import shlex
from pathlib import Path

from appliance.sync import transport

CA = Path("/etc/ssl/ca.pem")


def test_plain_with_every_choice() -> None:
    made = transport.plain("rsync://u@host/m", "ipv6", "2001:db8::1")
    assert made.options == ("--sockopts=TCP_NODELAY", "--contimeout=45", "-6", "--address=2001:db8::1")
    assert made.environment == {}
    assert (made.url, made.word) == ("rsync://u@host/m", "undefined")


def test_tls_checks_the_chain_and_the_name() -> None:
    made = transport.tls("rsync://host/m", "host.example.org", 1873, CA, "ipv4")
    words = shlex.split(made.environment["RSYNC_CONNECT_PROG"])
    assert words[:2] == ["openssl", "s_client"]
    assert {"-verify_return_error", "-4"} <= set(words)
    assert words[words.index("-CAfile") + 1] == str(CA)
    assert words[words.index("-verify_hostname") + 1] == "host.example.org"
    assert words[words.index("-connect") + 1] == "host.example.org:1873"
    assert made.word == "ssl"


def test_tls_to_an_address() -> None:
    words = shlex.split(transport.tls("u", "2001:db8::1", 1873, CA).environment["RSYNC_CONNECT_PROG"])
    assert words[words.index("-verify_ip") + 1] == "2001:db8::1"
    assert words[words.index("-connect") + 1] == "[2001:db8::1]:1873"
    assert "-servername" not in words


def test_ssh_survives_rsyncs_own_splitting() -> None:
    made = transport.ssh("u@host::m", ["ssh", "-o", "UserKnownHostsFile=/a /b"])
    (option,) = made.options
    assert shlex.split(option.removeprefix("--rsh=")) == ["ssh", "-o", "UserKnownHostsFile=/a /b"]
    assert made.word == "ssh"
