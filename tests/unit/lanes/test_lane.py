"""The requests of an archive become runs, one at a time, and every request is answered."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace

import pytest

from appliance.controller import Controller, new_request
from appliance.lanes.below import Below
from appliance.sync.journal.delta import Step
from appliance.sync.journal.journal import Journal
from tests.unit.house import House, ask, played, until
from tests.unit.upstream import DebianTree, tree


def test_requests_during_a_run_become_exactly_one_more(house: House) -> None:
    async def scene(controller: Controller) -> None:
        first = asyncio.create_task(ask(controller))
        await until(lambda: controller.lanes["debian"].figures)
        others = await asyncio.gather(*(ask(controller, stage) for stage in ("all", "stage1", "stage2", "all")))
        assert [one.code for one in (await first, *others)] == [0] * 5
        assert house.store.count_runs("debian") == 2
        assert len({one.run for one in others}) == 1

    played(house, scene)


def test_stage_2_during_stage_1_is_done_after_it(house: House, origin: DebianTree) -> None:
    async def scene(controller: Controller) -> None:
        first = asyncio.create_task(ask(controller, "stage1"))
        await until(lambda: controller.lanes["debian"].figures)
        assert (await ask(controller, "stage2")).code == 0
        assert (await first).code == 0
        assert house.carried == tree(origin.root)

    played(house, scene)


def test_a_request_left_by_a_dead_controller_is_served(house: House, origin: DebianTree) -> None:
    request = new_request("debian", "all", "ssh", "hub")
    house.store.add([request])
    house.store.begin("debian", "sync", "ssh", [request], 0)

    async def scene(controller: Controller) -> None:
        async with asyncio.timeout(60):
            assert (await controller.lanes["debian"].answer(request.id)).code == 0
        assert house.carried == tree(origin.root)

    played(house, scene)


def test_a_waiting_retry_does_not_make_a_stage_1_publish(house: House) -> None:
    async def scene(controller: Controller) -> None:
        controller.accept([new_request("debian", "all", "retry", "ourselves", due=time.time() + 800)])
        assert (await ask(controller, "stage1")).code == 0
        assert not (house.tree / "dists/s/InRelease").exists()
        assert len(house.store.open_requests("debian")) == 1

    played(house, scene)


@pytest.mark.parametrize("kind", ["", "all", "staged", "mhop"])
def test_payload_is_announced_to_those_who_fetch_it_ahead(
    house: House, origin: DebianTree, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced: list[Step] = []

    def announce(_: Journal, steps: Iterable[Step]) -> None:
        announced.extend(steps)

    async def prepared(_: Below) -> None:
        """Nobody is there to be told."""

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        origin.release("2026112102", more="new")
        assert (await ask(controller)).code == 0

    monkeypatch.setattr(Journal, "announce", announce)
    monkeypatch.setattr(Below, "prepare", prepared)
    house.downstreams = f"leaf=ssh://mirror@127.0.0.1:9?push={kind}" if kind else ""
    played(house, scene)
    told = any(step.path.startswith("pool/") for step in announced)
    assert told == (kind in ("staged", "mhop"))


def test_a_request_for_an_archive_that_is_gone_from_the_settings(house: House) -> None:
    async def scene(controller: Controller) -> None:
        controller.accept([new_request("other", "all", "ssh", "hub")])
        assert house.store.open_requests("other") == []

    played(house, scene)


def test_a_clock_that_goes_back_delays_nothing(house: House) -> None:
    """What was received in the future, as a restart may find it."""
    later = time.time() + 3600
    tomorrow = replace(new_request("debian", "all", "ssh", "hub"), received=later, due=later)

    async def scene(controller: Controller) -> None:
        controller.accept([tomorrow])
        async with asyncio.timeout(60):
            assert (await controller.lanes["debian"].answer(tomorrow.id)).code == 0

    played(house, scene)


def test_a_run_that_the_store_lost_sight_of_is_ended_by_the_next(house: House) -> None:
    lost = [house.store.begin("debian", "sync", "ssh", [], 1)]

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0  # what was open at the start is ended by that
        lost.append(house.store.begin("debian", "sync", "ssh", [], 2))
        assert (await ask(controller)).code == 0

    played(house, scene)
    assert [one and one.error for one in map(house.store.run, lost)] == ["interrupted"] * 2


def test_a_fault_of_ours_behind_a_publication_ends_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor at the start: what was to be done is done when the fault is gone."""
    monkeypatch.setattr("appliance.lasting.PAUSE", 0.05)
    tell, faults = Below.tell, [ZeroDivisionError, ZeroDivisionError]

    def fail(below: Below) -> None:
        if faults:
            raise faults.pop()
        tell(below)

    monkeypatch.setattr(Below, "tell", fail)

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        assert not faults

    played(house, scene)


