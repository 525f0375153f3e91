"""The section `redirect`: how many clients one core sends to mirrors, through nginx and the controller behind it.

The mirror has one core for nginx and controller together; whoever asks, and the mirrors that it sees, have another.
200 mirrors are registered, each at an address of its own with files and nothing else, and all are seen and fresh.
Clients with an address each, in every round another, ask over kept connections without a pause, every fourth time for
metadata: many at once for the rate, a few for the time of an answer where nobody queues. Countries come by a header,
and once more by a database, with users behind a proxy of whom nobody asks twice: every one of them is looked up.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import docker

from tests.bench.meter import FailedError, used_by
from tests.bench.rows import Options, Row, Run
from tests.ground.images import PRODUCT
from tests.ground.waiting import wait_for
from tests.harness import Lone, Node
from tests.harness.lone import LABELS
from tests.mmdb import countries

NAME: Final = "redirect"
ROUNDS: Final = 5
REQUESTS: Final = 150
FEW: Final = 20
"""Requests of each client: nginx lets a burst of 400 of one address through."""

MIRRORS: Final = 200
CLIENTS, SOME = (128, 4), (32, 4)
"""At a time; who waits for 3 seconds, as on a busy machine many might, gets the file from the mirror itself."""

FILES: Final = 500
SEEN: Final = 180.0
"""Seconds in which all mirrors are looked at."""

CORE, OTHER = (str(of(os.sched_getaffinity(0))) for of in (min, max))
"""The mirror's core, and that of all others."""

COUNTRIES: Final = ("de", "fr", "jp", "us")
REGISTRY: Final = "".join(
    f'["m{number}.example.org"]\nurls = ["http://127.0.1.{number}:8081/*/"]\ncountry = "{country}"\n'
    for number, country in zip(range(1, MIRRORS + 1), COUNTRIES * MIRRORS, strict=False)
)
SETTINGS: Final = {
    "MIRROR_NAME": "lone",
    "MIRROR_ARCHIVES__DEBIAN__PROFILE": "debian",
    "MIRROR_REGISTRY": REGISTRY,
}
DATABASE: Final = "/etc/mirror/countries.mmdb"
WAYS: Final = {
    "header": {"MIRROR_COUNTRY_HEADER": "X-Country"},
    "database": {"MIRROR_GEOIP": DATABASE, "MIRROR_TRUSTED_PROXIES": "127.0.0.0/8"},
}
"""How a client's country is known."""

FILL: Final = f"""
mkdir -p /srv/mirror/debian/pool /srv/mirror/debian/dists/stable && cd /srv/mirror/debian
for number in $(seq {FILES}); do echo $number >pool/p$number.deb; done
echo release >dists/stable/InRelease
exec mirrorctl publish debian
"""

PLAIN: Final = """
daemon off; pid /tmp/pid; error_log /dev/null; worker_processes 1; events { worker_connections 1024; }
http {
    access_log off; root /srv/mirror;
    client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c;
    uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
    server { listen 8081; autoindex on; }
}
"""
"""The mirrors: had they the appliance's own server, each would report to have all the others below it."""

SERVE: Final = f"printf %s '{PLAIN}' >/tmp/plain.conf && exec nginx -e /dev/null -c /tmp/plain.conf"

CLIENT: Final = f"""
import asyncio, json, sys, time

requests, clients, turn = map(int, sys.argv[1:4])
by_header = sys.argv[4] == "header"
took, bad = [], []

async def client(number):
    own = f"127.{{clients}}.{{turn}}.{{number + 1}}"
    reader, writer = await asyncio.open_connection("127.0.0.1", 8080, local_addr=(own, 0))
    for count in range(requests):
        file = "dists/stable/InRelease" if count % 4 == 0 else f"pool/p{{(number * 31 + count) % {FILES} + 1}}.deb"
        country = ("de", "fr", "jp", "us", "br")[number % 5]
        user = (turn * clients + number) * requests + count
        user = f"10.{{user >> 16 & 255}}.{{user >> 8 & 255}}.{{user & 255}}"
        about = f"X-Country: {{country}}" if by_header else f"X-Forwarded-For: {{user}}"
        head = f"GET /r/debian/{{file}} HTTP/1.1\\r\\nHost: lone\\r\\n{{about}}\\r\\n\\r\\n"
        began = time.perf_counter()
        writer.write(head.encode())
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        took.append(time.perf_counter() - began)
        if b" 302 " not in head.split(b"\\n", 1)[0] or b"ocation: http://127.0.1." not in head:
            bad.append(head.decode())
            return
    writer.close()

async def all():
    began = time.perf_counter()
    await asyncio.gather(*map(client, range(clients)))
    return time.perf_counter() - began

seconds = asyncio.run(all())
took.sort()
p50, p99 = (took[len(took) * part // 100] for part in (50, 99))
print(json.dumps({{"answers": len(took), "seconds": seconds, "p50": p50, "p99": p99, "bad": bad[:1]}}))
"""


