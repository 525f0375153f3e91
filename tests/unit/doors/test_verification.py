"""`mirrorctl verify` and `quarantine`, with a controller at work and files broken under it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner, Result

from appliance.controller import Controller
from appliance.doors import cli, http, inbox, program
from tests.unit.house import House, ask, until
from tests.unit.upstream import DebianTree, daemon

INDEX = "dists/s/main/binary-all/Packages"


class Upstream(DebianTree):
    """With a packed index, too."""

    def release(self, serial: str = "2026010101", **packages: str) -> None:
        """As a plain tree, and Packages.gz with its by-hash name."""
        super().release(serial, **packages)
        packed = gzip.compress((self.root / INDEX).read_bytes(), mtime=0)
        digest = hashlib.sha256(packed).hexdigest()
        self.write(f"{INDEX}.gz", packed)
        self.write(f"dists/s/main/binary-all/by-hash/SHA256/{digest}", packed)
        for name in ("Release", "InRelease"):
            text = (self.root / "dists/s" / name).read_text()
            self.write(f"dists/s/{name}", f"{text} {digest} {len(packed)} main/binary-all/Packages.gz\n".encode())

    @property
    def packed_by_hash(self) -> str:
        """The by-hash name of the packed index."""
        digest = hashlib.sha256((self.root / f"{INDEX}.gz").read_bytes()).hexdigest()
        return f"dists/s/main/binary-all/by-hash/SHA256/{digest}"


@pytest.fixture
def origin(tmp_path: Path) -> Upstream:
    archive = Upstream(tmp_path / "origin")
    archive.release("2026112101", hello="one", world="two", gone="three")
    return archive


@pytest.fixture
def house(tmp_path: Path, origin: Upstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    # A socket's path must be short, which pytest's directories are not.
    root = Path(tempfile.mkdtemp(prefix="house"))
    with daemon(tmp_path, {"debian": origin.root}) as port:
        house = House(root, port, "leaf1=ssh://mirror@leaf1")
        house.record_ssh(monkeypatch)
        monkeypatch.setattr(program, "PLACES", house.places)
        for name, value in house.environ.items():
            monkeypatch.setenv(name, value)
        yield house
        house.store.close()
    shutil.rmtree(root)


@asynccontextmanager
async def api(house: House, controller: Controller) -> AsyncIterator[None]:
    """The controller's HTTP door, as mirrorctl finds it."""
    config = uvicorn.Config(
        http.application(controller, list), uds=str(house.places.api), log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    server.capture_signals = suppress  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve())
    await until(house.places.api.exists)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def played(house: House, scene: Callable[[Controller], Awaitable[None]]) -> None:
    """One scene with a controller that has synced once."""

    async def play() -> None:
        async with house.open() as controller, api(house, controller):
            assert (await ask(controller)).code == 0
            await scene(controller)

    asyncio.run(play())


async def mirrorctl(*words: str) -> Result:
    return await asyncio.to_thread(lambda: CliRunner().invoke(cli.app, list(words)))


