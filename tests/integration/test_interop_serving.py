"""Fetching, both ways: stock's ftpsync from us, and we from a stock upstream, by every transport there is.

Both mirrors hold the same archive as origins, and fetch the other's under a name for each way (PROTOCOL section 3.1).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.stock import FILES, Ours, Sample, Stock, World, variables
from tests.stock.peer import ACCOUNT, HOME

pytestmark = pytest.mark.integration

STOCK: Final = "far-stock"
OURS: Final = "far-ours"
OPEN: Final = "debian"
CLOSED: Final = "closed"
"""Modules on both sides: for everybody, and for who has the password."""
PASSWORD: Final = "a long password"
CONTENT: Final = "--exclude=/project/trace/"

TLS: Final = {"RSYNC_TRANSPORT": "ssl", "RSYNC_SSL_PORT": "1873", "RSYNC_EXTRA": ""}
STOCK_WAYS: Final = {
    "plain": {},
    "password": {"RSYNC_PATH": CLOSED, "RSYNC_USER": "leaf", "RSYNC_PASSWORD": PASSWORD},
    "stunnel": {**TLS, "RSYNC_SSL_METHOD": "stunnel", "RSYNC_SSL_CAPATH": f"{HOME}/ca"},
    "socat": {**TLS, "RSYNC_SSL_METHOD": "socat", "RSYNC_SSL_CAPATH": f"{HOME}/ca"},
    "ssh": {"RSYNC_TRANSPORT": "ssh", "RSYNC_USER": "mirror", "RSYNC_EXTRA": ""},
}
"""How ftpsync.conf says it."""
STOCK_REFUSED: Final = {
    "wrong password": {**STOCK_WAYS["password"], "RSYNC_PASSWORD": "guessed"},
    "unknown authority, stunnel": {**STOCK_WAYS["stunnel"], "RSYNC_SSL_CAPATH": f"{HOME}/strangers"},
    "unknown authority, socat": {**STOCK_WAYS["socat"], "RSYNC_SSL_CAPATH": f"{HOME}/strangers"},
}

OUR_WAYS: Final = {
    "plain": {"upstream": f"rsync://{STOCK}/{OPEN}"},
    "password": {"upstream": f"rsync://leaf@{STOCK}/{CLOSED}", "password": PASSWORD},
    "tls": {"upstream": f"rsync+tls://{STOCK}/{OPEN}", "tls_ca": f"{FILES}/ca.pem"},
    "ssh": {"upstream": f"rsync+ssh://{ACCOUNT}@{STOCK}/{OPEN}"},
}
OUR_REFUSED: Final = {
    "wrong-password": ({**OUR_WAYS["password"], "password": "guessed"}, "auth failed"),
    "unknown-authority": ({**OUR_WAYS["tls"], "tls_ca": f"{FILES}/stranger.pem"}, "certificate"),
}
WORD: Final = {"tls": "ssl", "stunnel": "ssl", "socat": "ssl", "ssh": "ssh"}
"""Of the trace file; everything else is `undefined`, as stock has it."""

SSH_CONFIG: Final = f"""\
Host {OURS}
    Port 2222
    IdentityFile {HOME}/.ssh/second
    StrictHostKeyChecking accept-new
"""
DAEMON: Final = f"""\
use chroot = no
[{OPEN}]
    path = /srv/mirror/{OPEN}
