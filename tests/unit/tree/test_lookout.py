from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from appliance import commands, digest, names, tracefile
from appliance.records import Publication
from appliance.tree import lookout, overhttp
from appliance.tree.lookout import Lookout, Seen
from appliance.tree.overhttp import OverHttp
from appliance.tree.overrsync import OverRsync
from tests.unit.tree.www import Www, www
from tests.unit.upstream import daemon

INDEX = "dists/s/InRelease"
TRACE = "project/trace"


class Mirror:
    """A mirror's tree, written by hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.publish("1", "one")

    def publish(self, serial: str, index: str) -> Publication:
        self.index(index)
        self.write(f"{TRACE}/origin", f"Sat Nov 21 00:00:00 UTC 2026\nArchive serial: {serial}\n")
        master = self.root / TRACE / "master"
        if not master.is_symlink():
            master.symlink_to("origin")
        return Publication(int(serial), serial, float(serial), digest.newest(self.root, [INDEX]))

    def index(self, text: str) -> None:
        self.write(INDEX, text)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "www" / "debian")


@pytest.fixture(params=["http", "rsync"])
def site(request: pytest.FixtureRequest, mirror: Mirror, tmp_path: Path) -> Iterator[str]:
    if request.param == "http":
        with www(tmp_path / "www") as server:
            yield f"{server.url}/debian"
    else:
        with daemon(tmp_path, {"debian": mirror.root}) as port:
            yield f"rsync://127.0.0.1:{port}/debian"


@pytest.fixture
def server(mirror: Mirror, tmp_path: Path) -> Iterator[Www]:
    with www(tmp_path / "www") as server:
        yield server


Look = Callable[..., Coroutine[Any, Any, Seen]]


def looking(scratch: Path, play: Callable[[Look, Lookout], Coroutine[Any, Any, None]]) -> None:
    """A scene with a lookout in it; nothing of it is left in the directory."""
    place = scratch / "scratch"
    place.mkdir()

    async def whole() -> None:
        out = Lookout(place)

        async def look(urls: str, history: list[Publication] | None = None, before: Seen | None = None) -> Seen:
            return await out.look(urls.split(), history or [], ("us",), before)

        await play(look, out)
        await out.close()

    asyncio.run(whole())
    assert not list(place.iterdir())


def test_a_look_sees_serial_indices_and_who_is_on_the_way(site: str, mirror: Mirror, tmp_path: Path) -> None:
    old, new = mirror.publish("1", "one"), mirror.publish("2", "two")
    mirror.write(f"{TRACE}/hub", "x\nArchive serial: 1\nUpstream-mirror: origin\n")
    mirror.write(f"{TRACE}/hub-stage1", "x\n")
    mirror.write(f"{TRACE}/_hierarchy", "origin origin o1 origin\nhub hub h1 origin\n")
    mirror.write(f"{TRACE}/_traces", "origin\nhub\nnobody\n")

    async def play(look: Look, out: Lookout) -> None:
        seen = await look(site, [old, new])
        assert seen.glimpse
        assert (seen.url, seen.error, seen.glimpse.trace, seen.glimpse.carried) == (site, "", "2", "2")
        assert seen.glimpse.consistent is True
        assert {(one.name, one.serial, one.upstream) for one in seen.glimpse.traces} == {
            ("origin", "2", None), ("hub", "1", "origin"),
        }  # fmt: skip
        assert [tier.name for tier in seen.glimpse.chain] == ["origin", "hub"]
        assert (await look(site, [replace(new, digests={**new.digests, "dists/\udcff/InRelease": "x"})])).glimpse
        mirror.index("one")  # a trace that is newer than the indices
        seen = await look(site, [old, new])
        assert seen.glimpse
        assert (seen.glimpse.trace, seen.glimpse.carried, seen.glimpse.consistent) == ("2", "1", False)

    looking(tmp_path, play)


def test_no_clock_of_theirs_is_looked_at(site: str, mirror: Mirror, tmp_path: Path) -> None:
    new = mirror.publish("2", "two")
    mirror.write(f"{TRACE}/origin", "Sat Nov 21 00:00:00 UTC 1970\nArchive serial: 2\nDate: Sat, 21 Nov 2099\n")
    for file in (INDEX, f"{TRACE}/origin"):
        os.utime(mirror.root / file, (4e9, 4e9))

    async def play(look: Look, out: Lookout) -> None:
        seen = await look(site, [new])
        assert seen.glimpse
        assert (seen.glimpse.carried, seen.glimpse.consistent) == ("2", True)

    looking(tmp_path, play)


def test_where_the_master_has_no_trace_ours_will_do_or_the_indices(site: str, mirror: Mirror, tmp_path: Path) -> None:
    old, new = mirror.publish("1", "one"), mirror.publish("2", "two")
    for name in ("master", "origin"):
        (mirror.root / TRACE / name).unlink()
    mirror.write(f"{TRACE}/us", "x\nArchive serial: 2\n")

    async def play(look: Look, out: Lookout) -> None:
        seen = await look(site, [old, new])
        assert seen.glimpse
        assert (seen.glimpse.trace, seen.glimpse.consistent) == ("2", True)
        (mirror.root / TRACE / "us").unlink()
        mirror.index("one")
        seen = await look(site, [old, new])
        assert seen.glimpse
        assert (seen.glimpse.trace, seen.glimpse.carried) == (None, "1")
        (mirror.root / INDEX).unlink()
        for _ in range(lookout.TWICE):
            assert not seen.error
            seen = await look(site, [old, new], seen)
        assert "project/trace/master" in seen.error
        assert seen.glimpse  # as it was last seen

    looking(tmp_path, play)


def test_what_has_not_changed_costs_one_small_file(server: Www, mirror: Mirror, tmp_path: Path) -> None:
    new, site = mirror.publish("2", "two"), f"{server.url}/debian"

    async def play(look: Look, out: Lookout) -> None:
        first = await look(site, [new])
        server.asked.clear()
        again = await look(site, [new], first)
        assert (server.asked, again.glimpse, again.since) == ([f"/debian/{TRACE}/master"], first.glimpse, first.since)
        server.asked.clear()
        rarely = await look(site, [new], replace(first, whole_at=time.monotonic() - lookout.FULL))
        assert f"/debian/{INDEX}" in server.asked
        assert rarely.glimpse == first.glimpse
        # Two states of one second and one size have one tag: after news nothing is taken for the same.
        status = (mirror.root / INDEX).stat()
        newer = mirror.publish("3", "TWO")
        os.utime(mirror.root / INDEX, ns=(status.st_atime_ns, status.st_mtime_ns))
        seen = await look(site, [new, newer], first)
        assert seen.glimpse
        assert (seen.glimpse.carried, seen.glimpse.consistent) == ("3", True)

    looking(tmp_path, play)


def test_the_first_url_that_shows_something_counts(server: Www, mirror: Mirror, tmp_path: Path) -> None:
    async def play(look: Look, out: Lookout) -> None:
        seen = await look(f"http://127.0.0.1:1/debian {server.url}/debian")
        assert (seen.url, seen.error) == (f"{server.url}/debian", "")

    looking(tmp_path, play)


def test_without_a_list_of_traces_their_directory_tells_of_them(site: str, mirror: Mirror, tmp_path: Path) -> None:
    mirror.write(f"{TRACE}/hub", "x\nArchive serial: 1\n")

    async def play(look: Look, out: Lookout) -> None:
        seen = await look(site)
        assert seen.glimpse
        assert {one.name for one in seen.glimpse.traces} == {"origin", "hub"}

    looking(tmp_path, play)


def endless(handler: SimpleHTTPRequestHandler) -> None:
    """A body without an end."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        handler.close_connection = True


