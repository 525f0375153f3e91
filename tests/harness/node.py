"""One container of ours, in words a test would use."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from docker.errors import NotFound
from docker.models.containers import Container

from tests.ground.waiting import wait_for
from tests.harness.shell import SHELLS, Place

Seen = TypeVar("Seen")

GONE: Final = -1
"""Exit code of a command whose container stopped before or under it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command in a container ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Background:
    """A command that goes on in a container while the test does other things."""

    container: Container
    id: str

    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        seen = self.container.client.api.exec_inspect(self.id)
        return None if seen["Running"] else int(seen["ExitCode"])

    def wait(self, deadline: float, what: str) -> int:
        """Its exit code, which must come in time."""
        wait_for(lambda: self.code() is not None, deadline, what)
        return int(self.code() or 0)


class Node:
    """A container with one of our images in it."""

    def __init__(self, name: str, container: Container) -> None:
        self.name = name
        self.container = container

    def exec(self, *argv: str, user: str = "", environment: Mapping[str, str] | None = None) -> Answer:
        """Runs a command inside and waits for its end; GONE when the container is not there for it."""
        if not (place := self._place(user)):
            return Answer(GONE, "", f"{self.name} does not run")
        told = ("env", *(f"{key}={value}" for key, value in environment.items())) if environment else ()
        if not (ended := SHELLS.ask(place, (*told, *argv))):
            return Answer(GONE, "", f"{self.name} has ended")
        return Answer(ended.code, ended.out.decode(errors="replace"), ended.err.decode(errors="replace"))

    def _place(self, user: str) -> Place | None:
        """Where a command of the user runs; None in a container that cannot run any now."""
        try:
            self.container.reload()
        except NotFound:
            return None
        state = self.container.attrs["State"]
        able = state["Running"] and not state["Paused"] and not state["Restarting"]
        return Place(str(self.container.id), state["StartedAt"], user) if able else None

    def run(self, *argv: str, user: str = "", environment: Mapping[str, str] | None = None) -> str:
        """What a command prints that must succeed."""
        answer = self.exec(*argv, user=user, environment=environment)
        assert answer.code == 0, f"{self.name}: {argv}: exit {answer.code}: {answer.out}{answer.err}"
        return answer.out

    def start_exec(self, *argv: str, user: str = "") -> Background:
        """Starts a command inside and returns at once."""
        api = self.container.client.api
        started = api.exec_create(self.container.id, argv, user=user)["Id"]
        api.exec_start(started, detach=True)
        return Background(self.container, started)

    def status(self) -> dict[str, Any]:
        """What `mirrorctl status --json` would say, without its start; empty while the controller does not answer."""
        head, _, body = self.exec("bash", "-c", ASK_STATUS).out.partition("\r\n\r\n")
        return dict(json.loads(body)) if " 200 " in head else {}

    def archive(self, name: str = "debian") -> dict[str, Any]:
        """The archive's part of the status; empty while there is none."""
        return dict(self.status().get("archives", {}).get(name, {}))

    def serial(self, archive: str = "debian") -> str | None:
        """The serial of what the node publishes; None before the first publication."""
        serial = self.archive(archive).get("serial")
        return None if serial is None else str(serial)

    def wait_for(self, look: Callable[[Node], Seen], deadline: float, what: str) -> Seen:
        """The first truthy thing that `look` sees on this node."""
        return wait_for(lambda: look(self), deadline, f"{self.name}: {what}")

    def wait_healthy(self, deadline: float = 120) -> None:
        """Returns when every core process answers on its port; how soon that is says a test of its own."""
        self.wait_for(lambda node: node.running and node.exec("mirror-health").code == 0, deadline, "is healthy")

    @property
    def running(self) -> bool:
        """Whether the container runs now."""
        self.container.reload()
        return bool(self.container.status == "running")

    @property
    def restarts(self) -> int:
        """How often the restart policy has started it again."""
        self.container.reload()
        return int(self.container.attrs["RestartCount"])

    def address(self) -> str:
        """Its address in its first network."""
        self.container.reload()
        return str(next(iter(self.container.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"])

    def port(self, inside: int) -> int:
        """The port of this machine that leads to `inside`."""
        self.container.reload()
        return int(self.container.ports[f"{inside}/tcp"][0]["HostPort"])

    def logs(self, tail: int = 200) -> str:
        """The last lines it printed."""
        return str(self.container.logs(tail=tail).decode(errors="replace"))

    def users(self) -> set[str]:
        """Numeric uids of all processes inside, as the engine sees them; its own on their way in are not ours."""
        top = self.container.top(ps_args="-eo uid,pid,args")
        user, words = top["Titles"].index("UID"), top["Titles"].index("COMMAND")
        return {row[user] for row in top["Processes"] if row[words].split()[1:] != ["init"]}

    def kill_process(self, wanted: str) -> None:
        """SIGKILL to the oldest process inside whose command line has `wanted` in it."""
        answer = self.exec("python3", "-c", KILL, wanted)
        # With a core process the container ends, perhaps before the answer is here.
        assert answer.code in (0, GONE), f"{self.name}: {answer.out}{answer.err}"

    def kill(self, signal: str = "SIGKILL") -> None:
        """A signal to the container's first process."""
        self.container.kill(signal=signal)

    def start(self) -> None:
        """Starts the stopped container again."""
        self.container.start()

    def stop(self) -> None:
        """Stops the container in order."""
        self.container.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Frozen for the time of the block: it holds its connections and answers nothing."""
        self.container.pause()
        try:
            yield
        finally:
            self.container.unpause()

    @contextmanager
    def holding(self, point: int) -> Iterator[None]:
        """Runs get no further than this hook for the time of the block; MIRROR_HOOKS has to be HOOKS."""
        hook = f"{HOOKS}/hook{point}"
        self.run("sh", "-ec", HOLD, hook, HOOKS, HELD)
        try:
            yield
        finally:
            self.exec("rm", "-f", hook, HELD)

    @contextmanager
    def disconnected(self) -> Iterator[None]:
        """Without its network for the time of the block; it comes back under its name."""
        name = next(iter(self.container.attrs["NetworkSettings"]["Networks"]))
        network = self.container.client.networks.get(name)
        network.disconnect(self.container, force=True)
        try:
            yield
        finally:
            network.connect(self.container, aliases=[self.name])

    def paths(self, directory: str, *tests: Sequence[str]) -> list[str]:
        """Sorted paths below a directory inside, for comparing before and after."""
        return sorted(self.run("find", directory, *(word for test in tests for word in test)).splitlines())


HOOKS: Final = "/var/lib/mirror/hooks"
HELD: Final = "/var/lib/mirror/held"
HOLD: Final = """
mkdir -p "$1"
touch "$2"
printf '#!/bin/sh\nwhile [ -e %s ]; do sleep 0.1; done\n' "$2" >"$0"
chmod 755 "$0"
"""

ASK_STATUS: Final = r"""
exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /api/v1/status HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3 && cat <&3
"""

KILL: Final = """
import os, pathlib, signal, sys
for pid in sorted(int(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()):
    try:
        line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\\0", b" ").decode()
    except OSError:
        continue  # it has ended since
    if sys.argv[1] in line and pid != os.getpid():
        os.kill(pid, signal.SIGKILL)
        sys.exit(0)
sys.exit(f"no process with {sys.argv[1]!r}")
"""
