"""A verification that is begun behind rsync's last word and before its end; rsync's last steps are taken by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.controller import Controller
from appliance.records import Request
from appliance.run.inspection import Inspection
from appliance.sync.plan import Plan
from appliance.sync.verify import Seal
from tests.unit.house import House, ask, played
from tests.unit.programs import in_place_of
from tests.unit.upstream import DebianTree, daemon

RSYNC = """#!/bin/sh
/usr/bin/rsync "$@"; code=$?
case "$*" in *--dry-run*) exit $code ;; *--ignore-times*) kind=index ;; *) kind=payload ;; esac
while [ -e {place}/held ]; do sleep 0.01; done
rm {place}/$kind-fails 2>/dev/null && exit 12
rm {place}/$kind-is-busy 2>/dev/null && {{ echo '@ERROR: max connections (1) reached -- try again later' >&2; exit 5; }}
exit $code
"""


@dataclass
class Scene:
    """A house below a plain daemon, whose rsyncs do not end while there is a file ``held``."""

    place: Path
    archive: DebianTree
    house: House
    verified: int = 0

    @property
    def held(self) -> Path:
        return self.place / "held"

    def ends(self, kind: str) -> Path:
        """Where the next fetch of a kind finds how it has to end, with all it brought."""
        return self.place / kind

    async def first(self, controller: Controller) -> None:
        """There is something published, and it is known that the upstream has no journal."""
        for _ in range(2):
            assert (await ask(controller)).code == 0
        self.verified = 0

    async def update(self, controller: Controller) -> Request:
        """The upstream changes, and tells."""
        self.archive.release("2026112201", hello="another", more="new")
        return await ask(controller)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    in_place_of("rsync", RSYNC, tmp_path, monkeypatch)
    archive = DebianTree(tmp_path / "upstream")
    archive.release("2026112101", hello="one")
    real = Inspection.verify

    async def verify(self: Inspection, work: Plan) -> Seal:
        made.verified += 1
        seal = await real(self, work)
        made.held.unlink(missing_ok=True)
        return seal

    monkeypatch.setattr(Inspection, "verify", verify)
    made = Scene(tmp_path, archive, House(tmp_path / "house"))
    return made


def play(scene: Scene, *fails: str) -> tuple[bool, int]:
    """Whether an update was published with these fetches failing behind their last word, and how often it was verified.

    If it is not, what was published before is untouched, and the next run publishes it.
    """

    async def acts(controller: Controller) -> None:
        await scene.first(controller)
        before = scene.house.carried
        scene.held.touch()
        for kind in fails:
            scene.ends(kind).touch()
        found.append(((await scene.update(controller)).code == 0, scene.verified))
        if not found[0][0]:
            assert {**scene.house.carried, **before} == scene.house.carried
            assert (await ask(controller)).code == 0
        assert scene.house.holds(scene.archive)

    found: list[tuple[bool, int]] = []
    with daemon(scene.place, {"debian": scene.archive.root}) as port:
        scene.house.port = port
        try:
            played(scene.house, acts)
        finally:
            scene.house.store.close()
    return found[0]


def test_it_is_verified_before_rsync_has_ended_and_not_again(scene: Scene) -> None:
    assert play(scene) == (True, 1)


def test_payload_that_turns_out_to_be_incomplete_is_not_published(scene: Scene) -> None:
    assert play(scene, "payload-fails") == (False, 1)


def test_indices_that_come_again_are_verified_again(scene: Scene) -> None:
    assert play(scene, "index-fails") == (True, 2)


def test_payload_that_comes_behind_it_is_verified(scene: Scene) -> None:
    """What a connection that was not let in left out is fetched by another one."""
    assert play(scene, "payload-is-busy") == (True, 2)