def rows(options: Options) -> Iterator[Row]:
    """For each way a row for many clients, and one for few. Raises FailedError when one of them is sent nowhere.

    ``quick``: for the last way alone.
    """
    for way, settings in list(WAYS.items())[-1 if options.quick else 0 :]:
        with tempfile.TemporaryDirectory() as place:
            yield from _rows(options, way, settings, _mounted(Path(place)))


def _rows(options: Options, way: str, settings: Mapping[str, str], mounted: Path) -> Iterator[Row]:
    rounds, requests, kinds = (1, FEW, SOME) if options.quick else (ROUNDS, REQUESTS, CLIENTS)
    volumes = {os.fspath(mounted): {"bind": os.path.dirname(DATABASE), "mode": "ro"}}
    with ExitStack() as stack:
        mirror = stack.enter_context(Lone({**SETTINGS, **settings}, volumes=volumes))
        mirror.wait_healthy(60)
        mirror.run("sh", "-c", FILL)
        beside = stack.enter_context(_beside(mirror))
        mirror.container.update(cpuset_cpus=CORE)
        wait_for(partial(_all_seen, mirror), SEEN, f"{MIRRORS} mirrors are seen")
        for clients in kinds:
            options.progress(f"{clients} clients by {way}: {clients * requests:,} requests, {rounds} times")
            runs = tuple(_ask(mirror, beside, clients, requests, turn, way) for turn in range(rounds))
            yield Row(NAME, f"{clients} clients, {clients * requests:,} answers, by {way}", "ours", runs)


def _mounted(place: Path) -> Path:
    """A directory with a database."""
    networks = {f"10.{number >> 8}.{number & 255}.0/24": COUNTRIES[number % 4].upper() for number in range(1 << 12)}
    (place / os.path.basename(DATABASE)).write_bytes(countries(networks))
    for path in (place, *place.iterdir()):
        path.chmod(0o755)
    return place


def _all_seen(mirror: Node) -> bool:
    return sum(bool(one["fresh"] == "fresh") for one in mirror.status().get("mirrors", [])) > MIRRORS


@contextmanager
def _beside(mirror: Node) -> Iterator[Node]:
    """The mirrors, and who asks: in the mirror's network, with its files, on another core."""
    of = mirror.container.id
    container: Any = docker.from_env().containers.run(
        PRODUCT, ["-c", SERVE], entrypoint="sh", detach=True, labels=LABELS, cpuset_cpus=OTHER,
        network_mode=f"container:{of}", volumes_from=[f"{of}:ro"],
    )  # fmt: skip
    try:
        yield Node("beside", container)
    finally:
        container.remove(force=True)


def _ask(mirror: Node, beside: Node, clients: int, requests: int, turn: int, way: str) -> Run:
    """The CPU seconds are the mirror's. Raises FailedError."""
    before = used_by(mirror)
    told = json.loads(beside.run("python3", "-c", CLIENT, *map(str, (requests, clients, turn, way))))
    if told["bad"] or told["answers"] < clients * requests:
        raise FailedError(f"{told['answers']} of {clients * requests} answers: {told['bad']}")
    used, rate = round(used_by(mirror) - before, 3), told["answers"] / told["seconds"]
    return Run(told["seconds"], sender=used, rate=rate, p50=told["p50"], p99=told["p99"])
