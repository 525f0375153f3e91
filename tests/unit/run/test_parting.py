"""A walk that has told everything and not ended: others go on, but what they do counts only when it ends well."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.controller import Controller
from appliance.sync import shares
from tests.unit.house import House, ask, played
from tests.unit.programs import in_place_of
from tests.unit.upstream import DebianTree, daemon

RSYNC = """#!/bin/sh
case "$*" in *--dry-run*) ;; *) /usr/bin/rsync "$@"; code=$?; touch {place}/fetched; exit $code ;; esac
/usr/bin/rsync "$@"; code=$?
left=3000
while [ -e {place}/held ] && [ ! -e {place}/fetched ] && [ $left -gt 0 ]; do sleep 0.01; left=$((left - 1)); done
[ $left -gt 0 ] || touch {place}/waited
[ ! -e {place}/more ] || echo '>f+++++++++ 3 pool/more'
[ ! -e {place}/fails ] || exit "$(cat {place}/fails)"
exit $code
"""
"""In rsync's place: a walk that is ``held`` does not end before something was fetched."""

Acts = Callable[[Controller], Coroutine[Any, Any, None]]


class Scene:
    """A house below a plain daemon, with something published and an update to come."""

    def __init__(self, place: Path) -> None:
        self.place, self.archive, self.house = place, DebianTree(place / "upstream"), House(place / "house")
        self.archive.release("2026112101", hello="one")

    def put(self, name: str, text: str = "") -> None:
        (self.place / name).write_text(text)

    def has(self, name: str) -> bool:
        return (self.place / name).exists()

    def play(self, acts: Acts) -> None:
        """With an update upstream that nobody has asked for yet."""

        async def scene(controller: Controller) -> None:
            for _ in range(2):
                assert (await ask(controller)).code == 0
            self.archive.release("2026112201", hello="another", more="new")
            (self.place / "fetched").unlink()
            await acts(controller)

        with daemon(self.place, {"debian": self.archive.root}) as self.house.port:
            played(self.house, scene)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    in_place_of("rsync", RSYNC, tmp_path, monkeypatch)
    made = Scene(tmp_path)
    yield made
    made.house.store.close()


def test_what_it_told_is_fetched_before_it_ends(scene: Scene) -> None:
    async def acts(controller: Controller) -> None:
        scene.put("held")
        assert (await ask(controller)).code == 0

    scene.play(acts)
    assert not scene.has("waited")
    assert scene.house.holds(scene.archive)


@pytest.mark.parametrize("code", [12, 23, 30])
def test_nothing_is_published_of_one_that_ends_badly(scene: Scene, code: int) -> None:
    async def acts(controller: Controller) -> None:
        before = scene.house.carried
        scene.put("held")
        scene.put("fails", str(code))
        assert (await ask(controller)).code != 0
        assert {**scene.house.carried, **before} == scene.house.carried
        (scene.place / "fails").unlink()
        assert (await ask(controller)).code == 0

    scene.play(acts)
    assert not scene.has("waited")
    assert scene.house.holds(scene.archive)


def test_one_that_goes_on_behind_its_last_word_is_made_again(scene: Scene) -> None:
    async def acts(controller: Controller) -> None:
        before = scene.house.carried
        scene.put("more")
        assert (await ask(controller)).code != 0
        assert {**scene.house.carried, **before} == scene.house.carried
        (scene.place / "more").unlink()
        assert (await ask(controller)).code == 0

    scene.play(acts)
    assert scene.house.holds(scene.archive)


def test_much_is_not_fetched_before_its_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def acts(controller: Controller) -> None:
        scene.put("fails", "12")
        assert (await ask(controller)).code != 0
        assert not scene.has("fetched")

    monkeypatch.setattr(shares, "WORTH", 1)
    scene.play(acts)


def test_what_waits_for_its_end_waits_on_behind_a_walk_that_ends_badly(scene: Scene) -> None:
    async def acts(controller: Controller) -> None:
        store = scene.house.store
        store.doom("debian", ["pool/kept-back"], 1.0)
        scene.put("fails", "23")
        assert (await ask(controller)).code != 0
        assert store.doomed("debian") >= {"pool/kept-back"}

    scene.play(acts)
