"""The section `redirect`: how many clients one core sends to mirrors, through nginx and the controller behind it.

The mirror has one core, whoever asks another one. 200 mirrors are registered, each at an address of its own at which
the mirror's own nginx answers, so that all are seen and fresh. 128 clients with an address each ask over kept
connections, every fourth time for metadata, without a pause; `p99` is the time in which 99 of 100 are answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

import docker

from tests.bench.meter import FailedError, used_by
from tests.bench.rows import Options, Row, Run
from tests.ground.images import PRODUCT
from tests.ground.waiting import wait_for
from tests.harness import Lone, Node
from tests.harness.lone import LABELS

NAME: Final = "redirect"
ROUNDS: Final = 5
REQUESTS: Final = 20_000
FEW: Final = 2_000
MIRRORS: Final = 200
CLIENTS: Final = 128
FILES: Final = 500

REGISTRY: Final = "".join(
    f'["m{number}.example.org"]\nurls = ["http://127.0.1.{number}:8080/*/"]\ncountry = "{country}"\n'
    for number, country in zip(range(1, MIRRORS + 1), ["de", "fr", "jp", "us"] * MIRRORS, strict=False)
)
SETTINGS: Final = {
    "MIRROR_NAME": "lone",
    "MIRROR_ARCHIVES__DEBIAN__PROFILE": "debian",
    "MIRROR_REGISTRY": REGISTRY,
    "MIRROR_COUNTRY_HEADER": "X-Country",
}

FILL: Final = f"""
mkdir -p /srv/mirror/debian/pool /srv/mirror/debian/dists/stable && cd /srv/mirror/debian
for number in $(seq {FILES}); do echo $number >pool/p$number.deb; done
echo release >dists/stable/InRelease
exec mirrorctl publish debian
"""

CLIENT: Final = f"""
import asyncio, json, sys, time

requests, clients = int(sys.argv[1]), {CLIENTS}
took, bad = [], []

async def client(number):
    reader, writer = await asyncio.open_connection("127.0.0.1", 8080, local_addr=(f"127.2.0.{{number + 1}}", 0))
    for turn in range(requests // clients):
        file = "dists/stable/InRelease" if turn % 4 == 0 else f"pool/p{{(number * 31 + turn) % {FILES} + 1}}.deb"
        country = ("de", "fr", "jp", "us", "br")[number % 5]
        began = time.perf_counter()
        head = f"GET /r/debian/{{file}} HTTP/1.1\\r\\nHost: lone\\r\\nX-Country: {{country}}"
        writer.write(f"{{head}}\\r\\n\\r\\n".encode())
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        took.append(time.perf_counter() - began)
        if b" 302 " not in head.split(b"\\n", 1)[0] or b"ocation: http://127.0.1." not in head:
            bad.append(head.decode())
            return

async def all():
    began = time.perf_counter()
    await asyncio.gather(*map(client, range(clients)))
    return time.perf_counter() - began

seconds = asyncio.run(all())
p99 = sorted(took)[len(took) * 99 // 100]
print(json.dumps({{"answers": len(took), "seconds": seconds, "p99": p99, "bad": bad[:1]}}))
"""


def rows(options: Options) -> Iterator[Row]:
    """So many answers, and the slowest of them. Raises FailedError when one of them sends nobody anywhere."""
    requests = FEW if options.quick else REQUESTS
    with ExitStack() as stack:
        mirror = stack.enter_context(Lone(SETTINGS, cpuset_cpus="0"))
        mirror.wait_healthy(60)
        mirror.run("sh", "-c", FILL)
        wait_for(partial(_all_seen, mirror), 120, f"{MIRRORS} mirrors are seen")
        clients = stack.enter_context(_beside(mirror))
        options.progress(f"{requests:,} requests, {1 if options.quick else ROUNDS} times")
        runs = [_ask(mirror, clients, requests) for _ in range(1 if options.quick else ROUNDS)]
        yield Row(NAME, f"{requests:,} answers", "ours", tuple(run for run, _ in runs), reference=True)
        yield Row(NAME, "p99 of an answer", "ours", tuple(Run(slow) for _, slow in runs))


def _all_seen(mirror: Node) -> bool:
    return sum(bool(one["fresh"] == "fresh") for one in mirror.status().get("mirrors", [])) > MIRRORS


@contextmanager
def _beside(mirror: Node) -> Iterator[Node]:
    """Who asks: in the mirror's network, on another core."""
    container: Any = docker.from_env().containers.run(
        PRODUCT, ["sleep", "infinity"], entrypoint="", detach=True, labels=LABELS, cpuset_cpus="1",
        network_mode=f"container:{mirror.container.id}",
    )  # fmt: skip
    try:
        yield Node("clients", container)
    finally:
        container.remove(force=True, v=True)


def _ask(mirror: Node, clients: Node, requests: int) -> tuple[Run, float]:
    before = used_by(mirror)
    told = json.loads(clients.run("python3", "-c", CLIENT, str(requests)))
    if told["bad"] or told["answers"] < requests - CLIENTS:
        raise FailedError(f"{told['answers']} of {requests} answers: {told['bad']}")
    return Run(told["seconds"], round(used_by(mirror) - before, 3)), told["p99"]
