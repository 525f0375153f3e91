"""A hostile upstream, by a real rsync daemon: what it has, what we then hold, and what the record says.

Every case is fetched twice, as payload and as index, and then once more: what is refused must not make work for ever.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import log, metrics
from appliance.commands import Verdict
from appliance.controller import Controller, new_request
from appliance.doors import http
from appliance.errors import SyncError
from appliance.records import Request, Run
from appliance.sync import comparison, plan, refused
from appliance.sync.profile import Profile
from appliance.sync.source import Source
from appliance.sync.transport import Transport
from tests.unit.examples import examples
from tests.unit.house import House
from tests.unit.upstream import DebianTree, daemon

RAW = b"raw\xe9".decode("utf-8", "surrogateescape")
LINK = ": a link that leaves the archive"
KIND = ": neither file, directory nor link"
CONTROL = ": control characters in its name"
LEVELS = 300


@dataclass(frozen=True)
class Case:
    """``make`` fills an empty directory of the upstream; ``held`` is what we then have below that directory (content,
    or target behind an arrow), ``refused`` what the record lists, both relative to it."""

    make: Callable[[Path], object]
    held: dict[str, str]
    refused: tuple[str, ...] = ()


def links(**targets: str) -> Callable[[Path], None]:
    """Links by name."""

    def make(at: Path) -> None:
        for name, target in targets.items():
            (at / name).symlink_to(target)

    return make


def named(*names: str) -> Callable[[Path], None]:
    """Files that hold their own names."""

    def make(at: Path) -> None:
        for name in names:
            (at / name).parent.mkdir(parents=True, exist_ok=True)
            (at / name).write_text("x")

    return make


def strange_links(at: Path) -> None:
    (at / "a -> b").symlink_to("c -> d")
    (at / "a => b").write_text("x")
    os.link(at / "a => b", at / "z => y")


def control_links(at: Path) -> None:
    (at / "target").symlink_to("esc\x1b[2J")
    (at / "mark\x01").symlink_to("here")
    (at / "one\x07").write_text("x")
    os.link(at / "one\x07", at / "two")


def privileges(at: Path) -> None:
    (at / "suid").write_text("x")
    (at / "suid").chmod(0o6777)
    (at / "sticky").mkdir()
    (at / "sticky" / "x").write_text("x")
    (at / "sticky").chmod(0o7777)


def deep(at: Path) -> None:
    """As deep as a daemon still lists; more than Python's ways to walk a tree like."""
    for depth in range(1, LEVELS):
        (at / "/".join("d" * depth)).mkdir()


