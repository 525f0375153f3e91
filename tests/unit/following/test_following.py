"""Two appliances, one below the other, over a real rsync daemon: the lower one follows the upper one's journal."""

from __future__ import annotations

import os
import shutil

import pytest

from appliance.controller import Controller
from appliance.run.chronicle import Chronicle
from tests.unit.chain import Chain, ask
from tests.unit.upstream import INDEX


def test_a_walk_first_and_the_journal_from_then_on(chain: Chain) -> None:
    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        assert chain.planner == "walk: nothing is known of the upstream's journal yet"
        chain.archive.release(hello="a second one", world="one")
        await ask(origin)
        await ask(leaf)
        assert chain.planner == "journal"
        assert chain.is_same()
        assert chain.leaf.store.archive("debian").serial == chain.origin.store.archive("debian").serial

    chain.play(scene)


def test_nothing_new_is_one_exchange(chain: Chain) -> None:
    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        await ask(leaf)
        run = chain.leaf.store.last_run("debian")
        assert (chain.planner, run and run.result, run and run.bytes) == ("journal", "noop", 0)

    chain.play(scene)


def test_an_index_that_came_by_its_hash_does_not_travel_again(chain: Chain) -> None:
    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        chain.archive.release(hello="a second one")
        await ask(origin)
        index = chain.origin.tree / "dists/s" / INDEX
        before = index.stat()
        content = index.read_bytes()
        index.write_bytes(b"!" * len(content))  # who fetched it would have to refuse the publication
        os.utime(index, ns=(before.st_atime_ns, before.st_mtime_ns))
        await ask(leaf)
        assert chain.planner == "journal"
        published = chain.leaf.tree / "dists/s" / INDEX
        assert published.read_bytes() == content
        assert int(published.stat().st_mtime) == int(before.st_mtime)

    chain.play(scene)


def test_what_is_gone_goes_here_too(chain: Chain) -> None:
    async def scene(origin: Controller, leaf: Controller) -> None:
        chain.archive.write("pool/extra.deb", b"extra")
        chain.archive.write("pool/d/deep.deb", b"deep")
        await ask(origin)
        await ask(leaf)
        (chain.origin.tree / "pool/extra.deb").unlink()
        shutil.rmtree(chain.origin.tree / "pool/d")
        await ask(origin)
        await ask(leaf)
        assert chain.planner == "journal"
        assert chain.is_same()

    chain.play(scene)


def test_what_is_there_again_as_it_was_stays(chain: Chain) -> None:
    """Such as what a walk in the middle of an update did not see: nothing travels, and nothing goes a day later."""
    chain.leaf.extra["MIRROR_ARCHIVES__DEBIAN__GRACE"] = "1d"
    names = ("pool/d", "pool/d/deep.iso")

    async def scene(origin: Controller, leaf: Controller) -> None:
        chain.archive.write("pool/d/deep.iso", b"deep")
        away = chain.archive.root.with_name("away")
        for one, other in ((away, away), (chain.archive.root / "pool/d", away), (away, chain.archive.root / "pool/d")):
            if one != other:
                one.rename(other)
            await ask(origin)
            await ask(leaf)
            gone = other == away and one != other
            assert [chain.leaf.store.is_doomed("debian", name) for name in names] == [gone, gone]
        assert chain.planner == "journal"

    chain.play(scene)


def test_a_flag_that_was_up_at_the_publication_keeps_nobody_from_it(chain: Chain) -> None:
    """Who publishes from his release tool's script takes it down behind that, and the journal tells of it for ever."""
    flag = chain.archive.root / "Archive-Update-in-Progress-origin"

    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        flag.touch()
        chain.archive.release(hello="a second one")
        await ask(origin)
        flag.unlink()
        assert (await ask(leaf)).code == 0
        assert chain.planner == "journal"
        assert chain.is_same()

    chain.play(scene)


@pytest.mark.parametrize("path", ["pool/x.iso", "dists/odd", "project/trace/other"])
def test_what_the_journal_tells_of_and_is_there_no_more_is_found_out(chain: Chain, path: str) -> None:
    """Somebody has taken it away behind the publication."""

    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        chain.archive.write(path, b"x\n")
        chain.archive.release(hello="a second one")
        await ask(origin)
        (chain.archive.root / path).unlink()
        await ask(leaf)
        assert chain.planner == "walk: all was to be compared"
        assert chain.is_same()
        chain.archive.release(hello="a third one")
        await ask(origin)
        await ask(leaf)
        assert chain.planner == "journal"

    chain.play(scene)


def test_what_the_guard_holds_back_is_not_forgotten(chain: Chain) -> None:
    def noted() -> str:
        return chain.leaf.store.archive("debian").note

    async def scene(origin: Controller, leaf: Controller) -> None:
        for number in range(60):
            chain.archive.write(f"pool/old/{number}.deb", b"old")
        await ask(origin)
        await ask(leaf)
        shutil.rmtree(chain.origin.tree / "pool/old")
        await ask(origin)
        for _ in range(2):
            await ask(leaf)
            assert "--allow-deletes" in noted()
            assert (chain.leaf.tree / "pool/old/7.deb").exists()
        await ask(leaf, deletes=True)
        assert noted() == ""
        assert chain.is_same()

    chain.play(scene)


def test_stage_1_brings_the_payload_and_stage_2_the_rest(chain: Chain) -> None:
    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        chain.archive.release(world="one")
        await ask(origin)
        await ask(leaf, trigger="stage1")
        assert (chain.leaf.tree / "pool/world.deb").exists()
        assert "world" not in (chain.leaf.tree / "dists/s/main/binary-all/Packages").read_text()
        await ask(leaf, trigger="stage2")
        assert chain.planner == "journal"
        assert chain.is_same()

    chain.play(scene)


def test_stage_1_brings_what_the_upstream_has_and_has_not_published(chain: Chain) -> None:
    """The upstream is a mirror itself: its payload is there before its indices are."""

    async def scene(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        chronicle = Chronicle(chain.origin.places, "debian", "origin")
        chain.archive.write("pool/soon.deb", b"soon")
        chronicle.note([("pool", None), ("pool/soon.deb", None), ("pool/hello.deb", None)])
        chronicle.announce()
        await ask(leaf, trigger="stage1")
        run = chain.leaf.store.last_run("debian")
        assert (chain.planner, run and run.payload) == ("journal", 1)
        assert (chain.leaf.tree / "pool/soon.deb").read_text() == "soon"
        chain.archive.release(soon="soon")
        await ask(origin)
        await ask(leaf)
        run = chain.leaf.store.last_run("debian")
        assert (chain.planner, run and run.payload) == ("journal", 1)  # the new index by its hash
        assert chain.is_same()

    chain.play(scene)


def test_a_link_that_becomes_a_directory_like_the_one_it_showed(chain: Chain) -> None:
    """What is to come is there already, by the look of it: through the link."""

    async def scene(origin: Controller, leaf: Controller) -> None:
        (chain.origin.tree / "a").symlink_to("b")
        await ask(origin)
        await ask(leaf)
        (chain.origin.tree / "a").unlink()
        for name in ("a", "b"):
            (chain.origin.tree / name).mkdir()
            (chain.origin.tree / name / "in").write_text("x")
            os.utime(chain.origin.tree / name / "in", (1, 1))
        await ask(origin)
        await ask(leaf, full=True)
        assert chain.is_same()

    chain.play(scene)
