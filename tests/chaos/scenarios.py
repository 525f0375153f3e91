"""The accidents, one function each, by name. What they have in common is in Trial."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Final

from appliance import words
from tests.chaos import checks, faults, storm
from tests.chaos.ours import CLOCK, OurTiers
from tests.chaos.trial import MARGIN, Trial
from tests.chaos.web import ARCHIVE
from tests.ground.waiting import LateError, wait_for
from tests.stock import Mirror

Scenario = Callable[[Trial], None]

MOMENT: Final = 1.5
"""Seconds in which a change passes through three tiers: accidents that come later meet mirrors at rest."""

SINGLE: Final = 0.3
"""Of the killings, the share that hits a single process."""


def killed(times: int, at_once: int = 1) -> Scenario:
    """Containers of any tiers, or one process in one, end without a word while a change is under way."""

    def scenario(trial: Trial) -> None:
        for _ in range(times):
            nodes = trial.random.sample(trial.tiers.all, at_once)
            single = trial.random.random() < SINGLE and isinstance(trial.tiers, OurTiers)
            trial.push()
            seconds = trial.pause(MOMENT)
            names = " and ".join(node.name for node in nodes)
            for fault in [_process(trial, node) for node in nodes] if single else [faults.Killed(nodes)]:
                trial.inflict(fault)
            trial.say(f"{'a process of ' if single else ''}{names} {seconds:.2f} s behind the push")
            trial.recover()

    return scenario


def _process(trial: Trial, node: Mirror) -> faults.Fault:
    return faults.ProcessKilled(trial.tiers.hands, node, trial.random)


def killed_again(trial: Trial) -> None:
    """The same mirror once more while it comes back."""
    for node in trial.tiers.mirrors:
        trial.push()
        trial.pause(MOMENT)
        for _ in range(3):
            trial.inflict(faults.Killed([node]), f"{node.name}, and again")
            trial.pause(2.0)
        trial.recover()


def all_at_once(trial: Trial) -> None:
    """The power fails for everybody."""
    trial.push()
    trial.pause(MOMENT)
    trial.inflict(faults.Killed(trial.tiers.all), "every tier")
    trial.recover()


def frozen(trial: Trial) -> None:
    """A mirror stands still, with its connections."""
    for node in trial.tiers.mirrors:
        trial.push()
        trial.pause(MOMENT)
        with trial.inflicted(faults.Frozen(node), f"{node.name} for 15 s"):
            trial.pause(15, 15)
            trial.push()
        trial.recover()


def unplugged(trial: Trial) -> None:
    """The network of a mirror is gone and comes back."""
    for node in trial.tiers.mirrors:
        trial.push()
        trial.pause(MOMENT)
        with trial.inflicted(_unplugged(trial, node), f"{node.name} for 10 s"):
            trial.push()
            trial.pause(10, 10)
        trial.recover()


def _unplugged(trial: Trial, node: Mirror) -> faults.Fault:
    world = trial.tiers.world
    return faults.Unplugged(node, world.name, world.address(node.name))


def black_hole(trial: Trial) -> None:
    """No packet comes through, and no connection ends."""
    for number in range(len(trial.tiers.mirrors)):
        black_hole_at(number)(trial)


def black_hole_at(number: int) -> Scenario:
    """The same at one of the mirrors."""

    def scenario(trial: Trial) -> None:
        node = trial.tiers.mirrors[number]
        trial.push()
        trial.pause(MOMENT)
        with trial.inflicted(faults.Filtered(trial.tiers.hands, node, faults.BLACK_HOLE), f"{node.name} for 30 s"):
            trial.push()
            trial.pause(30, 30)
        trial.recover()

    return scenario


def lossy(trial: Trial) -> None:
    """A packet in eight is lost, both ways, at the hub."""
    (hub, *_), hands = trial.tiers.mirrors, trial.tiers.hands
    with trial.inflicted(faults.Filtered(hands, hub, faults.lossy(0.12)), f"{hub.name} loses 12 %"):
        for _ in range(3):
            trial.push()
            trial.pause(5, 5)
        trial.recover(150)
    trial.recover()


def delayed(trial: Trial) -> None:
    """The upstream is half a second away, each way, for rsync and for what the hub pushes."""
    hub, leaf, *_ = trial.tiers.mirrors
    port = hub.rsync_port
    with trial.inflicted(faults.Far(trial.tiers.hands, leaf, port, 0.5), f"{leaf.name} is 1 s from {hub.name}"):
        for _ in range(3):
            trial.push()
            trial.pause(2)
        trial.recover(150)
    trial.recover()


def overtaken(trial: Trial) -> None:
    """The upstream changes all the time, and tells of each change."""
    for _ in range(25):
        trial.push()
        trial.result.accidents += 1
        trial.pause(0.8)
    trial.recover()


def dead_downstream(trial: Trial) -> None:
    """One leaf is not there, one swallows everything: the other mirrors are told as ever."""
    *_, last = trial.tiers.mirrors
    others = [mirror for mirror in trial.tiers.mirrors if mirror is not last]
    for fault, what in (
        (faults.Filtered(trial.tiers.hands, last, faults.BLACK_HOLE), "swallows everything"),
        (_unplugged(trial, last), "is not there"),
    ):
        with trial.inflicted(fault, f"{last.name} {what}"):
            for _ in range(3):
                trial.push()
                trial.current(others, 20)
        trial.recover(90)


def clock_step(trial: Trial) -> None:
    """The time of day jumps, while a change is under way and a file waits for its end."""
    tiers = trial.tiers
    assert isinstance(tiers, OurTiers)
    for seconds in (86400 * 2, -86400 * 2, 3600, -3600):
        fault = faults.WrongClock(tiers.leaf, CLOCK, seconds)
        trial.push()
        trial.pause(MOMENT)
        with trial.inflicted(fault, f"{tiers.leaf.name} is off by {seconds} s"):
            trial.pause(2, 1.2)
            trial.push()
            trial.recover(30)
            archives = wait_for(lambda: tiers.web(tiers.leaf).status().get("archives"), MARGIN, "the leaf answers")
            assert archives
            off = archives[ARCHIVE]["last_run"]["started_at"] - time.time()
            assert abs(off - seconds) < 1000, f"the clock is off by {off:.0f} s instead"
            trial.push()
        trial.recover(30)


def disk_full(times: int) -> Scenario:
    """The far leaf has no room for its archive, for its state, or for both, at any point of a change."""

    def scenario(trial: Trial) -> None:
        for number in range(times):
            left = trial.random.choice((0, 4096, 20_000, 50_000, 100_000, 200_000, 400_000))
            directories = (("/far/data",), ("/far/state",), ("/far/data", "/far/state"))[number % 3]
            with ExitStack() as stack:
                for directory in directories:
                    full = faults.Full(trial.tiers.hands, directory, left)
                    stack.enter_context(trial.inflicted(full, f"{directory} has {left} bytes left"))
                trial.push()
                trial.pause(6, 4)
            trial.recover(150)

    return scenario


def emptied(trial: Trial) -> None:
    """The origin loses everything and says so."""
    tiers = trial.tiers
    held = tiers.paths()
    with trial.inflicted(faults.Emptied(tiers.archive.root), "the origin is empty"):
        tiers.announce()
        trial.pause(15, 15)
        if not isinstance(tiers, OurTiers):  # they follow, as soon as the machine lets them
            with suppress(LateError):
                wait_for(lambda: all(_followed(trial, held, one) for one in tiers.mirrors), MARGIN, "an empty mirror")
        for mirror in tiers.mirrors:
            if lost := checks.gone(held, mirror):
                trial.result.deleted += len(lost)
                trial.remark(f"{mirror.name} deleted {len(lost)} files of {len(held)}")
    trial.push()
    trial.recover()


def _followed(trial: Trial, held: set[str], mirror: Mirror) -> bool:
    """Whether a mirror of stock's has emptied itself, and rests: at the end of a run it loses a push."""
    return bool(checks.gone(held, mirror)) and trial.tiers.is_quiet(mirror)


def stormy(http: int, ssh: int) -> Scenario:
    """Triggers without end at the hub, by HTTP and by ssh, while the origin changes."""

    def scenario(trial: Trial) -> None:
        tiers = trial.tiers
        trial.result.accidents += http + ssh
        with storm.raging(tiers, http, ssh) as answers:
            for _ in range(8):
                trial.push()
                trial.pause(1, 0.5)
        trial.remark(f"answers: {answers}")
        if isinstance(tiers, OurTiers):  # what was taken is known until its sender has been told
            trial.result.lost += answers[f"ssh {words.TEMPORARY}"]
        trial.recover()

    return scenario
