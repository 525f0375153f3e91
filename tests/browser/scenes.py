"""Mirrors to look at: what a controller's settings and its store hold, for trees of several sizes and moods."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from appliance.controller import Controller
from appliance.records import Sighting
from appliance.run.figures import Figures
from appliance.run.progress import Meter
from appliance.store import Store
from appliance.sync.changes import Change, Changes
from appliance.sync.plan import Plan
from appliance.sync.staging import Staging
from appliance.tree.lookout import Seen
from appliance.tree.probe import Glimpse
from appliance.tree.reports import Report

NAME: Final = "mirror.example.org"
HOUR: Final = 3600.0
SERIALS: Final = tuple(f"20261121{hour:02}" for hour in range(0, 24, 2))
"""Of our last publications, oldest first."""

PLACES: Final = (
    "ams", "ath", "ber", "bod", "bos", "bru", "bud", "cph", "dub", "fra", "gva", "hel", "ist", "kyiv", "lis", "lon",
    "lju", "mad", "mil", "osl", "par", "prg", "rig", "rom", "sfo", "sof", "sto", "tal", "tyo",
    "vie", "vno", "waw", "zrh",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One mirror of a scene: ``missed`` publications it lacks; None when it was never seen."""

    name: str
    parent: str = NAME
    missed: int | None = 0
    error: str = ""
    activity: str | None = None
    consistent: bool = True


@dataclass(frozen=True, slots=True)
class Scene:
    """A store to be filled, and what the controller is doing."""

    name: str
    members: tuple[Member, ...]
    upstream: str = "rsync://hub.example.net/debian"
    refusal: str = ""
    syncing: bool = False
    published: bool = True
    paused: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """The variables of the appliance."""
        tables = (f'["{one.name}"]\nparent = "{one.parent}"\nurls = ["https://{one.name}/*/"]' for one in self.members)
        return {
            "MIRROR_NAME": NAME,
            "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": self.upstream,
            "MIRROR_DOWNSTREAMS": " ".join(f"{one.name}=ssh://mirror@{one.name}" for one in self.ours),
            "MIRROR_REGISTRY": "\n".join(tables),
            **self.environ,
        }

    @property
    def ours(self) -> tuple[Member, ...]:
        """Those that we trigger."""
        return tuple(one for one in self.members if one.parent == NAME)

    def fill(self, store: Store) -> None:
        """What an appliance has in its store that has worked for a day."""
        now = time.time()
        if self.paused:
            store.pause("debian", now - 3 * HOUR)
        if not self.published:
            return
        for place, serial in enumerate(SERIALS):
            when = _published(place, now)
            _run(store, when, serial)
            store.publishing("debian", place + 1, signed=True)
            store.published("debian", serial, when)
        if self.refusal:
            _run(store, now - 240, SERIALS[-1], self.refusal)
        store.planned("debian", "journal")
        store.keep_sightings(_sighting(one, now) for one in self.members)
        store.deliver([one.name for one in self.ours], "debian", len(SERIALS), SERIALS[-1], now - 600)
        for told in store.deliveries():
            one = next(one for one in self.members if one.name == told.downstream)
            store.tell(told, "lost" if one.error else "delivered", one.error)
            if one.missed is not None:
                store.seen(one.name, "debian", _serial(one.missed), now - 9)

    def act(self, controller: Controller) -> None:
        """What is going on, and what the last look at everybody saw."""
        for one in self.members:
            seen, report = _seen(one, time.time()), Report(one.name, activities={"debian": one.activity or ""})
            controller.watch._gathered.looks[one.name, "debian"] = seen
            if one.activity:
                controller.watch._gathered.reports[one.name] = report
        if self.syncing:
            run = controller.store.begin("debian", "sync", "ssh", [], time.time() - 40)
            lane = controller.lanes["debian"]
            staging = Staging(controller.places.staging("debian"))
            staging.prepare()
            lane.figures = figures = Figures()
            figures.expect(_WORK, to_the_end=True)
            figures.since = time.monotonic() - 30
            figures.enter("payload")
            figures.since -= 30
            fetch(controller, 1150)
            lane.meter = Meter(run, figures, staging)


def fetch(controller: Controller, files: int) -> None:
    """So many files more have arrived."""
    figures = controller.lanes["debian"].figures
    assert figures
    for _ in range(files):
        figures.arriving.arrived(">", "f", 900_000, 880_000)
    controller.bell.ring()


_WORK: Final = Plan(
    payload=Changes.of([Change(f"pool/{number:04}", 900_000, new=True) for number in range(2700)]),
    index=Changes.of([Change("dists/sid/InRelease", 180_000, new=False)]),
)


def _published(place: int, now: float) -> float:
    return now - 600 - (len(SERIALS) - 1 - place) * 6 * HOUR


def _serial(missed: int) -> str:
    return SERIALS[-1 - missed]


def _run(store: Store, when: float, serial: str, error: str = "") -> None:
    number = store.count_runs("debian")
    run = store.begin("debian", "sync", ("ssh", "schedule")[number % 4 == 3], [], when - 20 - number * 7 % 90)
    size: dict[str, Any] = {
        "payload": 40 + number * 37 % 300,
        "indices": 60,
        "deleted": number % 9,
        "bytes": (90 + number * 61) << 20,
    }
    if error:
        store.end(run, "error", when, error, cause="refused", serial=serial)
    else:
        store.end(run, "success", when, serial=serial, **size)
        looked = min(when + HOUR, time.time() - 120)
        noop = store.begin("debian", "sync", "schedule", [], looked)
        store.end(noop, "noop", looked + 0.3, serial=serial)