"""


@dataclass(frozen=True, slots=True)
class Both:
    stock: Stock
    ours: Ours


@pytest.fixture(scope="module")
def both(world: World) -> Iterator[Both]:
    with ExitStack() as stack:
        stock = stack.enter_context(world.stock(STOCK))
        _furnish(world, stock)
        files = {name: world.keys[name] for name in ("ca.pem", "stranger.pem", "tls.crt", "tls.key")}
        ours = stack.enter_context(world.ours(OURS, _variables(world), files))
        for archive in (OPEN, CLOSED):
            ours.write(archive, Sample())
            ours.announce(archive)
        yield Both(stock, ours)


def _furnish(world: World, stock: Stock) -> None:
    for archive in (OPEN, CLOSED):
        stock.write(archive, Sample())
        stock.next_serial(archive)
    stock.module(OPEN)
    stock.module(CLOSED, auth_users="leaf", secrets_file="/etc/peer/secrets")
    stock.put("/etc/peer", {"secrets": f"leaf:{PASSWORD}\n".encode()}, mode=0o600, owner=0)
    stock.ssh_config(SSH_CONFIG)
    stock.let_in("push", command="rsync --server --daemon .")
    stock.put(HOME, {"rsyncd.conf": DAEMON.encode(), "ca/ca.pem": world.keys["ca.pem"],
                     "strangers/ca.pem": world.keys["stranger.pem"]})  # fmt: skip
    stock.run("openssl", "rehash", f"{HOME}/ca", f"{HOME}/strangers")
    for way, settings in STOCK_WAYS.items():
        stock.ftpsync(way, Ours, OURS, **{"RSYNC_PATH": OPEN, **settings})


def _variables(world: World) -> dict[str, str]:
    found = variables(OPEN, comment="our own") | variables(CLOSED, auth_users="leaf") | {
        "MIRROR_RSYNC_SECRETS": f"leaf:{PASSWORD}",
        "MIRROR_TLS_CERT_FILE": f"{FILES}/tls.crt",
        "MIRROR_TLS_KEY_FILE": f"{FILES}/tls.key",
        "MIRROR_PULLS__LEAF__KEY": world.keys.public("second"),
    }  # fmt: skip
    for way, settings in OUR_WAYS.items():
        found |= variables(f"from-{way}", poll="off", **settings)
    for way, (settings, _) in OUR_REFUSED.items():
        found |= variables(way, poll="off", **settings)
    return found | variables("flagged", poll="off", upstream=f"rsync://{STOCK}/flagged")


@pytest.mark.parametrize("way", [way for way in STOCK_WAYS if way != "stunnel"])
def test_stock_fetches_from_us(both: Both, way: str) -> None:
    answer = both.stock.as_account("ftpsync", f"sync:archive:{way}", "sync:all")
    assert (answer.code, answer.out, answer.err) == (0, "", ""), both.stock.log(f"*ftpsync-{way}")
    assert both.stock.compare(way, both.ours, CONTENT, module=OPEN) == []
    assert both.stock.trace(way)["Rsync-Transport"] == WORD.get(way, "undefined")


def test_stock_fetches_from_us_by_stunnel(both: Both) -> None:
    # Each of its two transfers ends a minute after its last byte, whoever serves: stunnel waits for rsync to hang up,
    # and rsync for stunnel to end. The payload is proof enough, and nobody waits for the end.
    both.stock.start_as_account("ftpsync", "sync:archive:stunnel", "sync:all")
    payload = "pool/main/t/twin/twin_1.orig.tar.gz"
    both.stock.wait_for(lambda _: both.stock.has("stunnel", payload), 60, "has the payload")


@pytest.mark.parametrize("way", STOCK_REFUSED)
def test_stock_is_refused_by_us_or_refuses(both: Both, way: str) -> None:
    both.stock.ftpsync("refused", Ours, OURS, **STOCK_REFUSED[way])
    assert both.stock.as_account("ftpsync", "sync:archive:refused", "sync:all").code == 3
    assert not both.stock.has("refused", "README")


@pytest.mark.parametrize("way", OUR_WAYS)
def test_we_fetch_from_stock(both: Both, way: str) -> None:
    archive = f"from-{way}"
    both.ours.run("mirrorctl", "sync", archive, "--wait")
    assert both.ours.compare(archive, both.stock, CONTENT, module=OPEN) == []
    assert both.ours.trace(archive)["Rsync-Transport"] == WORD.get(way, "undefined")


@pytest.mark.parametrize("way", OUR_REFUSED)
def test_we_are_refused_by_stock_or_refuse(both: Both, way: str) -> None:
    answer = both.ours.exec("mirrorctl", "sync", way, "--wait")
    assert answer.code == 3
    assert OUR_REFUSED[way][1] in answer.err
    assert not both.ours.has(way, "README")


def test_stock_waits_while_our_tree_is_being_changed(both: Both) -> None:
    flag = f"{both.ours.tree(OPEN)}/Archive-Update-in-Progress-{OURS}"
    both.stock.ftpsync("waiting", Ours, OURS, RSYNC_PATH=OPEN, UIPRETRIES="600")
    both.ours.run("touch", flag)
    waiting = both.stock.start_as_account("ftpsync", "sync:archive:waiting", "sync:all")
    both.stock.wait_for(lambda _: both.stock.has("waiting", "README"), 60, "has the payload")
    assert waiting.code() is None
    both.ours.run("rm", flag)
    assert waiting.wait(60, "it goes on") == 0
    assert both.stock.compare("waiting", both.ours, CONTENT, module=OPEN) == []


def test_we_wait_while_a_stock_tree_is_being_changed_and_no_longer(both: Both) -> None:
    stock, ours = both.stock, both.ours
    flag = f"{stock.tree('flagged')}/Archive-Update-in-Progress-{STOCK}"
    stock.module("flagged")
    stock.write("flagged", Sample())
    stock.run("touch", flag)
    serial = stock.next_serial("flagged")
    waiting = ours.start_exec("mirrorctl", "sync", "flagged", "--wait")
    ours.wait_for(lambda _: ours.has("flagged", "README"), 60, "has the payload")
    ours.wait_for(lambda node: node.archive("flagged")["stage"] == "upstream", 60, "waits for the upstream")
    assert not ours.has("flagged", "dists/demo/Release")
    stock.run("rm", flag)
    removed = time.monotonic()
    assert waiting.wait(300, "it goes on") == 0
    assert time.monotonic() - removed < 300, "stock would have slept for twenty minutes; we need not"
    assert ours.serial_of("flagged") == serial
    assert ours.compare("flagged", stock, CONTENT) == []