def socket_file(at: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        # A socket's path must be short, which pytest's directories are not.
        before = os.getcwd()
        os.chdir(at)
        try:
            door.bind("socket")
        finally:
            os.chdir(before)


def devices(at: Path) -> None:
    try:
        os.mknod(at / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(at / "disk", stat.S_IFBLK | 0o666, os.makedev(7, 99))
    except PermissionError:
        pytest.skip("only root makes devices")


CASES = {
    "leaves": Case(links(up="../../../../out", down="d/../../../../../out"), {}, (f"down{LINK}", f"up{LINK}")),
    "absolute": Case(links(a="/etc/passwd", b="/", c="//x"), {}, (f"a{LINK}", f"b{LINK}", f"c{LINK}")),
    "dangling": Case(links(here="nowhere", out="../../../../nowhere"), {"here": "-> nowhere"}, (f"out{LINK}",)),
    "chain": Case(links(a="b", b="../../../.."), {"a": "-> b"}, (f"b{LINK}",)),
    "chain-by-depth": Case(links(a=".", b="a/../.."), {"a": "-> ."}, (f"b{LINK}",)),
    "stays": Case(links(top="../README", next="./x"), {"top": "-> ../README", "next": "-> ./x"}),
    "arrows": Case(strange_links, {"a -> b": "-> c -> d", "a => b": "x", "z => y": "x"}),
    "fifo": Case(lambda at: os.mkfifo(at / "fifo"), {}, (f"fifo{KIND}",)),
    "socket": Case(socket_file, {}, (f"socket{KIND}",)),
    "devices": Case(devices, {}, (f"disk{KIND}", f"null{KIND}")),
    "privileges": Case(privileges, {"suid": "x", "sticky/x": "x"}),
    "control": Case(
        named("new\nline", "tab\t", "esc\x1b[2J", "del\x7f", "mark\x01", "mark\x01 -> x", "ok"),
        {"ok": "x"},
        tuple(
            f"{name}{CONTROL}"
            for name in (r"del\x7f", r"esc\x1b[2J", r"mark\x01", r"mark\x01 -> x", r"new\nline", r"tab\t")
        ),
    ),
    "control-directory": Case(named("a\rb/x", "a/x"), {"a/x": "x"}, (rf"a\rb{CONTROL}", rf"a\rb/x{CONTROL}")),
    "control-links": Case(control_links, {"two": "x"}, (rf"mark\x01{CONTROL}", rf"one\x07{CONTROL}", f"target{LINK}")),
    "no-utf-8": Case(
        named(RAW, f"{RAW}:", "ünï", "back\\#101"), {RAW: "x", f"{RAW}:": "x", "ünï": "x", "back\\#101": "x"}
    ),
}


@pytest.fixture
def origin(tmp_path: Path) -> DebianTree:
    archive = DebianTree(tmp_path / "origin")
    archive.release("2026112101", hello="one")
    return archive


@pytest.fixture
def house(tmp_path: Path, origin: DebianTree, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with opened(tmp_path, origin, monkeypatch) as house:
        yield house


@contextmanager
def opened(scratch: Path, origin: DebianTree, patch: pytest.MonkeyPatch, **extra: str) -> Iterator[House]:
    with daemon(scratch, {"debian": origin.root}) as port:
        house = House(scratch / "house", port, extra=extra)
        house.record_ssh(patch)
        yield house
        house.store.close()


async def _ask(controller: Controller, allow_deletes: bool) -> Request:
    request = replace(new_request("debian", "all", "ssh", "hub", mhop=False), allow_deletes=allow_deletes)
    controller.accept([request])
    async with asyncio.timeout(30):
        await controller.lanes["debian"].answer(request.id)
    answered = controller.store.request(request.id)
    assert answered
    return answered


def sync(house: House, allow_deletes: bool = False) -> Run:
    """One sync from a start of the controller to its end."""

    async def play() -> None:
        async with house.open() as controller:
            await _ask(controller, allow_deletes)

    asyncio.run(play())
    last = house.store.last_run("debian")
    assert last
    return last


def contents(at: Path) -> dict[str, str]:
    """Every file and link below a directory, and nothing else may be there."""
    found: dict[str, str] = {}
    for path in at.rglob("*"):
        mode = path.lstat().st_mode
        assert stat.S_ISLNK(mode) or stat.S_IMODE(mode) == (0o755 if stat.S_ISDIR(mode) else 0o644), path
        if not stat.S_ISDIR(mode):
            found[str(path.relative_to(at))] = f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text()
    return found


@pytest.mark.parametrize("place", ["pool/h", "dists/h"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_an_upstream_shows(house: House, origin: DebianTree, case: Case, place: str) -> None:
    (origin.root / place).mkdir()
    case.make(origin.root / place)
    assert sync(house).result == "success"
    assert contents(house.tree / place) == case.held
    state = house.store.archive("debian")
    assert (state.refused, sorted(state.refused_paths)) == (
        len(case.refused),
        sorted(f"{place}/{one}" for one in case.refused),
    )
    assert sync(house).result == "noop"


@pytest.mark.parametrize("place", ["pool/h", "dists/h"])
def test_names_that_become_something_else(house: House, origin: DebianTree, place: str) -> None:
    at = origin.root / place
    named("file", "directory/x")(at)
    sync(house)
    (at / "file").unlink()
    named("file/x")(at)
    (at / "directory/x").unlink()
    (at / "directory").rmdir()
    named("directory")(at)
    assert sync(house).result == "success"
    assert contents(house.tree / place) == {"file/x": "x", "directory": "x"}
    assert sync(house).result == "noop"


def test_a_directory_that_becomes_a_file_is_guarded_like_every_loss(house: House, origin: DebianTree) -> None:
    named(*(f"many/{number}" for number in range(30)))(origin.root / "pool")
    sync(house)
    shutil.rmtree(origin.root / "pool/many")
    (origin.root / "pool/many").write_text("x")
    sync(house)
    assert len(contents(house.tree / "pool/many")) == 30
    assert "--allow-deletes" in house.store.archive("debian").note
    sync(house, allow_deletes=True)
    assert (house.tree / "pool/many").read_text() == "x"


def test_nothing_is_written_through_a_link(house: House, origin: DebianTree, tmp_path: Path) -> None:
    """A link of ours, however it came here, stands where the upstream has a directory."""
    sync(house)
    (tmp_path / "elsewhere").mkdir()
    (house.tree / "pool/h").symlink_to(tmp_path / "elsewhere")
    named("h/x")(origin.root / "pool")
    assert sync(house).result == "success"
    assert not list((tmp_path / "elsewhere").iterdir())
    assert contents(house.tree / "pool/h") == {"x": "x"}


def test_what_becomes_refused_goes_like_what_is_gone(house: House, origin: DebianTree) -> None:
    house.extra["MIRROR_ARCHIVES__DEBIAN__GRACE"] = "0"
    named("was/a", "was/b", "file")(origin.root / "pool")
    sync(house)
    shutil.rmtree(origin.root / "pool/was")
    (origin.root / "pool/file").unlink()
    os.mkfifo(origin.root / "pool/was")
    (origin.root / "pool/file").symlink_to("/etc")
    sync(house)
    sync(house)
    assert contents(house.tree / "pool") == {"hello.deb": "one"}
    assert house.store.archive("debian").refused == 2


def test_the_record_is_bounded(house: House, origin: DebianTree) -> None:
    links(**{f"l{number:03}": "/" * 4000 for number in range(150)})(origin.root / "pool")
    sync(house)
    state = house.store.archive("debian")
    assert (state.refused, len(state.refused_paths)) == (150, refused.EXAMPLES)
    record = refused.Refusals()
    record.add("x" * 4000, refused.Why.KIND)
    (long,) = record.seen.examples
    assert len(long) < 400


def test_refusals_are_shown_everywhere(house: House, origin: DebianTree) -> None:
    (origin.root / "pool" / f"{RAW}\x1b").write_text("x")

    async def play() -> tuple[dict[str, object], str]:
        async with house.open() as controller:
            await _ask(controller, allow_deletes=False)
            transport = httpx.ASGITransport(http.application(controller, list))
            async with httpx.AsyncClient(transport=transport, base_url="http://mirror") as client:
                return (await client.get("/api/v1/status")).json(), metrics.text(controller).decode()

    picture, text = asyncio.run(play())
    archive = picture["archives"]["debian"]  # type: ignore[index]
    assert archive["refused"] == {"count": 1, "paths": [rf"pool/raw\xe9\x1b{CONTROL}"]}
    assert 'mirror_archive_refused_paths{archive="debian"} 1.0' in text


def test_a_name_of_no_utf_8_breaks_nothing_that_speaks_of_it(house: House, origin: DebianTree) -> None:
    suite = origin.root / "dists" / RAW
    origin.release("2026112102", hello="one")
    (origin.root / "dists/s").rename(suite)
    (suite / "Release").write_text("Suite: s\nSHA256:\n " + "0" * 64 + " 1 main/Packages\n")
    (suite / "InRelease").write_text((suite / "Release").read_text())
    (suite / "main/Packages").write_text("wrong")
    run = sync(house)
    assert run.result == "error"
    assert r"dists/raw\xe9/main" in run.error


def test_a_suite_of_no_utf_8_is_a_place_where_readers_begin(house: House, origin: DebianTree) -> None:
    (origin.root / "dists/s").rename(origin.root / "dists" / RAW)
    assert sync(house).result == "success"
    assert f"dists/{RAW}/InRelease" in house.store.roots("debian")
    assert sync(house).result == "noop"


def test_an_endless_list(tmp_path: Path, origin: DebianTree, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path, origin, monkeypatch, MIRROR_ARCHIVES__DEBIAN__MAX_FILES="50") as house:
        assert sync(house).result == "success"
        for number in range(10):
            named(*(f"{number}/{each}" for each in range(10)))(origin.root / "pool")
        run = sync(house)
        assert run.result == "error"
        assert "more than 50 paths" in run.error
        assert "MIRROR_ARCHIVES__DEBIAN__MAX_FILES" in run.error
        assert not (house.tree / "pool/1").exists()


def walked(port: int, tree: Path, limit: int) -> plan.Plan:
    transport = Transport(f"rsync://127.0.0.1:{port}/big")
    source = Source(transport, own_name="leaf", variable="MIRROR_ARCHIVES__BIG", max_files=limit)
    return asyncio.run(comparison.walk(source, tree, Profile("generic")))


def test_the_limit_is_how_many_paths_there_may_be(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "tree").mkdir()
    named("a/x", "b/x", "c")(tmp_path / "big")
    with daemon(tmp_path, {"big": tmp_path / "big"}) as port:
        assert walked(port, tmp_path / "tree", 5).upstream_files == 5
        with pytest.raises(SyncError, match="more than 4 paths") as caught:
            walked(port, tmp_path / "tree", 4)
        assert caught.value.verdict is Verdict.REFUSED
        # What we hold already counts like what is new.
        subprocess.run(["rsync", "-a", f"{tmp_path}/big/", f"{tmp_path}/tree/"], check=True)
        with pytest.raises(SyncError, match="more than 4 paths"):
            walked(port, tmp_path / "tree", 4)


def test_one_directory_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """rsync says nothing of a directory before it has all of it: there, memory is the limit."""
    big = tmp_path / "big"
    big.mkdir()
    (tmp_path / "tree").mkdir()
    (big / "x").touch()
    for number in range(60_000):
        os.link(big / "x", big / f"{number:0200}") if number % 30_000 else (big / f"{number:0200}").touch()
    monkeypatch.setattr("appliance.sync.source._BASE_MEMORY", 24 << 20)
    with daemon(tmp_path, {"big": big}) as port, pytest.raises(SyncError) as caught:
        walked(port, tmp_path / "tree", 100)
    assert "MIRROR_ARCHIVES__BIG__MAX_FILES" in caught.value.cure


NAME = st.sampled_from(["..", ".", "a", "b", ""])


@settings(max_examples=examples(300))
@given(st.lists(NAME, min_size=1, max_size=6).map("/".join), st.integers(0, 3))
def test_a_link_that_is_taken_never_leaves(target: str, depth: int) -> None:
    """By its own words: whatever the names in it are, the way goes down from a directory of the tree."""
    path = "/".join(["d"] * depth + ["link"])
    if not refused.leaves(path, target):
        level = depth
        for part in target.split("/"):
            level += {"..": -1, ".": 0, "": 0}.get(part, 0)
            assert level >= 0


def test_what_is_taken_is_what_rsync_takes(tmp_path: Path) -> None:
    """Or a walk would plan what no fetch brings. The other way round something is refused that rsync would take."""
    parts = ("..", ".", "a", "")
    targets = sorted({"/".join(words) for words in _words(parts, 4)} - {""})
    for number, target in enumerate(targets):
        for directory in ("", "d/", "d/e/"):
            (tmp_path / "up" / directory).mkdir(parents=True, exist_ok=True)
            (tmp_path / "up" / f"{directory}{number}").symlink_to(target)
    argv = ["rsync", "-rl", "--safe-links", f"{tmp_path}/up/", f"{tmp_path}/down/"]
    subprocess.run(argv, check=True, capture_output=True)
    wrong = [
        (directory, target)
        for number, target in enumerate(targets)
        for directory in ("", "d/", "d/e/")
        if not refused.leaves(f"{directory}{number}", target)
        and not (tmp_path / "down" / f"{directory}{number}").is_symlink()
    ]
    assert not wrong


def _words(parts: tuple[str, ...], most: int) -> Iterator[tuple[str, ...]]:
    for length in range(1, most + 1):
        for number in range(len(parts) ** length):
            yield tuple(parts[number // len(parts) ** place % len(parts)] for place in range(length))


def test_an_index_cannot_have_fetched_what_is_refused(house: House, origin: DebianTree) -> None:
    sync(house)
    origin.release("2026112102", **{"tab\tbed": "x"})
    run = sync(house)
    assert run.result == "error"
    assert r"pool/tab\tbed.deb: expected" in log.visible(run.error)
    assert sorted(contents(house.tree / "pool")) == ["hello.deb"]


@pytest.mark.parametrize("place", ["pool", "dists"])
def test_a_tree_without_end_is_taken_to_a_depth(house: House, origin: DebianTree, place: str) -> None:
    deep(origin.root / place)
    assert sync(house).result == "success"
    assert (house.tree / place / "/".join("d" * refused.DEEPEST)).is_dir()
    state = house.store.archive("debian")
    assert state.refused == LEVELS - 1 - refused.DEEPEST
    assert state.refused_paths[0].endswith(": too many directories above it")
    assert sync(house).result == "noop"
