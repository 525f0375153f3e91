"""The relay between rsync and a daemon that is written by hand here, since it has to be slow of speech."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from appliance.commands import Outcome, Verdict
from appliance.sync.relay import Relay
from appliance.sync.source import Source
from appliance.sync.transport import plain, relayed
from tests.unit.house import until
from tests.unit.upstream import free_port

STALL = 0.03
"""Seconds; a delayed acknowledgement takes 0.04."""


def source(port: int, host: str = "127.0.0.1") -> Source:
    return Source(plain(f"rsync://{host}:{port}/debian"), "leaf", "MIRROR_ARCHIVES__X")


def port_of(reached: Source) -> int:
    return int(reached.transport.url.split(":")[2].split("/")[0])


@contextmanager
def speaking(script: Callable[[socket.socket], None]) -> Iterator[int]:
    """A daemon that follows a script with each who connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            line, _ = server.accept()
            with line:
                script(line)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(server.getsockname()[1])
        thread.join(60)


def talk(upstream: Source, client: Callable[[socket.socket], bytes]) -> bytes:
    """What a client in rsync's place hears through the relay."""

    def connected(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 60) as line:
            return client(line)

    async def through() -> bytes:
        async with Relay(upstream) as relay:
            return await asyncio.to_thread(connected, port_of(relay.source))

    return asyncio.run(through())


def test_nobody_waits_for_an_acknowledgement() -> None:
    def in_two_pieces(line: socket.socket) -> None:
        for _ in range(20):
            line.recv(1)
            line.sendall(b"one")
            line.sendall(b"two")

    def client(line: socket.socket) -> bytes:
        for _ in range(20):
            line.sendall(b"?")
            started, heard = time.monotonic(), b""
            while len(heard) < 6:
                heard += line.recv(6)
            took.append(time.monotonic() - started)
        return heard

    took: list[float] = []
    with speaking(in_two_pieces) as port:
        assert talk(source(port), client) == b"onetwo"
    # A busy machine makes some of them slow; a kernel that waits, all but the first and the last.
    assert min(took[1:-1]) < STALL


def test_the_last_words_arrive() -> None:
    said: list[bytes] = []
    with speaking(lambda line: said.append(b"".join(iter(lambda: line.recv(100), b"")))) as port:
        talk(source(port), lambda line: bytes(line.send(b"goodbye")))
    assert said == [b"goodbye"]


def test_what_a_daemon_says_before_it_hangs_up_is_heard() -> None:
    with speaking(lambda line: line.sendall(b"@ERROR: max connections (1) reached\n")) as port:
        heard = talk(source(port), lambda line: b"".join(iter(lambda: line.recv(100), b"")))
    assert heard == b"@ERROR: max connections (1) reached\n"


# Where there is no network, nobody knows whether there is such a name.
NO_NAME = "(Name or service not known|Temporary failure in name resolution)"


@pytest.mark.parametrize(("host", "reason"), [("127.0.0.1", "Connection refused"), ("nowhere.invalid", NO_NAME)])
def test_nobody_there(host: str, reason: str) -> None:
    async def attempt() -> str:
        upstream = source(free_port(), host)
        async with Relay(upstream) as relay:
            assert relay.source.url == upstream.url
            assert not await asyncio.to_thread(connected, port_of(relay.source))
        error = relay.failure("cannot list", Outcome((), 12, "", "rsync: did not see server greeting", 0))
        assert error.verdict is Verdict.NETWORK
        return error.fact

    def connected(port: int) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 60) as line:
            return bool(line.recv(1))
        return False

    assert re.search(f"failed to connect to {host}: {reason}", asyncio.run(attempt()))


def test_who_is_cancelled_leaves_nothing_open() -> None:
    def hear(line: socket.socket) -> None:
        is_there.set()
        hung_up.append(line.recv(1))

    async def cancelled(port: int) -> None:
        async with asyncio.timeout(None) as patience, Relay(source(port)):
            await until(is_there.is_set)
            patience.reschedule(0)
            await asyncio.Event().wait()

    is_there, hung_up = threading.Event(), list[bytes]()
    with speaking(hear) as port, pytest.raises(TimeoutError):
        asyncio.run(cancelled(port))
    assert hung_up == [b""]


def test_many_bytes_and_other_transports_go_their_own_way() -> None:
    async def reached(upstream: Source) -> Source:
        async with Relay(upstream) as relay:
            return relay.source

    upstream = source(free_port())
    upstream = replace(upstream, transport=upstream.transport.direct)
    assert asyncio.run(reached(upstream)) is upstream


def test_the_module_and_the_user_stay() -> None:
    there = plain("rsync://me@[2001:db8::1]:8730/ubuntu/ports", "ipv6", "2001:db8::2")
    assert there.place
    assert (there.place.host, there.place.port) == ("2001:db8::1", 8730)
    here = relayed(there, 4711)
    assert here.url == "rsync://me@127.0.0.1:4711/ubuntu/ports"
    assert not {"-6", "--address=2001:db8::2"} & set(here.options)
