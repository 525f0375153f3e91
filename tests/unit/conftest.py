from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.places import Places

# The profiles are there before pytest chooses one.
from tests.unit import examples as examples
from tests.unit.chain import Chain
from tests.unit.house import House
from tests.unit.upstream import DebianTree, Keyring, daemon

# As in the image, whatever this machine's is: modes are looked at.
os.umask(0o022)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Empty roots, as a fresh container finds them."""
    found = Places(run=tmp_path / "run", state=tmp_path / "state", data=tmp_path / "data")
    for root in (found.run, found.state, found.data):
        root.mkdir()
    return found


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What is captured for one test is closed in the next."""
    logger = logging.getLogger("push-mirror")
    handlers, level, propagates = list(logger.handlers), logger.level, logger.propagate
    others = list(logging.getLogger().handlers)
    yield
    logger.handlers[:], logger.propagate = handlers, propagates
    logging.getLogger().handlers[:] = others
    logger.setLevel(level)


@pytest.fixture(scope="session")
def keyring() -> Iterator[Keyring]:
    """A key that signs archives, and the keyring that trusts it."""
    with tempfile.TemporaryDirectory(prefix="gpg") as scratch:
        keyring = Keyring(Path(scratch, "a"))
        yield keyring
        keyring.close()


@pytest.fixture
def origin(tmp_path: Path) -> DebianTree:
    """An archive that was released once."""
    archive = DebianTree(tmp_path / "origin")
    archive.release("2026112101", hello="one")
    return archive


@pytest.fixture
def house(tmp_path: Path, origin: DebianTree, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A mirror below it, over a real rsync daemon; its ssh only records."""
    with daemon(tmp_path, {"debian": origin.root}) as port:
        house = House(tmp_path / "house", port)
        house.record_ssh(monkeypatch)
        yield house
        house.store.close()


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    """An origin, and a leaf that follows its journal."""
    origin = House(tmp_path / "up", extra={"MIRROR_NAME": "origin"})
    served = {"debian": origin.tree, "debian_journal": origin.places.journal("debian")}
    shutil.rmtree(origin.tree)
    archive = DebianTree(origin.tree)
    archive.release(hello="one")
    origin.places.journal("debian").mkdir(parents=True)
    with daemon(tmp_path, served) as port:
        leaf = House(tmp_path / "down", port, extra={"MIRROR_ARCHIVES__DEBIAN__GRACE": "0"})
        leaf.record_ssh(monkeypatch)
        yield Chain(origin, leaf, archive)
        origin.store.close()
        leaf.store.close()
