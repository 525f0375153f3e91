"""A hostile upstream, by a real rsync daemon: what it has, what we then hold, and what the record says.

Every case is fetched twice, as payload and as index, and then once more: what is refused must not make work for ever.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from appliance import log, metrics
from appliance.doors import http
from appliance.records import Run
from appliance.sync import refused
from tests.unit.house import House, ask, synced
from tests.unit.sync.hostile import CASES, CONTROL, LEVELS, RAW, Case, deep, links, named
from tests.unit.upstream import DebianTree, daemon


@contextmanager
def opened(scratch: Path, origin: DebianTree, patch: pytest.MonkeyPatch, **extra: str) -> Iterator[House]:
    with daemon(scratch, {"debian": origin.root}) as port:
        house = House(scratch / "house", port, extra=extra)
        house.record_ssh(patch)
        yield house
        house.store.close()


def sync(house: House, allow_deletes: bool = False) -> Run:
    """One sync from a start of the controller to its end."""

    synced(house, allow_deletes)
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
            await ask(controller)
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


def test_a_trace_of_ours_is_not_written_through_an_upstreams_link(house: House, origin: DebianTree) -> None:
    """Nor into a file that has a second name there: what is published may only change as a whole, and verified."""
    at = origin.root / "project/trace"
    (at / ".leaf.new").symlink_to("../../dists/s/InRelease")
    os.link(origin.root / "pool/hello.deb", at / "._hierarchy.new")
    for serial in ("2026112102", "2026112103"):
        origin.release(serial, world=serial)
        assert sync(house).result == "success"
        assert house.holds(origin) is False  # the two themselves are ours now
        for path in ("dists/s/InRelease", "pool/hello.deb"):
            assert (house.tree / path).read_bytes() == (origin.root / path).read_bytes()


@pytest.mark.parametrize("name", ["_hierarchy.mirror", ".leaf.new"])
def test_a_directory_by_the_name_of_a_trace_of_ours_gives_way(house: House, origin: DebianTree, name: str) -> None:
    sync(house)
    (origin.root / "project/trace" / name / "x").mkdir(parents=True)
    (origin.root / "project/trace" / name / "x/y").touch()
    origin.release("2026112102", hello="two")
    assert sync(house).result == "success"
    assert (house.tree / "project/trace/_hierarchy.mirror").read_text().startswith("leaf ")


@pytest.mark.parametrize("place", ["project", "project/trace"])
@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere")], ids=["file", "link"])
def test_what_stands_where_traces_belong_is_refused(
    house: House, origin: DebianTree, place: str, make: Callable[[Path], None]
) -> None:
    """It would be published, and no publication would ever be finished again."""
    shutil.rmtree(origin.root / place)
    make(origin.root / place)
    assert sync(house).result == "success"
    assert house.store.archive("debian").refused_paths == (f"{place}: no directory, and traces belong below it",)
    assert (house.tree / "project/trace/leaf").is_file()
