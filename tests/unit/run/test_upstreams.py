from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.controller import Controller
from appliance.run import upstreams
from appliance.run.upstreams import Upstreams
from appliance.settings import load
from appliance.status import picture
from tests.unit.house import House, ask, played
from tests.unit.upstream import DebianTree, daemon, tree

NOBODY = "rsync://127.0.0.1:9/debian"


@dataclass
class Two:
    """A house with a first upstream and a fallback, each with a tree of its own."""

    house: House
    first: DebianTree
    second: DebianTree
    urls: tuple[str, str]

    def use(self, first: str, *fallbacks: str) -> None:
        """Configure these upstreams."""
        self.house.extra |= {
            "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": first,
            "MIRROR_ARCHIVES__DEBIAN__FALLBACKS": " ".join(fallbacks),
        }


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    first, second = DebianTree(tmp_path / "first"), DebianTree(tmp_path / "second")
    first.release("2026112101", hello="one")
    shutil.copytree(first.root, second.root, dirs_exist_ok=True, symlinks=True)
    with (
        daemon(tmp_path, {"debian": first.root}) as one,
        daemon(tmp_path, {"debian": second.root}) as other,
    ):
        house = House(tmp_path / "house", one)
        scene = Two(house, first, second, (f"rsync://127.0.0.1:{one}/debian", f"rsync://127.0.0.1:{other}/debian"))
        scene.use(*scene.urls)
        yield scene
        house.store.close()


def in_use(controller: Controller) -> str:
    return str(picture(controller)["archives"]["debian"]["upstream"])


def test_of_two_that_carry_the_same_the_first_is_used(two: Two) -> None:
    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        assert in_use(controller) == two.urls[0]
        assert not [note for note in picture(controller)["archives"]["debian"]["notes"] if "passed over" in note]

    played(two.house, scene)


def test_one_that_is_stuck_is_passed_over_and_used_again_when_it_has_caught_up(two: Two) -> None:
    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        two.second.release("2026112102", hello="two")
        assert (await ask(controller)).code == 0
        assert in_use(controller) == two.urls[1]
        assert two.house.store.archive("debian").serial == "2026112102"
        [remark] = [note for note in picture(controller)["archives"]["debian"]["notes"] if "passed over" in note]
        assert "2026112101" in remark
        two.first.release("2026112103", hello="three")
        assert (await ask(controller)).code == 0
        assert in_use(controller) == two.urls[0]
        assert two.house.store.archive("debian").serial == "2026112103"

    played(two.house, scene)


def test_one_that_cannot_be_reached_is_passed_over(two: Two) -> None:
    two.use(NOBODY, two.urls[1])

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        assert in_use(controller) == two.urls[1]
        shown = picture(controller)["archives"]["debian"]["upstreams"]
        assert [(one["url"], one["serial"], bool(one["error"])) for one in shown] == [
            (NOBODY, None, True),
            (two.urls[1], "2026112101", False),
        ]

    played(two.house, scene)


def test_nobody_is_asked_for_an_older_state_than_ours_unless_it_is_meant(two: Two) -> None:
    async def scene(controller: Controller) -> None:
        two.first.release("2026112105", hello="five")
        assert (await ask(controller)).code == 0
        before = tree(two.house.tree)
        two.use(NOBODY, two.urls[1])
        controller.reload(load(two.house.environ))
        refused = await ask(controller)
        assert refused.code == 3
        assert "no upstream is as new as what we publish, 2026112105" in (refused.answer or "")
        assert tree(two.house.tree) == before
        two.use(*reversed(two.urls))
        controller.reload(load(two.house.environ))
        assert (await ask(controller, rollback=True)).code == 0
        assert two.house.store.archive("debian").serial == "2026112101"

    played(two.house, scene)


def test_who_is_slow_is_not_out_for_ever(two: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = tmp_path / "gate"
    monkeypatch.setattr(upstreams, "LITTLE_PATIENCE", 1)
    monkeypatch.setattr(upstreams, "AGAIN", 0.0)

    async def scene(slow: str) -> None:
        two.use(slow, two.urls[1])
        ways = Upstreams(two.house.places, "debian")
        monkeypatch.setattr(upstreams, "PATIENCE", 3)
        await ways.choose(load(two.house.environ), None)
        assert ways.chosen == 1
        monkeypatch.setattr(upstreams, "PATIENCE", 60)
        gate.touch()
        await ways.choose(load(two.house.environ), None)
        assert ways.chosen == 0

    shut = f"pre-xfer exec = while [ ! -e {gate} ]; do sleep 0.02; done"
    with daemon(tmp_path, {"debian": two.first.root}, shut) as port:
        asyncio.run(scene(f"rsync://127.0.0.1:{port}/debian"))


def test_when_nobody_answers_the_first_one_says_why(two: Two) -> None:
    two.use(NOBODY, "rsync://127.0.0.1:7/debian")

    async def scene(controller: Controller) -> None:
        failed = await ask(controller)
        assert failed.code == 3
        assert NOBODY in (failed.answer or "")

    played(two.house, scene)


def test_for_stage_1_it_is_the_first_that_is_not_behind_us(two: Two) -> None:
    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        two.second.release("2026112102", hello="two")
        assert (await ask(controller, "stage1")).code == 0
        assert in_use(controller) == two.urls[0]

    played(two.house, scene)


def test_a_fallback_has_a_password_of_its_own(tmp_path: Path, two: Two) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text("leaf:right\n")
    secrets.chmod(0o600)
    lines = f"auth users = leaf\nsecrets file = {secrets}"
    two.second.release("2026112102", hello="two")
    with daemon(tmp_path, {"debian": two.second.root}, lines) as port:
        two.use(two.urls[0], f"rsync://leaf@127.0.0.1:{port}/debian")
        two.house.extra["MIRROR_ARCHIVES__DEBIAN__FALLBACK_PASSWORDS"] = "127.0.0.1 right"

        async def scene(controller: Controller) -> None:
            assert (await ask(controller)).code == 0
            assert two.house.store.archive("debian").serial == "2026112102"

        played(two.house, scene)


def test_a_serial_that_is_no_number_anybody_counts_by_stops_nobody(two: Two) -> None:
    two.second.trace("9" * 5000)

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        assert in_use(controller) == two.urls[0]

    played(two.house, scene)
