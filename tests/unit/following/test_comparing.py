"""When the journal does not do: what was lost, what no journal told, another tree and another choice."""

from __future__ import annotations

import shutil

import pytest

from appliance.controller import Controller
from appliance.sync.journal.journal import Journal
from tests.unit.chain import Chain, ask


def test_a_journal_that_was_lost(chain: Chain) -> None:
    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        Journal(chain.origin.places.journal("debian")).begin(1)
        chain.archive.release(world="one")
        await ask(origin)
        await ask(leaf)
        assert chain.planner == "walk: the upstream's journal began anew"
        assert chain.is_same()
        chain.archive.release(world="a second one")
        await ask(origin)
        await ask(leaf)
        assert chain.planner == "journal"

    chain.play(scene)


def test_an_audit_finds_what_no_journal_told(chain: Chain) -> None:
    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        (chain.leaf.tree / "pool/hello.deb").unlink()
        await ask(leaf)
        assert not chain.is_same()
        await ask(leaf, full=True)
        assert chain.is_same()
        assert chain.leaf.store.archive("debian").drift == 1

    chain.play(scene)


def test_another_user_of_the_same_upstream_is_no_other_tree(chain: Chain) -> None:
    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        chain.archive.release(world="one")
        await ask(origin)
        chain.leaf.extra = {"MIRROR_ARCHIVES__DEBIAN__UPSTREAM": f"rsync://leaf_2@127.0.0.1:{chain.leaf.port}/debian"}
        leaf.reload(chain.leaf.settings())
        await ask(leaf)
        assert chain.planner == "journal"
        assert chain.is_same()

    chain.play(scene)


@pytest.mark.parametrize("loss", ["everything", "what was published last"])
def test_a_tree_that_is_not_what_we_left(chain: Chain, loss: str) -> None:
    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        backup = chain.leaf.root / "backup"
        shutil.copytree(chain.leaf.tree, backup, symlinks=True)
        chain.archive.release(world="one")
        await ask(origin)
        await ask(leaf)
        shutil.rmtree(chain.leaf.tree)
        if loss == "everything":
            chain.leaf.tree.mkdir()
        else:
            backup.rename(chain.leaf.tree)
        await ask(leaf)
        assert chain.planner.startswith("walk")
        assert chain.is_same()

    chain.play(scene)


def test_another_choice_compares_everything(chain: Chain) -> None:
    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)

    chain.play(scene)
    chain.leaf.extra["MIRROR_ARCHIVES__DEBIAN__EXCLUDE"] = "/doc/"

    async def other(origin: Controller, leaf: Controller) -> None:
        chain.archive.write("doc/README", b"read me")
        chain.archive.release(world="one")
        await ask(origin)
        await ask(leaf)
        assert chain.planner.startswith("walk")
        chain.archive.write("doc/README", b"read me again")
        chain.archive.release(world="a second one")
        await ask(origin)
        await ask(leaf)
        assert chain.planner == "journal"
        assert not (chain.leaf.tree / "doc").exists()

    chain.play(other)
