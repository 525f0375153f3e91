"""A state volume that is copied while it is at work, lost, and made anew from the copy; around the same trees."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import backup
from appliance.controller import Controller, new_request
from appliance.doors import inbox
from appliance.errors import ApplianceError
from appliance.store import Store, StoreError
from appliance.store.schema import NEWEST
from appliance.sync.journal.journal import Journal
from tests.unit.house import House, ask, played
from tests.unit.upstream import DebianTree, daemon


@pytest.fixture
def origin(tmp_path: Path) -> DebianTree:
    tree = DebianTree(tmp_path / "origin")
    tree.release(hello="one")
    return tree


@pytest.fixture
def house(tmp_path: Path, origin: DebianTree) -> Iterator[House]:
    with daemon(tmp_path, {"debian": origin.root}) as port:
        house = House(tmp_path / "house", port)
        yield house
        house.store.close()


def taken(house: House) -> bytes:
    out = io.BytesIO()
    backup.write(house.places, out)
    return out.getvalue()


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()


def lose(house: House) -> None:
    """An empty volume where the state was."""
    house.store.close()
    shutil.rmtree(house.places.state)
    house.places.state.mkdir()


def restored(house: House, data: bytes) -> None:
    lose(house)
    backup.restore(house.places, io.BytesIO(data))
    house.places.inbox.mkdir(exist_ok=True)
    house.store = Store(house.places.store)


def test_what_was_asked_is_asked_still_and_the_keys_are_the_same(house: House) -> None:
    house.places.state_push_key.parent.mkdir()
    house.places.state_push_key.write_text("a key")
    house.places.state_push_key.chmod(0o600)
    waiting = new_request("debian", "all", "ssh", "upstream")
    house.store.add([waiting])
    untaken = inbox.leave(str(house.places.inbox), "debian", "all", "ssh", "upstream")
    restored(house, taken(house))
    assert house.places.state_push_key.read_text() == "a key"
    assert house.places.state_push_key.stat().st_mode & 0o777 == 0o600
    assert house.store.open_requests("debian") == [waiting]
    assert [path.name for path in house.places.inbox.iterdir()] == [untaken]


def test_a_mirror_that_comes_back_goes_on_and_begins_a_new_journal(house: House, origin: DebianTree) -> None:
    """Nothing is new upstream, and something was published since the copy: of that its own downstreams hear."""

    async def first(controller: Controller) -> None:
        await ask(controller)

    played(house, first)
    data = taken(house)
    origin.release(hello="two", world="one")
    played(house, first)
    before = Journal(house.places.journal("debian")).head()
    restored(house, data)
    assert Journal(house.places.journal("debian")).head() is None
    played(house, first)
    after = Journal(house.places.journal("debian")).head()
    assert before
    assert after
    assert before.epoch != after.epoch
    assert house.store.archive("debian").publication == 2
    assert house.holds(origin)


def test_a_publication_that_was_under_way_is_not_taken_up_with_what_is_staged_now(house: House) -> None:
    played(house, lambda controller: ask(controller))
    house.store.publishing("debian", house.store.begin("debian", "sync", "ssh", [], 1.0))
    house.store.doom("debian", ["pool/back-again.deb"], 1.0)
    restored(house, taken(house))
    state = house.store.archive("debian")
    assert state.published
    assert (state.publishing, house.store.doomed("debian"), house.store.mark("debian")) == (None, set(), None)


def test_the_copy_is_whole_while_somebody_writes(house: House) -> None:
    """Read in this order nothing falls between the inbox and the store, which is the last file."""
    inbox.leave(str(house.places.inbox), "debian", "all", "ssh", "upstream")
    (house.places.inbox / ".half-written").touch()
    house.places.journal("debian").mkdir(parents=True)
    (house.places.journal("debian") / "HEAD").touch()
    found = names(taken(house))
    assert found[-1] == "store.sqlite3"
    assert found[0].startswith("inbox/")
    assert len(found) == 2


def test_only_an_empty_volume_is_written(house: House) -> None:
    data = taken(house)
    with pytest.raises(ApplianceError, match="is not empty"):
        backup.restore(house.places, io.BytesIO(data))
    lose(house)
    (house.places.state / "lost+found").mkdir()
    backup.restore(house.places, io.BytesIO(data))


@pytest.mark.parametrize("damage", ["nothing", "no tar", "cut short", "leaves the volume", "is a link"])
def test_what_is_no_backup_leaves_the_volume_empty(house: House, damage: str) -> None:
    data = taken(house)
    broken = {
        "nothing": b"",
        "no tar": b"never a tar" * 1000,
        "cut short": data[: len(data) // 2],
        "leaves the volume": packed(tarfile.TarInfo("../other")),
        "is a link": packed(link()),
    }[damage]
    lose(house)
    with pytest.raises(ApplianceError, match="standard input"):
        backup.restore(house.places, io.BytesIO(broken))
    assert list(house.places.state.iterdir()) == []
    house.store = Store(house.places.store)


def packed(entry: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(entry)
    return out.getvalue()


def link() -> tarfile.TarInfo:
    entry = tarfile.TarInfo("keys")
    entry.type, entry.linkname = tarfile.SYMTYPE, "/etc"
    return entry


def test_a_newer_store_is_refused(house: House) -> None:
    house.store._db.execute(f"pragma user_version = {NEWEST + 1}")
    data = taken(house)
    lose(house)
    with pytest.raises(StoreError, match="newer"):
        backup.restore(house.places, io.BytesIO(data))
    assert list(house.places.state.iterdir()) == []
    house.store = Store(house.places.store)


def test_there_is_nothing_to_copy_where_no_mirror_has_run(house: House) -> None:
    empty = replace(house.places, state=house.root / "elsewhere")
    with pytest.raises(ApplianceError, match="holds no state"):
        backup.write(empty, io.BytesIO())
