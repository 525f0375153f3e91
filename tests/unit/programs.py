"""The real programs, where this machine has them; in the image it has them all."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import commands
from tests.unit.upstream import eventually


def program(name: str) -> str:
    """The path of a program; skips the test where it is not installed."""
    path = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return path or pytest.skip(f"{name} is not installed here; the image has it")


def in_place_of(name: str, script: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the appliance starts this script, which knows its ``place``, for a program of that name."""
    program = place / "bin" / name
    program.parent.mkdir()
    program.write_text(script.format(place=place))
    program.chmod(0o755)
    path = f"{program.parent}:{commands.ENVIRONMENT['PATH']}"
    monkeypatch.setattr(commands, "ENVIRONMENT", {**commands.ENVIRONMENT, "PATH": path})


def ssh_key(path: Path, passphrase: str = "") -> str:
    """Make a private key; returns its text."""
    argv = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", passphrase, "-C", "made for a test", "-f", str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return path.read_text()


def lives(pid: int) -> bool:
    """Whether a process is there, and has not ended: it may do so while it is looked at."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def running(argv: list[str], log: Path, port: int) -> Iterator[None]:
    """A server, from when it listens to its end."""
    with (
        log.open("w") as output,
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as child,
    ):
        try:
            eventually(lambda: child.poll() is not None or listens(port))
            assert child.poll() is None, log.read_text()
            yield
        finally:
            child.terminate()
