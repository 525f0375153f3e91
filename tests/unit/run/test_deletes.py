"""What is gone upstream: it stays for its grace time, and all at once it never goes."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from appliance.controller import Controller, new_request
from tests.unit.house import House, ask, played
from tests.unit.upstream import DebianTree, tree


def test_an_emptied_upstream_deletes_nothing(house: House, origin: DebianTree) -> None:
    house.extra["MIRROR_ARCHIVES__DEBIAN__GRACE"] = "0"

    async def scene(controller: Controller) -> None:
        await ask(controller)
        before = tree(house.tree)
        for path in sorted(origin.root.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        assert (await ask(controller)).code == 0
        assert tree(house.tree) == before
        assert "nothing is deleted" in house.store.archive("debian").note

    played(house, scene)


def test_a_file_gone_upstream_goes_after_its_grace_time(house: House, origin: DebianTree) -> None:
    async def scene(controller: Controller) -> None:
        origin.write("pool/old.deb", b"old")
        await ask(controller)
        (origin.root / "pool/old.deb").unlink()
        await ask(controller)
        assert (house.tree / "pool/old.deb").exists()
        house.store.spare("debian", ["pool/old.deb"])
        house.store.doom("debian", ["pool/old.deb"], 1)
        await ask(controller)
        assert not (house.tree / "pool/old.deb").exists()

    played(house, scene)


def test_a_clock_that_is_set_forward_ends_no_grace_time(
    house: House, origin: DebianTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(controller: Controller) -> None:
        origin.write("pool/old.deb", b"old")
        await ask(controller)
        (origin.root / "pool/old.deb").unlink()
        await ask(controller)
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 2 * 86400)
        await ask(controller)
        assert (house.tree / "pool/old.deb").exists()

    played(house, scene)


def test_the_guard_counts_what_is_newly_gone_and_can_be_told_to_yield(house: House, origin: DebianTree) -> None:
    house.extra["MIRROR_ARCHIVES__DEBIAN__GRACE"] = "0"

    async def scene(controller: Controller) -> None:
        for number in range(40):
            origin.write(f"pool/old-{number}.deb", b"old")
        await ask(controller)
        for number in range(40):
            (origin.root / f"pool/old-{number}.deb").unlink()
        await ask(controller)
        assert "--allow-deletes" in house.store.archive("debian").note
        assert (house.tree / "pool/old-0.deb").exists()
        allowed = replace(new_request("debian", "all", "cli", "mirrorctl"), allow_deletes=True)
        controller.accept([allowed])
        await controller.lanes["debian"].answer(allowed.id)
        assert not (house.tree / "pool/old-0.deb").exists()
        assert house.store.archive("debian").note == ""

    played(house, scene)
