"""More triggers than anybody sends."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from tests.chaos.ours import TOKEN, OurTiers
from tests.chaos.tiers import Tiers
from tests.chaos.web import ARCHIVE
from tests.stock import Mirror, Stock

AT_A_TIME: Final = 40
CONNECTIONS: Final = 8
"""ssh connections that the sessions share, as those of a pusher that keeps its own."""

SESSIONS: Final = r"""
import asyncio, collections, json, subprocess, sys, tempfile
host, port, user, key, count, at_a_time, connections, command = sys.argv[1:9]
ssh = ["ssh", "-F", "none", "-n", "-p", port, "-l", user, "-i", key, "-o", "BatchMode=yes", "-o", "ConnectTimeout=20",
       "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
       "-o", "ControlMaster=auto", "-o", "ControlPersist=5"]
answers, room = collections.Counter(), asyncio.Semaphore(int(at_a_time))
async def one(number):
    async with room:
        path = f"{place}/{number % int(connections)}"
        child = await asyncio.create_subprocess_exec(*ssh, "-o", f"ControlPath={path}", host, command,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        answers[await child.wait()] += 1
async def all():
    await asyncio.gather(*map(one, range(int(count))))
with tempfile.TemporaryDirectory() as place:
    asyncio.run(all())
    for number in range(int(connections)):
        subprocess.run(["ssh", "-S", f"{place}/{number}", "-O", "exit", host], stderr=subprocess.DEVNULL)
print(json.dumps(answers))
"""


@contextmanager
def raging(tiers: Tiers, http: int, ssh: int) -> Iterator[Counter[str]]:
    """So many triggers at the hub, as fast as they come; their answers are complete behind the block."""
    answers: Counter[str] = Counter()
    with ThreadPoolExecutor(AT_A_TIME + 1) as threads:
        by_ssh = threads.submit(_by_ssh, tiers.origin, tiers.mirrors[0], ssh)
        web = tiers.web(tiers.mirrors[0])
        path = f"trigger/{ARCHIVE}/{TOKEN}"
        by_http = [threads.submit(web.post, path) for _ in range(http if isinstance(tiers, OurTiers) else 0)]
        yield answers
        for one in by_http:
            answers[f"http {one.result()}"] += 1
        answers.update({f"ssh {code}": count for code, count in by_ssh.result().items()})


def _by_ssh(origin: Mirror, hub: Mirror, count: int) -> dict[str, int]:
    key = "/home/archvsync/.ssh/push" if isinstance(origin, Stock) else "/run/mirror/keys/push_ed25519"
    words = (hub.name, str(hub.ssh_port), hub.ssh_user, key, str(count), str(AT_A_TIME), str(CONNECTIONS))
    command = f"sync:archive:{ARCHIVE} sync:all"
    user = "archvsync" if isinstance(origin, Stock) else ""
    return dict(json.loads(origin.run("python3", "-c", SESSIONS, *words, command, user=user)))
