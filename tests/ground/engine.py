"""A Docker Engine that answers and a compose that works: found, or installed from the distribution and started."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from tests.ground import packages
from tests.ground.console import StopError, output, step, succeeds
from tests.ground.waiting import LateError, wait_for

LOG: Final = Path("/var/log/dockerd.push-mirror.log")
START: Final = 60.0
"""Seconds a started engine has before it must answer."""

ADVICE: Final = (
    "No Docker Engine answers. Start one (or let this user use it: group docker), or run this as root"
    " on Debian or Ubuntu, where the engine is installed for you."
)
COMPOSE_ADVICE: Final = "Neither `docker compose` nor `docker-compose` works here: install one of them."


def answers() -> bool:
    """Whether an engine, not only its client, is there for this user."""
    return bool(output("docker", "info", "--format", "{{.ServerVersion}}", deadline=20))


@cache
def compose() -> tuple[str, ...]:
    """The compose command of this machine: the plugin where there is one, else the standalone program."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if succeeds(*command, "version"):
            return command
    raise StopError(COMPOSE_ADVICE)


def ensure() -> None:
    """Returns with an engine that answers and a compose that works. Touches no engine that runs already."""
    if not answers():
        if not packages.may_install():
            raise StopError(ADVICE)
        if shutil.which("dockerd") is None:
            _install()
        _start()
    try:
        compose()
    except StopError:
        if not packages.may_install():
            raise
        with step("compose is missing: installing it from the distribution"):
            packages.refresh()
            packages.install([_compose_package()])
        compose()


def _install() -> None:
    with step("no Docker Engine here: installing docker.io and compose from the distribution"):
        packages.refresh()
        names = ["docker.io", _compose_package(), "iptables", "ca-certificates"]
        # Since trixie the client is a package of its own.
        if shutil.which("docker") is None and packages.known("docker-cli"):
            names.append("docker-cli")
        packages.install(names)


def _compose_package() -> str:
    return next((name for name in ("docker-compose-v2", "docker-compose") if packages.known(name)), "docker-compose")


def _start() -> None:
    with step("starting the Docker Engine"):
        for command in (("systemctl", "start", "docker"), ("service", "docker", "start")):
            if shutil.which(command[0]) and succeeds(*command, deadline=90) and _wait(START / 2):
                return
        with LOG.open("ab") as log:
            # A session of its own: it outlives this command and the terminal it was given in.
            daemon = subprocess.Popen(
                ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        if not _wait(START, daemon):
            raise StopError(f"The Docker Engine was started and does not answer: its log is {LOG}")


def _wait(seconds: float, daemon: subprocess.Popen[bytes] | None = None) -> bool:
    """Whether the engine answers in time; a daemon that ended is not waited for."""
    try:
        wait_for(lambda: answers() or (daemon is not None and daemon.poll() is not None), seconds, "the engine answers")
    except LateError:
        return False
    return answers()
