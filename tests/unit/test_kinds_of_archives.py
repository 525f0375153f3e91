"""Archives of every profile, from a real rsync daemon to the tree that readers see."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.controller import Controller, new_request
from appliance.records import Request
from tests.unit.house import House
from tests.unit.rpmtree import RpmTree
from tests.unit.upstream import DebianTree, Keyring, daemon, tree

Scene = Callable[[Controller], Awaitable[None]]

PREFIX = "MIRROR_ARCHIVES__DEBIAN__"


@contextmanager
def house(tmp_path: Path, **settings: str) -> Iterator[House]:
    """An appliance below the archive in ``origin``, whose settings these are."""
    with daemon(tmp_path, {"debian": tmp_path / "origin"}) as port:
        house = House(tmp_path / "house", port, extra={PREFIX + name.upper(): text for name, text in settings.items()})
        yield house
        house.store.close()


def play(house: House, scene: Scene) -> None:
    async def opened() -> None:
        async with house.open() as controller:
            await scene(controller)

    asyncio.run(opened())


async def sync(controller: Controller) -> Request:
    request = new_request("debian", "all", "ssh", "hub")
    controller.accept([request])
    async with asyncio.timeout(60):
        return await controller.lanes["debian"].answer(request.id)


def carried(root: Path) -> dict[str, str]:
    """A tree without traces."""
    return {path: text for path, text in tree(root).items() if not path.startswith("project/trace/")}


def still(root: Path) -> None:
    """As if every file had been written in one second."""
    for path in root.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (1_700_000_000, 1_700_000_000))


def facts(root: Path) -> dict[str, tuple[int, int]]:
    """What rsync goes by: size and time of every file."""
    return {path: ((root / path).stat().st_size, int((root / path).stat().st_mtime)) for path in carried(root)}


def test_signed_repositories_first_updated_refused_and_well_again(tmp_path: Path, keyring: Keyring) -> None:
    origin = RpmTree(tmp_path / "origin", keyring)
    for directory in ("", "extras/x86_64"):
        origin.release(directory, hello="one")

    with house(tmp_path, profile="rpm", keyring=str(keyring.public), grace="0") as leaf:

        async def scene(controller: Controller) -> None:
            assert (await sync(controller)).code == 0
            assert carried(leaf.tree) == carried(origin.root)
            assert leaf.store.archive("debian").signed
            origin.release("", 2, hello="a second one", world="one")
            assert (await sync(controller)).code == 0
            assert carried(leaf.tree) == carried(origin.root)

            before = leaf.tree.joinpath("extras/x86_64/repodata/repomd.xml").read_text()
            origin.release("extras/x86_64", 3, third="three")
            origin.write("extras/x86_64", "Packages/third.rpm", b"eerht")
            answer = await sync(controller)
            assert answer.code == 4
            assert "extras/x86_64/Packages/third.rpm: expected 5 bytes, SHA256 " in str(answer.answer)
            assert leaf.tree.joinpath("extras/x86_64/repodata/repomd.xml").read_text() == before
            assert leaf.store.archive("debian").publication == 2

            origin.release("extras/x86_64", 4, third="three")
            assert (await sync(controller)).code == 0
            assert carried(leaf.tree) == carried(origin.root)
            assert leaf.store.archive("debian").publication == 3

        play(leaf, scene)


def test_a_repository_that_lost_its_signature_is_refused(tmp_path: Path, keyring: Keyring) -> None:
    origin = RpmTree(tmp_path / "origin", keyring)
    origin.release(hello="one")

    with house(tmp_path, profile="rpm", keyring=str(keyring.public)) as leaf:

        async def scene(controller: Controller) -> None:
            assert (await sync(controller)).code == 0
            origin.release("", 2, hello="two")
            Path(f"{origin.root_of()}.asc").unlink()
            answer = await sync(controller)
            assert answer.code == 4
            assert "repodata/repomd.xml.asc beside it" in str(answer.answer)
            assert "<revision>1<" in (leaf.tree / "repodata/repomd.xml").read_text()

        play(leaf, scene)


def test_an_unchanged_repository_publishes_nothing(tmp_path: Path) -> None:
    RpmTree(tmp_path / "origin").release(hello="one")

    with house(tmp_path, profile="rpm") as leaf:

        async def scene(controller: Controller) -> None:
            for _ in range(2):
                assert (await sync(controller)).code == 0
            assert leaf.store.archive("debian").publication == 1

        play(leaf, scene)


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_a_repository_of_the_same_sizes_and_times(tmp_path: Path, hashed: bool, signed: bool, keyring: Keyring) -> None:
    origin = RpmTree(tmp_path / "origin", keyring if signed else None)
    origin.hashed, origin.suffix = hashed, ""
    origin.release("", 1, hello="one")
    still(origin.root)

    with house(tmp_path, profile="rpm", grace="0", **({"keyring": str(keyring.public)} if signed else {})) as leaf:

        async def scene(controller: Controller) -> None:
            assert (await sync(controller)).code == 0
            seen = facts(leaf.tree)
            origin.release("", 2, hello="two")
            still(origin.root)
            assert hashed or facts(origin.root) == seen
            assert (await sync(controller)).code == 0
            assert carried(leaf.tree) == carried(origin.root)

        play(leaf, scene)


def test_a_suite_of_the_same_sizes_and_times(tmp_path: Path) -> None:
    origin = DebianTree(tmp_path / "origin")
    origin.release(hello="one")
    still(origin.root)

    with house(tmp_path) as leaf:

        async def scene(controller: Controller) -> None:
            assert (await sync(controller)).code == 0
            assert (await sync(controller)).code == 0  # looks at what did not change
            seen = facts(leaf.tree)
            origin.release(hello="two")
            still(origin.root)
            assert seen.items() <= facts(origin.root).items()
            assert (await sync(controller)).code == 0
            assert carried(leaf.tree) == carried(origin.root)

        play(leaf, scene)


def pacman(root: Path, state: str) -> None:
    """A tree such as pacman's: a package of its own name for every state, a database, its signature, a time stamp."""
    for name in (f"core/os/hello-{state}.pkg", "core/os/core.db", "core/os/core.db.sig", "TIME"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(state)
    still(root)


def test_the_operators_own_index_arrives_together_in_his_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pacman(tmp_path / "origin", "one")
    renamed: list[str] = []
    replace = os.replace

    def seen(new: str | Path, old: str | Path) -> None:
        renamed.append(str(old))
        replace(new, old)

    monkeypatch.setattr(os, "replace", seen)

    with house(tmp_path, profile="generic", index="*.db *.db.sig /TIME") as leaf:

        async def scene(controller: Controller) -> None:
            assert (await sync(controller)).code == 0
            stage1 = new_request("debian", "stage1", "ssh", "hub")
            pacman(tmp_path / "origin", "two")
            controller.accept([stage1])
            await controller.lanes["debian"].answer(stage1.id)
            assert (leaf.tree / "core/os/hello-two.pkg").exists()
            assert (leaf.tree / "core/os/core.db").read_text() == "one"
            renamed.clear()
            # Sizes and times are those of the first state: only a look at the content finds them.
            assert (await sync(controller)).code == 0
            published = [path.removeprefix(f"{leaf.tree}/") for path in renamed]
            assert [path for path in published if not path.startswith(("/", "project/"))] == [
                "core/os/core.db",
                "core/os/core.db.sig",
                "TIME",
            ]
            assert carried(leaf.tree) == carried(tmp_path / "origin")

        play(leaf, scene)
