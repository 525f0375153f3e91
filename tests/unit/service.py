"""The controller as a process of its own around a house."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.unit.house import House
from tests.unit.upstream import PATIENCE, eventually

PROGRAM = """
import os, sys
from pathlib import Path
from appliance import commands
from appliance.places import Places
from appliance.serve import serve
root = Path(sys.argv[1])
commands.ENVIRONMENT = {**commands.ENVIRONMENT, "PATH": f"{root}/bin:{commands.ENVIRONMENT['PATH']}"}
sys.exit(serve(os.environ, Places(root / "run", root / "state", root / "data")))
"""


class Service:
    """A running controller around a house, whose programs come first to those it starts."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.log = house.root / "controller.log"
        environ = {**house.environ, "PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()}
        with self.log.open("w") as out:
            argv = [sys.executable, "-c", PROGRAM, str(house.root)]
            self.process = subprocess.Popen(argv, env=environ, stdout=out, stderr=out)
        eventually(lambda: self.answers() or self.process.poll() is not None)

    def answers(self) -> bool:
        """Whether its API can be asked: its socket has a name a moment before."""
        with socket.socket(socket.AF_UNIX) as knocking:
            return knocking.connect_ex(str(self.house.places.api)) == 0

    def get(self, path: str) -> httpx.Response:
        """Ask over the socket, as nginx would."""
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.house.places.api)), timeout=PATIENCE) as client:
            return client.get(f"http://appliance{path}")

    @contextmanager
    def listening(self) -> Iterator[Iterator[str]]:
        """The lines of the stream of events."""
        with (
            httpx.Client(transport=httpx.HTTPTransport(uds=str(self.house.places.api)), timeout=PATIENCE) as client,
            client.stream("GET", "http://appliance/api/v1/events") as answer,
        ):
            yield answer.iter_lines()

    def end(self) -> int:
        """Send TERM; returns the exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it as a crash does: nothing is put away, but for the socket by which we find the next."""
        self.process.kill()
        self.process.wait()
        self.house.places.api.unlink()
