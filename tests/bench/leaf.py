"""One first sync of ours in a process of its own: plan, fetch, verification, publication, as a controller does them.

    python -m tests.bench.leaf ROOT URL KEYRING STREAMS

Prints what it took as JSON. The clock starts when the process is up, as a controller always is.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from appliance.places import Places
from appliance.run.change import Change
from appliance.run.figures import Reports
from appliance.settings import load
from appliance.store import Store


async def _nobody(*_: object) -> None:
    """Who waits for us."""


async def sync(root: Path, url: str, keyring: str, streams: str) -> dict[str, Any]:
    """The first sync of the module at ``url``; seconds, CPU seconds, and where the time went."""
    archive = {"UPSTREAM": url, "KEYRING": keyring, "STREAMS": streams, "POLL": "off"}
    environ = {"MIRROR_NAME": "leaf", **{f"MIRROR_ARCHIVES__DEBIAN__{key}": value for key, value in archive.items()}}
    places = Places(root / "run", root / "state", root / "data")
    for directory in (places.run, places.inbox, places.archive("debian")):
        directory.mkdir(parents=True)
    store = Store(places.store)
    run = store.run(store.begin("debian", "sync", "bench", [], time.time()))
    assert run
    change = Change(load(environ), places, store, "debian", run)
    started, before = time.perf_counter(), _cpu()
    stages: defaultdict[str, float] = defaultdict(float)
    watching = asyncio.create_task(_watch(change, stages))
    published = await change.sync(True, Reports(_nobody, _nobody))
    seconds, cpu = time.perf_counter() - started, _cpu() - before
    watching.cancel()
    assert published
    took = {"seconds": seconds, "cpu": cpu, "bytes": change.figures.bytes, "stages": stages}
    return {**took, "tree": str(places.archive("debian"))}


async def _watch(change: Change, stages: defaultdict[str, float]) -> None:
    """Seconds by stage, to a twentieth."""
    last = time.perf_counter()
    while True:
        stage = change.figures.stage
        await asyncio.sleep(0.05)
        stages[stage] += time.perf_counter() - last
        last = time.perf_counter()


def _cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(sync(Path(sys.argv[1]), *sys.argv[2:]))))
