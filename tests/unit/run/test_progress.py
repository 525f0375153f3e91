from __future__ import annotations

from pathlib import Path

import pytest

from appliance.run.figures import Figures
from appliance.run.progress import Meter
from appliance.sync.changes import Change, Changes
from appliance.sync.plan import Plan
from appliance.sync.staging import Staging


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Ground:
    """A run whose rsync is the test."""

    def __init__(self, root: Path) -> None:
        self.staging, self.figures, self.clock = Staging(root), Figures(), Clock()
        self.staging.prepare()
        self.meter = Meter(7, self.figures, self.staging, self.clock)

    def enter(self, stage: str) -> None:
        self.figures.enter(stage)
        self.figures.since = self.clock.now

    def growing(self, name: str, size: int) -> None:
        with (self.staging.temporary / f".{name}.Ab12Cd").open("wb") as file:
            file.truncate(size)

    def whole(self, name: str, size: int, travelled: int) -> None:
        (self.staging.temporary / f".{name}.Ab12Cd").unlink(missing_ok=True)
        self.figures.arriving.arrived(">", "f", size, travelled)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


WORK = Plan(
    payload=Changes.of(
        [Change("pool", 0, new=True, directory=True), Change("pool/a", 4000, new=True), Change("b", 100, new=True)]
    ),
    index=Changes.of([Change("InRelease", 50, new=False)]),
)


def test_the_whole_is_known_before_the_first_byte(ground: Ground) -> None:
    ground.figures.expect(WORK, to_the_end=True)
    look = ground.meter.look()
    assert (look.run, look.planned_files, look.planned_bytes, look.files, look.bytes) == (7, 3, 4150, 0, 0)
    assert (look.bytes_per_second, look.remaining_seconds) == (None, None)


def test_a_run_that_ends_with_its_payload_does_not_plan_for_more(ground: Ground) -> None:
    ground.figures.expect(WORK, to_the_end=False)
    assert ground.meter.look().planned_bytes == 4100


def test_inside_a_large_file_it_moves(ground: Ground) -> None:
    ground.figures.expect(WORK, to_the_end=True)
    ground.enter("payload")
    ground.clock.now += 10
    ground.growing("a", 1000)
    look = ground.meter.look()
    assert (look.files, look.bytes, look.fetched_bytes, look.bytes_per_second) == (0, 1000, 1000, 100)
    assert look.remaining_seconds == pytest.approx(31.5)
    assert look.stage_seconds == pytest.approx(10)


def test_the_end_of_a_file_and_the_word_of_it_do_not_count_it_twice_or_not_at_all(ground: Ground) -> None:
    ground.figures.expect(WORK, to_the_end=True)
    ground.enter("payload")
    seen = []
    ground.growing("a", 4000)
    seen.append(ground.meter.look().bytes)
    (ground.staging.temporary / ".a.Ab12Cd").unlink()
    seen.append(ground.meter.look().bytes)  # rsync has renamed it and not said so yet
    ground.whole("a", 4000, 4040)
    seen.append(ground.meter.look().bytes)
    ground.growing("b", 100)
    ground.figures.arriving.arrived(">", "f", 100, 140)
    seen.append(ground.meter.look().bytes)  # it has said so and not renamed it yet
    assert seen == [4000, 4000, 4000, 4150]
    assert ground.meter.look().bytes <= ground.meter.look().planned_bytes


def test_a_new_plan_takes_back_what_was_staged_and_nothing_else(ground: Ground) -> None:
    ground.figures.expect(WORK, to_the_end=True)
    ground.enter("payload")
    ground.whole("a", 4000, 4000)
    ground.whole("b", 100, 100)
    ground.figures.staging.arrived(">", "f", 50, 60)
    assert ground.meter.look().bytes == 4150
    ground.figures.expect(Plan(payload=Changes.of([Change("c", 10, new=True)]), index=WORK.index), to_the_end=True)
    look = ground.meter.look()
    assert (look.bytes, look.planned_bytes, look.files, look.planned_files, look.fetched_bytes) == (
        4100,
        4160,
        2,
        4,
        4160,
    )


def test_outside_a_fetch_nothing_is_said_of_a_rate(ground: Ground) -> None:
    ground.figures.expect(WORK, to_the_end=True)
    ground.enter("verify")
    ground.clock.now += 10
    ground.growing("a", 1000)
    look = ground.meter.look()
    assert (look.bytes, look.bytes_per_second, look.remaining_seconds) == (0, None, None)