def slow(handler: SimpleHTTPRequestHandler) -> None:
    """A byte now and then."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.05)
    except OSError:
        handler.close_connection = True


def test_a_hostile_mirror_sends_us_nowhere_and_keeps_us_not(
    server: Www, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, master = f"{server.url}/debian", f"/debian/{TRACE}/master"
    attacks: dict[str, Callable[[], object]] = {
        "another host": lambda: server.redirect(master, "http://localhost/debian"),
        "no URL": lambda: server.redirect(master, "http://[/"),
        "again and again": lambda: server.redirect(master, master),
        "status 500": lambda: server.fail(master, 500),
        "not there": lambda: server.answers.update({master: endless}),
        "does not answer": lambda: server.answers.update({master: slow}),
        "another host, None": lambda: server.redirect(master, "file:///etc/passwd"),
    }

    async def play(look: Look, out: Lookout) -> None:
        for words, attack in attacks.items():
            attack()
            monkeypatch.setattr(overhttp, "PATIENCE", 1.0 if words == "does not answer" else 60.0)
            seen = await look(site, [], await look(site))
            assert words in seen.error, (words, seen.error)
        server.redirect(master, "/debian/project/trace/origin")
        assert not (await look(site)).error

    looking(tmp_path, play)


def test_a_report_is_read_up_to_its_bound(server: Www, tmp_path: Path) -> None:
    async def play(_: Look, out: Lookout) -> None:
        url = f"{server.url}/debian"
        assert await out.report(url) is None
        server.say("/api/v1/report", '{"name": "hub"}')
        assert (await out.report(url)).name == "hub"  # type: ignore[union-attr]
        server.say("/api/v1/report", "<html>")
        assert await out.report(url) is None
        server.answers["/api/v1/report"] = endless
        assert await out.report(url) is None

    looking(tmp_path, play)


def test_cookies_are_not_kept(server: Www, tmp_path: Path) -> None:
    async def play() -> None:
        async with overhttp.client() as client:
            server.say("/debian/x", "text", Set_Cookie="a=b")
            assert await OverHttp(client, f"{server.url}/debian").text("x") == "text"
            assert not list(client.cookies.jar)

    asyncio.run(play())


def test_an_index_without_an_end_is_none(server: Www, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhttp, "LARGEST", 1 << 20)
    server.answers[f"/debian/{INDEX}"] = endless

    async def play() -> None:
        async with overhttp.client() as client:
            assert await OverHttp(client, f"{server.url}/debian").digests([INDEX]) == {}
            assert await OverHttp(client, f"{server.url}/debian").texts([tracefile.MASTER])

    asyncio.run(play())


def test_who_begins_anew_behind_a_fault_sees_again(site: str, tmp_path: Path) -> None:
    async def play(look: Look, out: Lookout) -> None:
        await look(site)
        await out.close()
        names.close()
        assert (await look(site)).glimpse

    looking(tmp_path, play)


LIAR = """#!/bin/sh
for word do shift; case $word in --max-size=*) ;; *) set -- "$@" "$word" ;; esac; done
exec {rsync} "$@"
"""
"""rsync as it is with a daemon that tells another size than it then sends."""


def test_a_file_larger_than_its_daemon_said_is_not_taken(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, size in ((f"{TRACE}/origin", tracefile.LONGEST), (INDEX, digest.LARGEST)):
        os.truncate(mirror.root / path, size + 1)
    (tmp_path / "rsync").write_text(LIAR.format(rsync=shutil.which("rsync")))
    (tmp_path / "rsync").chmod(0o755)
    path = f"{tmp_path}:{commands.ENVIRONMENT['PATH']}"
    with daemon(tmp_path, {"debian": mirror.root}) as port:
        monkeypatch.setattr(commands, "ENVIRONMENT", {**commands.ENVIRONMENT, "PATH": path})
        reader = OverRsync(f"rsync://127.0.0.1:{port}/debian", tmp_path)
        for looking in (reader.texts([tracefile.MASTER]), reader.digests([INDEX])):
            with pytest.raises(OSError, match="rsync"):
                asyncio.run(looking)
        os.truncate(mirror.root / INDEX, digest.LARGEST)
        assert asyncio.run(reader.digests([INDEX]))


def test_a_name_without_an_address_is_told_as_such(tmp_path: Path) -> None:
    async def play(look: Look, out: Lookout) -> None:
        for site in ("http://nobody.invalid/debian", "rsync://nobody.invalid/debian"):
            seen = await look(site, [], await look(site))
            assert "no address for nobody.invalid" in seen.error

    looking(tmp_path, play)
