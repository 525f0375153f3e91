"""Whatever happens upstream: the journal's tree is the walk's tree is the upstream's."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from appliance.sync.journal.journal import Journal
from tests.unit.chain import ask
from tests.unit.examples import examples
from tests.unit.house import House
from tests.unit.upstream import daemon, tree

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