def rot(path: Path, at: int = 1) -> None:
    """Flip a bit; size and time stay, as when a disk does it."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def damage(house: House, origin: Upstream) -> set[str]:
    """Every kind of it; returns the paths."""
    tree = house.tree
    rot(tree / "pool/hello.deb")
    (tree / "pool/world.deb").write_text("t")
    (tree / "pool/gone.deb").unlink()
    rot(tree / f"{INDEX}.gz")
    (tree / origin.packed_by_hash).unlink()
    return {"pool/hello.deb", "pool/world.deb", "pool/gone.deb", f"{INDEX}.gz", origin.packed_by_hash}


def test_all_that_is_broken_is_found_and_mended(house: House, origin: Upstream) -> None:
    async def scene(_: Controller) -> None:
        broken = damage(house, origin)
        publication = house.store.archive("debian").publication
        looked = await mirrorctl("verify", "debian", "--deep", "--no-repair", "--json")
        report = json.loads(looked.output)
        assert (looked.exit_code, report["fits"]) == (1, False)
        assert {one["path"]: one["repaired"] for one in report["misfits"]} == dict.fromkeys(broken, False)
        assert house.store.count_runs("debian") == 1

        mended = await mirrorctl("verify", "debian", "--deep")
        assert mended.exit_code == 0, mended.output
        lines = mended.output.splitlines()
        assert {line.removeprefix("repaired: ") for line in lines if line.startswith("repaired: ")} == broken
        assert any(line.startswith("pool/world.deb: expected 3 bytes, SHA256") for line in lines)
        assert lines[-1].startswith("debian: everything fits")
        for path in broken:
            assert (house.tree / path).read_bytes() == (origin.root / path).read_bytes()
        assert house.store.repairs("debian") == []
        assert house.store.archive("debian").publication == publication + 1
        told = house.store.delivery("leaf1", "debian")
        assert told
        assert told.publication == publication + 1

        again = await mirrorctl("verify", "debian", "--deep", "--json")
        assert (again.exit_code, json.loads(again.output)["misfits"]) == (0, [])

    played(house, scene)


def test_sizes_alone_without_deep(house: House, origin: Upstream) -> None:
    async def scene(_: Controller) -> None:
        rot(house.tree / "pool/hello.deb")
        assert (await mirrorctl("verify", "debian")).exit_code == 0
        (house.tree / "pool/hello.deb").write_text("")
        done = await mirrorctl("verify", "debian", "--no-repair")
        assert (done.exit_code, "NOT repaired: pool/hello.deb" in done.output) == (1, True)

    played(house, scene)


def test_a_broken_index_and_what_it_hid(house: House, origin: Upstream) -> None:
    async def scene(_: Controller) -> None:
        # Not in the stanza of hello: what the broken index says of it is what the good one does.
        for path in (house.tree / "dists/s/main/binary-all").rglob("*"):
            if path.is_file():
                rot(path)
        rot(house.tree / "pool/hello.deb")
        done = await mirrorctl("verify", "debian", "--deep")
        assert done.exit_code == 0, done.output
        assert "repaired: pool/hello.deb" in done.output
        assert (house.tree / "pool/hello.deb").read_text() == "one"

    played(house, scene)


def test_a_lost_root_file(house: House) -> None:
    async def scene(_: Controller) -> None:
        (house.tree / "dists/s/InRelease").unlink()
        done = await mirrorctl("verify", "debian")
        assert (done.exit_code, "repaired: dists/s/InRelease" in done.output) == (0, True)

    played(house, scene)


def test_what_the_upstream_has_broken_too_is_refused_once(house: House, origin: Upstream) -> None:
    async def scene(controller: Controller) -> None:
        good = (house.tree / "pool/world.deb").read_text()
        for tree in (house.tree, origin.root):
            rot(tree / "pool/hello.deb")
        done = await mirrorctl("verify", "debian", "--deep")
        assert done.exit_code == 1
        assert "NOT repaired: pool/hello.deb" in done.output
        assert "the upstream cannot repair pool/hello.deb: expected 3 bytes" in done.output
        shown = await mirrorctl("quarantine")
        assert "pool/hello.deb\n  expected 3 bytes" in shown.output
        status = await mirrorctl("status")
        assert "mirrorctl quarantine debian" in status.output
        assert house.store.repairs("debian") == []
        # Everything else goes on.
        origin.release("2026112102", new="four")
        assert (await ask(controller)).code == 0
        assert (house.tree / "pool/new.deb").exists()
        assert "mirrorctl quarantine" not in (await mirrorctl("status")).output
        assert (house.tree / "pool/world.deb").read_text() == good

    played(house, scene)


def test_what_the_upstream_has_no_more(house: House, origin: Upstream) -> None:
    async def scene(controller: Controller) -> None:
        for tree in (house.tree, origin.root):
            (tree / "pool/gone.deb").unlink()
        done = await mirrorctl("verify", "debian", "--json")
        report = json.loads(done.output)
        assert (done.exit_code, [one["repaired"] for one in report["misfits"]]) == (1, [False])
        assert house.store.repairs("debian") == []
        last = house.store.last_run("debian")
        assert last
        assert last.result == "noop"

    played(house, scene)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "", "pool/../../x", "a\0b", "project/trace/leaf"])
def test_paths_that_are_none(house: House, path: str) -> None:
    async def scene(_: Controller) -> None:
        transport = httpx.AsyncHTTPTransport(uds=str(house.places.api))
        async with httpx.AsyncClient(transport=transport) as client:
            body = {"archive": "debian", "paths": ["pool/hello.deb", path]}
            answer = await client.post("http://appliance/control/repair", json=body)
        assert (answer.status_code, "cannot be repaired" in answer.json()["error"]) == (409, True)
        assert house.store.repairs("debian") == []

    played(house, scene)


def test_an_origin_has_nobody_to_fetch_from(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.port = 0
    monkeypatch.setenv("MIRROR_ARCHIVES__DEBIAN__UPSTREAM", "none")
    archive = Upstream(house.tree)
    archive.release(hello="one")

    async def scene(controller: Controller) -> None:
        assert (await mirrorctl("verify", "debian", "--deep")).exit_code == 0
        rot(house.tree / "pool/hello.deb")
        done = await mirrorctl("verify", "debian", "--deep")
        assert (done.exit_code, "nobody to fetch from" in done.output) == (1, True)
        assert house.store.count_runs("debian") == 1

    played(house, scene)


def test_a_profile_without_indices_cannot_be_verified(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRROR_ARCHIVES__DEBIAN__PROFILE", "generic")
    done = CliRunner().invoke(cli.app, ["verify", "debian"])
    assert getattr(done.exception, "exit_code", None) == 2


def test_an_archive_nobody_knows(house: House) -> None:
    for verb in ("verify", "quarantine"):
        assert CliRunner().invoke(cli.app, [verb, "other"]).exit_code == 78


def test_the_quarantine_as_json(house: House, origin: Upstream) -> None:
    async def scene(controller: Controller) -> None:
        assert "nothing is kept" in (await mirrorctl("quarantine", "debian")).output
        origin.release("2026112102", new="four")
        rot(origin.root / "pool/new.deb")
        assert (await ask(controller)).code == 4
        shown = json.loads((await mirrorctl("quarantine", "--json")).output)
        (kept,) = shown["debian"]
        assert [one["path"] for one in kept["misfits"]] == ["pool/new.deb"]
        assert Path(kept["directory"], "report.txt").is_file()
        last = house.store.last_run("debian")
        assert last
        assert kept["run"] == last.id

    played(house, scene)


def test_valid_until_is_shown_and_measured(house: House, origin: Upstream) -> None:
    async def scene(controller: Controller) -> None:
        for name in ("Release", "InRelease"):
            text = (origin.root / "dists/s" / name).read_text()
            text = text.replace("Suite: s", "Suite: s\nValid-Until: Wed, 01 Jan 2020 00:00:00 UTC")
            origin.write(f"dists/s/{name}", text.encode())
        request = inbox.leave(str(house.places.inbox), "debian", "all", "cli", "me", rollback=True)
        assert (await asyncio.to_thread(inbox.wait, str(house.places.door), request, 60))[0] == 0
        picture = json.loads((await mirrorctl("status", "--json")).output)["archives"]["debian"]
        assert picture["valid_until"] == 1577836800
        assert picture["notes"] == [
            "dists/s/InRelease expired 2020-01-01 00:00 UTC: apt refuses it until the upstream renews it"
        ]
        transport = httpx.AsyncHTTPTransport(uds=str(house.places.api))
        async with httpx.AsyncClient(transport=transport) as client:
            metrics = (await client.get("http://appliance/metrics")).text
            page = (await client.get("http://appliance/")).text
        assert 'mirror_archive_valid_until_timestamp_seconds{archive="debian"} 1.5778368e+09' in metrics
        assert "InRelease expired" in page

    played(house, scene)


@pytest.mark.parametrize(("verify", "shown"), [("full", "unsigned"), ("index", "unsigned"), ("off", "not checked")])
def test_an_archive_without_keyring_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch, verify: str, shown: str
) -> None:
    house.extra["MIRROR_ARCHIVES__DEBIAN__VERIFY"] = verify

    async def scene(_: Controller) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        assert shown in (await mirrorctl("status")).output

    played(house, scene)


def test_a_publication_that_is_under_way_is_waited_for(house: House, origin: Upstream, tmp_path: Path) -> None:
    """And nothing else is: neither an idle archive nor one that is only being fetched."""
    gate, hook = tmp_path / "gate", tmp_path / "hooks" / "hook3"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\nwhile [ ! -e {gate} ]; do sleep 0.02; done\n")
    hook.chmod(0o755)
    house.extra["MIRROR_HOOKS"] = str(hook.parent)

    async def play() -> None:
        async with house.open() as controller, api(house, controller), asker(house) as client:
            assert (await client.get("/control/settled/debian")).json() == {"settled": True}
            syncing = asyncio.create_task(ask(controller))
            lane = controller.lanes["debian"]
            await until(lambda: lane.figures and lane.figures.stage == "publish")
            asking = asyncio.create_task(client.get("/control/settled/debian"))
            assert (await asyncio.wait({asking}, timeout=0.3))[1]
            gate.touch()
            assert (await asking).json() == {"settled": True}
            assert house.store.archive("debian").publishing is None
            assert (await syncing).code == 0
            assert (await client.get("/control/settled/nothing")).status_code == 409

    asyncio.run(play())


def asker(house: House) -> httpx.AsyncClient:
    """One that waits."""
    way = httpx.AsyncHTTPTransport(uds=str(house.places.api))
    return httpx.AsyncClient(transport=way, base_url="http://appliance", timeout=60)
