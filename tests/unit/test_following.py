"""Two appliances, one below the other, over a real rsync daemon: the lower one follows the upper one's journal."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from appliance.controller import Controller, new_request
from appliance.records import Request
from appliance.run.chronicle import Chronicle
from appliance.sync.journal.journal import Journal
from tests.unit.examples import examples
from tests.unit.house import House
from tests.unit.upstream import INDEX, DebianTree, daemon, tree

Scene = Callable[[Controller, Controller], Awaitable[None]]


@dataclass
class Chain:
    """An origin with an archive, and a leaf below it."""

    origin: House
    leaf: House
    archive: DebianTree

    def play(self, scene: Scene) -> None:
        """Both at work while the scene lasts."""

        async def both() -> None:
            async with self.origin.open() as origin, self.leaf.open() as leaf:
                await scene(origin, leaf)

        asyncio.run(both())

    @property
    def planner(self) -> str:
        """What made the leaf's last plan."""
        return self.leaf.store.archive("debian").planner

    def is_same(self) -> bool:
        """Whether the leaf has what the origin has, the traces of each for itself aside."""
        own = {f"project/trace/{name}" for name in ("leaf", "_hierarchy", "_traces", "_hierarchy.mirror")}
        one, other = ({p: t for p, t in tree(house.tree).items() if p not in own} for house in (self.origin, self.leaf))
        return one == other


async def ask(controller: Controller, full: bool = False, trigger: str = "all", deletes: bool = False) -> Request:
    """One request and its answer; it must be good."""
    request = replace(new_request("debian", trigger, "ssh", "test", full=full), allow_deletes=deletes)
    controller.accept([request])
    async with asyncio.timeout(60):
        answer = await controller.lanes["debian"].answer(request.id)
    assert answer.code == 0, answer.answer
    return answer


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
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


NAMES = ("a", "b", "d/a", "d/b", "d/e/a", "L")


def apply(root: Path, step: tuple[str, str, str]) -> None:
    """One change of a tree, whatever stands in its way."""
    op, name, text = step
    here = root / name
    for way in [*reversed(here.relative_to(root).parents[:-1])]:
        if (root / way).is_symlink() or (root / way).is_file():
            (root / way).unlink()
    if here.is_dir() and not here.is_symlink():
        shutil.rmtree(here)
    elif os.path.lexists(here):
        here.unlink()
    if op == "gone":
        return
    here.parent.mkdir(parents=True, exist_ok=True)
    if op == "link":
        here.symlink_to("b")
    elif op == "directory":
        here.mkdir()
        (here / "in").write_text(text)
    else:
        here.write_text(text)


STEPS = st.tuples(
    st.sampled_from(("file", "file", "gone", "link", "directory")), st.sampled_from(NAMES), st.sampled_from(("x", "yy"))
)


# Without shrinking: an example takes seconds.
@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(st.lists(st.lists(STEPS, min_size=1, max_size=6), min_size=1, max_size=4), st.data())
def test_the_journals_tree_is_the_walks_tree_is_the_upstreams(
    tmp_path_factory: pytest.TempPathFactory, history: list[list[tuple[str, str, str]]], data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("history")
    generic = {"MIRROR_ARCHIVES__DEBIAN__PROFILE": "generic", "MIRROR_ARCHIVES__DEBIAN__GRACE": "0"}
    origin = House(root / "up", extra={"MIRROR_NAME": "origin", **generic})
    journal = Journal(origin.places.journal("debian"))
    journal.root.mkdir(parents=True)
    with daemon(root, {"debian": origin.tree, "debian_journal": journal.root}) as port:
        follower = House(root / "down", port, extra=generic)
        walker = House(root / "walk", port, extra=generic)

        async def play() -> None:
            async with origin.open() as one, follower.open() as two, walker.open() as three:
                (origin.tree / "keep").write_text("always")
                await ask(one)
                await ask(two)
                for changes in history:
                    for step in changes:
                        apply(origin.tree, step)
                    await ask(one)
                    if data.draw(st.booleans()):
                        await ask(two)
                    if data.draw(st.sampled_from((False, False, False, True))):
                        journal.begin(1)
                await ask(two)
                await ask(three, full=True)

        asyncio.run(play())
        names = [shown(house.tree) for house in (origin, follower, walker)]
        assert names[0] == names[1] == names[2]
    for house in (origin, follower, walker):
        house.store.close()


def shown(root: Path) -> dict[str, str]:
    """Every path but the traces, directories too."""
    found = {str(path.relative_to(root)): "" for path in root.rglob("*") if path.is_dir() and not path.is_symlink()}
    return {path: text for path, text in (found | tree(root)).items() if not path.startswith("project")}
