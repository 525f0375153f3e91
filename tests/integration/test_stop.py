"""An orderly stop in the middle of everything: soon, with status 0, and gone on with after the next start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ground.waiting import Stopwatch
from tests.harness import Lone

pytestmark = pytest.mark.integration

ENGINE = 10
"""Seconds that the engine gives a container by default."""

STUBBORN = """#!/bin/sh
[ "$MIRROR_ARCHIVE" = hooked ] && [ ! -e /hooks/over ] || exit 0
trap '' TERM HUP INT
while :; do sleep 1; done
"""
SILENT = """
import socket
server, kept = socket.create_server(("", 7000)), []
while True:
    kept.append(server.accept()[0])
"""
"""A downstream that lets everybody in and never says a word."""


def test_a_stop_in_the_middle_of_everything(lone: Callable[..., Lone], tmp_path: Path) -> None:
    origin = lone({"MIRROR_NAME": "origin", "MIRROR_ARCHIVES__DEBIAN__PROFILE": "generic"})
    origin.wait_healthy()
    origin.run("sh", "-c", "head -c 1000000 /dev/urandom > /srv/mirror/debian/big")
    origin.run("mirrorctl", "publish", "debian", "--wait")
    origin.start_exec("python3", "-c", SILENT)
    serial = origin.serial()

    hook = tmp_path / "hook3"
    hook.write_text(STUBBORN)
    hook.chmod(0o755)
    tmp_path.chmod(0o755)
    environment = {
        "MIRROR_NAME": "busy",
        "MIRROR_HOOKS": "/hooks",
        "MIRROR_DOWNSTREAMS": f"silent=ssh://m@{origin.address()}:7000?push=all&archives=told",
    }
    for name in ("slow", "hooked", "told"):
        environment[f"MIRROR_ARCHIVES__{name.upper()}__UPSTREAM"] = f"rsync://{origin.address()}:8730/debian"
        environment[f"MIRROR_ARCHIVES__{name.upper()}__PROFILE"] = "generic"
    environment["MIRROR_ARCHIVES__SLOW__BWLIMIT"] = "60"
    busy = lone(environment, volumes=[f"{tmp_path}:/hooks"])
    busy.wait_healthy()
    # It fetches for a quarter of a minute, for all of which this machine may have been busy.
    busy.wait_for(lambda n: n.archive("slow").get("stage") == "payload" or n.serial("slow"), 60, "fetches")
    busy.wait_for(
        lambda node: node.archive("hooked").get("stage") == "publish", 60, "is in the middle of a publication"
    )
    busy.wait_for(
        lambda node: node.status()["downstreams"]["silent"].get("told", {}).get("state") == "pushing",
        60,
        "tells the silent one",
    )

    with Stopwatch() as taken:
        busy.container.stop(timeout=6 * ENGINE)
    assert taken.seconds < ENGINE
    assert busy.exit_code() == 0

    (tmp_path / "over").touch()
    busy.start()
    busy.wait_healthy()
    for name in ("slow", "hooked", "told"):
        busy.wait_for(lambda node, name=name: node.serial(name) == serial, 180, f"{name} has gone on")  # type: ignore[misc]