def _sighting(one: Member, now: float) -> Sighting:
    """As an earlier look has left it in the store."""
    if one.missed is None:
        return Sighting(one.name, "debian", one.parent, "registered")
    return Sighting(
        one.name, "debian", one.parent, "registered", f"https://{one.name}/debian", _serial(one.missed),
        changed_at=_published(len(SERIALS) - 1 - one.missed, now) + 14, consistent=one.consistent, seen_at=now - 9,
    )  # fmt: skip


def _seen(one: Member, now: float) -> Seen:
    """The last look."""
    failures, url = 3 if one.error else 0, f"https://{one.name}/debian"
    if one.missed is None:
        return Seen(now - 9, now - 9, failures=3, trouble=one.error)
    serial = _serial(one.missed)
    return Seen(now - 9, now - 900, url, Glimpse(serial, serial, one.consistent), now - 9, 0.0, failures, one.error)


def _twelve(*changes: Member) -> tuple[Member, ...]:
    """Three below us, each with three below it."""
    known = {one.name: one for one in changes}
    hubs = ("ftp.nl.example.org", "ftp.de.example.org", "mirrors.example.edu")
    leaves = (
        ("mirror.ams.example.net", "debian.rug.example.nl", "ftp.be.example.org"),
        ("ftp.tu-berlin.example.de", "mirror.init.example.ch", "ftp.halifax.example.de"),
        ("mirrors.kernel.example.com", "ftp.jp.example.org", "debian.csail.example.edu"),
    )
    made = [Member(hub) for hub in hubs[:3]]
    made += [Member(leaf, hub) for hub, below in zip(hubs, leaves, strict=True) for leaf in below]
    return tuple(known.get(one.name, one) for one in made)


def _hundred_and_fifty(change: Callable[[int, Member], Member]) -> tuple[Member, ...]:
    """Six below us, most of the others below these, some found by their traces alone."""
    hubs = [Member(f"{place}.hub.example.org") for place in ("ams", "fra", "lon", "nyc", "sfo", "tyo")]
    leaves = []
    for number in range(144):
        parent = hubs[number % 7].name if number % 7 < 6 else NAME
        leaves.append(Member(f"{PLACES[number % 33]}{number // 33 + 1}.mirror.example.net", parent))
    return tuple(change(number, one) for number, one in enumerate((*hubs, *leaves)))


def _some_trouble(number: int, one: Member) -> Member:
    if number in (17, 71):
        return Member(one.name, one.parent, 3)
    if number == 44:
        return Member(one.name, one.parent, 5, "no connection: timed out after 10 s")
    if number == 99:
        return Member(one.name, one.parent, 9, "HTTP 404: there is no project/trace")
    return Member(one.name, one.parent, None, "no such host") if number == 120 else one


def _half_dead(number: int, one: Member) -> Member:
    return Member(one.name, one.parent, 9, "connection refused") if number % 2 else one


def _forty() -> tuple[Member, ...]:
    """Two below us with many each, all of them with names that nobody has room for."""
    hubs = [Member(f"mirrors.faculty-of-informatics.{place}.university.example.ac") for place in ("brno", "wien")]
    leaves = [
        Member(f"debian-{number}.department-of-computer-science.{PLACES[number % 33]}.university.example.ac", hub.name)
        for number, hub in enumerate(hubs * 19)
    ]
    return (*hubs, *(_some_trouble(number, one) for number, one in enumerate(leaves)))


_LONG: Final = {
    "MIRROR_ARCHIVES__DEBIAN_SECURITY_FOR_ALL_THE_FACULTIES_OF_OUR_UNIVERSITY__UPSTREAM": "none",
    "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "rsync://mirror.ftp-distribution.department-of-networks.example.ac/linux/debian",
}

REFUSAL: Final = (
    "dists/sid/InRelease: signed by nobody that KEYRING knows: look at `mirrorctl quarantine debian`, "
    "ask the upstream, or add its key"
)

_LATE: Final = (
    Member("ftp.be.example.org", "ftp.nl.example.org", 3),
    Member("mirror.init.example.ch", "ftp.de.example.org", 0, activity="fetching payload, 71 %"),
    Member("debian.csail.example.edu", "mirrors.example.edu", 9, "connection refused"),
    Member("ftp.jp.example.org", "mirrors.example.edu", 4, consistent=False),
)

SCENES: Final[Mapping[str, Scene]] = {
    scene.name: scene
    for scene in (
        Scene("new", (), published=False),
        Scene("alone", (), upstream="none"),
        Scene("two", (Member("leaf.example.net"),), upstream="none"),
        Scene("twelve", _twelve()),
        Scene("late", _twelve(*_LATE)),
        Scene("syncing", _twelve(*_LATE), syncing=True),
        Scene("refused", _twelve(), refusal=REFUSAL),
        Scene("long-and-paused", _forty(), paused=True, environ=_LONG),
        Scene("hundred-and-fifty", _hundred_and_fifty(_some_trouble)),
        Scene("half-dead", _hundred_and_fifty(_half_dead), environ={"MIRROR_ARCHIVES__SECURITY__UPSTREAM": "none"}),
        Scene("half-dead-twelve", _twelve(*(
            Member(one.name, one.parent, 9, "connection refused") for one in _twelve()[1::2]
        ))),
    )
}  # fmt: skip