def test_an_answer_stands_whatever_comes_of_the_rest_of_the_run(house: House) -> None:
    """Its pusher has been told that stage 1 is done; he may ask again when our restart took the line from him."""
    early, late = (new_request("debian", stage, "ssh", "hub") for stage in ("stage1", "stage2"))

    async def scene(controller: Controller) -> None:
        house.store.add([early, late])
        answers = controller.lanes["debian"]._answers
        await answers.settle([early], 0)
        await answers.settle([early, late], 4, "why")
        assert [(await answers.to(one.id)).code for one in (early, late)] == [0, 4]

    played(house, scene)


def test_a_run_ends_at_its_deadline_whatever_it_waits_for(house: House, origin: DebianTree) -> None:
    origin.write("Archive-Update-in-Progress-hub", b"")

    async def scene(controller: Controller) -> None:
        for seconds in (1, 5, 30):  # a busy machine needs more to come so far
            house.extra["MIRROR_ARCHIVES__DEBIAN__DEADLINE"] = f"{seconds}s"
            controller.reload(house.settings())
            answer = await ask(controller)
            assert answer.code
            said = str(answer.answer)
            assert said.startswith(f"no end after {seconds} s, while in ")
            if said.endswith(" upstream"):
                break
        assert said.endswith(" upstream")
        assert [one.source for one in house.store.open_requests("debian")] == ["retry"]

    played(house, scene)


def test_a_run_whose_progress_nobody_can_tell_is_answered(house: House) -> None:
    """A directory that cannot be read is the run's own trouble, and has an end."""
    partial = house.places.staging("debian") / "partial"
    partial.parent.mkdir(parents=True)
    partial.touch()

    async def scene(controller: Controller) -> None:
        failed = await ask(controller)
        assert failed.code == 3
        assert str(partial) in (failed.answer or "")
        assert [one.source for one in house.store.open_requests("debian")] == ["retry"]

    played(house, scene)


def test_a_refusal_that_cannot_be_kept_says_what_was_refused(house: House, origin: DebianTree) -> None:
    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        origin.release("2026112102", hello="two")
        origin.write("dists/s/main/binary-all/Packages", b"Package: evil\n")
        (house.places.staging("debian") / "quarantine").touch()
        assert "dists/s/main/binary-all/Packages: expected" in ((await ask(controller)).answer or "")

    played(house, scene)


def test_who_follows_an_archive_that_begins_anew_compares_everything(house: House, origin: DebianTree) -> None:
    """Of what went upstream while its volume was away nobody could tell him."""
    journal = Journal(house.places.journal("debian"))

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        origin.release("2026112102", hello="two")
        assert (await ask(controller)).code == 0
        before = journal.head()
        shutil.rmtree(house.tree)
        shutil.rmtree(house.places.all_staging)
        origin.release("2026112103", hello="three")
        assert (await ask(controller)).code
        assert (await ask(controller, rollback=True)).code == 0
        after = journal.head()
        assert before
        assert after
        assert (before.serial, after.serial, before.epoch == after.epoch) == (1, 0, False)

    played(house, scene)
