from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from appliance.records import Mark
from appliance.store import Store, StoreError, check, schema
from tests.unit.filesystems import fill, small

WRITTEN = Path(__file__).with_name("written")


def written_by(version: int, place: Path) -> Path:
    """A store as an appliance of that version left it."""
    file = place / "store.sqlite3"
    db = sqlite3.connect(file)
    db.executescript((WRITTEN / f"version{version}.sql").read_text())
    db.close()
    return file


def tables(file: Path) -> dict[str, list[tuple[str, str, int]]]:
    """Every table with its columns: name, type, and whether it must have a value."""
    db = sqlite3.connect(file)
    names = [row[0] for row in db.execute("select name from sqlite_master order by name")]
    found = {name: sorted(row[1:4] for row in db.execute(f"pragma table_info({name})")) for name in names}
    db.close()
    return found


@pytest.mark.parametrize("version", range(1, schema.NEWEST))
def test_a_store_of_every_version_is_brought_forward(version: int, tmp_path: Path) -> None:
    file = written_by(version, tmp_path)
    for _ in range(2):
        store = Store(file)
        assert [one.id for one in store.open_requests("debian")] == ["open"]
        assert store.open_requests("debian")[0].full
        assert store.archive("debian").serial == "2026112101"
        assert store.archive("debian").drift == 3
        assert store.roots("debian") == {"dists/old/Release": None, "dists/stable/InRelease": 2000.5}
        assert store.doomed("debian") == {"pool/a.deb", "pool/\udcff.deb"}
        assert store.repairs("debian") == ["pool/b.deb"]
        assert store.mark("debian") == Mark("epoch", 7, "digest", "terms")
        assert [(one.downstream, one.state, one.attempts) for one in store.deliveries()] == [("leaf", "failing", 2)]
        assert store.last_error("debian") == "rsync: no route to host"
        assert (store.count_runs("debian"), store.bytes_fetched("debian")) == (3, 507)
        assert [(one.number, one.serial, one.published) for one in store.publications("debian")] == [
            (1, "2026112101", 12.0)
        ]
        assert store.results() == {("debian", "sync", "success"): 1, ("debian", "sync", "error"): 1}
        store.close()


@pytest.mark.parametrize("version", range(1, schema.NEWEST))
def test_a_store_brought_forward_is_made_like_a_new_one(version: int, tmp_path: Path) -> None:
    Store(written_by(version, tmp_path)).close()
    (tmp_path / "new").mkdir()
    Store(tmp_path / "new" / "store.sqlite3").close()
    assert tables(tmp_path / "store.sqlite3") == tables(tmp_path / "new" / "store.sqlite3")


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written_by(1, tmp_path)
    before = tables(file)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, "create table extra (a text); create table run (b text)"))
    with pytest.raises(StoreError, match="table run already exists"):
        Store(file)
    assert tables(file) == before


def test_what_a_store_was_before_is_kept_until_it_is_brought_forward_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written_by(6, tmp_path)
    kept, as_written = tmp_path / "store.sqlite3.before", dump(file)
    for _ in range(2):
        Store(file).close()
        assert dump(kept) == as_written
    between = dump(file)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, "create table extra (a text)"))
    monkeypatch.setattr(schema, "NEWEST", schema.NEWEST + 1)
    Store(file).close()
    assert dump(kept) == between
    monkeypatch.undo()
    with pytest.raises(StoreError) as caught:
        Store(file)
    assert "put store.sqlite3.before in its place" in caught.value.cure
    kept.replace(file)
    Store(file).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store.sqlite3"]


@pytest.mark.parametrize("left", [0, 8 << 10, 130 << 10])
def test_without_room_to_be_brought_forward_a_store_stays_as_it_is(tmp_path: Path, left: int) -> None:
    """Whether for the copy or for the change itself; with room the next start does it."""
    with small(tmp_path / "state", "size=1m") as state:
        file = written_by(6, state)
        as_written = dump(file)
        filler = fill(state, left)
        with pytest.raises(StoreError, match="cannot be made ready"):
            Store(file)
        filler.unlink()
        assert dump(file) == as_written
        assert [path.name for path in state.iterdir() if path.name.endswith(".new")] == []
        store = Store(file)
        assert store.archive("debian").serial == "2026112101"
        store.close()


def dump(file: Path) -> tuple[int, list[str]]:
    """All that is in a store: its version, and every row."""
    db = sqlite3.connect(file)
    found = int(db.execute("pragma user_version").fetchone()[0]), list(db.iterdump())
    db.close()
    return found


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite3"
    Store(file).close()
    db = sqlite3.connect(file)
    db.execute(f"pragma user_version = {schema.NEWEST + 1}")
    db.close()
    before = file.read_bytes()
    for look in (Store, check):
        with pytest.raises(StoreError) as caught:
            look(file)
        assert caught.value.exit_code == 78
        assert "newer push-mirror" in caught.value.fact
        assert "newer image" in caught.value.cure
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["store.sqlite3"]


def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite3"
    file.write_bytes(b"no database at all, and long enough to be looked at" * 40)
    before = file.read_bytes()
    with pytest.raises(StoreError, match="cannot be read"):
        check(file)
    assert file.read_bytes() == before


def test_where_there_is_none_nothing_is_made(tmp_path: Path) -> None:
    check(tmp_path / "store.sqlite3")
    assert not [*tmp_path.iterdir()]
