"""Real parts for the unit tests: an rsync daemon on loopback, a small signed archive, a patient look at a state."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Final

PATIENCE: Final = 60.0
"""Seconds that a state may take on a machine that stalls; they pass only where a test fails."""


def eventually(state: Callable[[], bool]) -> None:
    """Return as soon as ``state`` holds; fail after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while not state():
        assert time.monotonic() < end, "the state was not reached in time"
        time.sleep(0.01)  # between two looks


@contextmanager
def daemon(scratch: Path, modules: Mapping[str, Path], lines: str = "") -> Iterator[int]:
    """A read-only rsync daemon for these modules; yields its port."""
    port = free_port()
    config = scratch / f"rsyncd-{port}.conf"
    text = f"use chroot = no\nmunge symlinks = no\nlog file = {scratch}/rsyncd.log\n{lines}\n"
    if os.getuid() == 0:
        text += "uid = root\ngid = root\n"
    config.write_text(text + "".join(f"[{name}]\npath = {path}\nread only = yes\n" for name, path in modules.items()))
    argv = ["rsync", "--daemon", "--no-detach", f"--config={config}", "--address=127.0.0.1", f"--port={port}"]
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: child.poll() is not None or _answers(port))
        assert child.poll() is None, "the daemon has ended"
        yield port
    finally:
        child.kill()  # asked to end, rsync thinks for nearly half a second
        child.wait()


def free_port() -> int:
    """A port where nobody listens: not one of those that the kernel gives away, or it would to the next who asks."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(max(1024, lowest // 2), max(2048, lowest))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Keyring:
    """A throw-away signing key, and the keyring that trusts it."""

    def __init__(self, home: Path) -> None:
        # gpg-agent's socket path must be short, which pytest's directories are not.
        self.home = home
        home.mkdir(mode=0o700)
        self._gpg("--quick-generate-key", "archive@example.org", "ed25519", "sign", "never")
        self.public = home / "archive.gpg"
        self._gpg("--output", str(self.public), "--export")

    def _gpg(self, *words: str) -> None:
        argv = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--yes", "--pinentry-mode", "loopback"]
        subprocess.run([*argv, "--passphrase", "", *words], check=True, stdin=subprocess.DEVNULL, capture_output=True)

    def sign(self, release: Path) -> None:
        """Write InRelease and Release.gpg beside a Release file."""
        inline, detached = release.with_name("InRelease"), release.with_name("Release.gpg")
        self._gpg("--output", str(inline), "--clearsign", str(release))
        self._gpg("--output", str(detached), "--detach-sign", "--armor", str(release))

    def detach(self, file: Path) -> None:
        """Write FILE.asc beside a file, as repositories of RPMs have it."""
        self._gpg("--output", f"{file}.asc", "--detach-sign", "--armor", str(file))

    def close(self) -> None:
        """End the agent that gpg started, and remove the key."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(self.home, ignore_errors=True)


PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": partial(gzip.compress, compresslevel=1, mtime=0),
    ".xz": partial(lzma.compress, preset=0),
}
"""The forms of an index, by their suffix."""

INDEX = "main/binary-all/Packages"
SOURCES = "main/source/Sources"


class DebianTree:
    """An archive of one suite, written as a release tool would write it.

    Its indices have the ``forms`` given; the plain one is always listed, as Debian does. ``sources`` gives each package
    a source beside it. ``date`` and ``valid_until`` (epoch seconds) are written when they are set; ``entries`` is what
    the next ``seal`` lists.
    """

    def __init__(
        self, root: Path, keyring: Keyring | None = None, forms: Sequence[str] = ("",), sources: bool = False
    ) -> None:
        self.root, self.keyring, self.forms, self.sources = root, keyring, forms, sources
        self.packages: dict[str, bytes] = {}
        self.entries: dict[str, tuple[str, int]] = {}
        self.date: float | None = None
        self.valid_until: float | None = None
        (root / "project" / "trace").mkdir(parents=True)

    def release(self, serial: str = "2026010101", **packages: str) -> None:
        """Publish a state: every package with its content, the indices, the suite's root files, the master trace."""
        self.packages |= {name: text.encode() for name, text in packages.items()}
        for name, data in self.packages.items():
            self.write(f"pool/{name}.deb", data)
            if self.sources:
                self.write(f"pool/{name}.dsc", b"Source: " + data)
        self.entries = {}
        self.index(INDEX, self.stanzas())
        if self.sources:
            self.index(SOURCES, "".join(map(self._source, sorted(self.packages))))
        self.seal()
        self.trace(serial)

    def stanzas(self) -> str:
        """The text of the index of binary packages."""
        return "".join(self._stanza(name, data) for name, data in sorted(self.packages.items()))

    def index(self, path: str, text: str) -> None:
        """Write an index of the suite in all its forms, and list it."""
        self.list(path, text.encode())
        for suffix in self.forms:
            data = PACKERS[suffix](text.encode())
            self.write(f"dists/s/{path}{suffix}", data)
            self.list(path + suffix, data)
            self.write(f"dists/s/{self.hashed(path + suffix)}", data)

    def list(self, path: str, data: bytes) -> None:
        """Have the next ``seal`` list a file of the suite as having this content."""
        self.entries[path] = (hashlib.sha256(data).hexdigest(), len(data))

    def hashed(self, path: str) -> str:
        """The by-hash name of a listed file, relative to the suite like its own."""
        return f"{path.rpartition('/')[0]}/by-hash/SHA256/{self.entries[path][0]}"

    def seal(self) -> None:
        """Write the suite's root files."""
        fields = ["Suite: s", "Acquire-By-Hash: yes"]
        fields += [f"Date: {format_datetime(datetime.fromtimestamp(self.date, UTC))}"] if self.date else []
        until = self.valid_until
        fields += [f"Valid-Until: {format_datetime(datetime.fromtimestamp(until, UTC))}"] if until else []
        entries = [f" {digest} {size} {path}" for path, (digest, size) in self.entries.items()]
        self.write("dists/s/Release", "".join(f"{line}\n" for line in [*fields, "SHA256:", *entries]).encode())
        if self.keyring:
            self.keyring.sign(self.root / "dists/s/Release")
        else:
            shutil.copy(self.root / "dists/s/Release", self.root / "dists/s/InRelease")

    def trace(self, serial: str) -> None:
        """Write the master's trace."""
        self.write("project/trace/origin", f"Thu Jan  1 00:00:00 UTC 2026\nArchive serial: {serial}\n".encode())
        master = self.root / "project/trace/master"
        if not master.is_symlink():
            master.symlink_to("origin")

    def write(self, path: str, data: bytes) -> None:
        """Replace one file."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            shutil.rmtree(target)
        if not target.exists() or target.read_bytes() != data:
            scratch = target.with_name(f".{target.name}.new")
            scratch.write_bytes(data)
            scratch.replace(target)

    @staticmethod
    def _stanza(name: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        return f"Package: {name}\nFilename: pool/{name}.deb\nSize: {len(data)}\nSHA256: {digest}\n\n"

    def _source(self, name: str) -> str:
        data = b"Source: " + self.packages[name]
        line = f"{hashlib.sha256(data).hexdigest()} {len(data)} {name}.dsc"
        return f"Package: {name}\nDirectory: pool\nChecksums-Sha256:\n {line}\n\n"


def tree(root: Path) -> dict[str, str]:
    """Every file and link below a directory, with its content or its target."""
    return {
        str(path.relative_to(root)): f"-> {path.readlink()}"
        if path.is_symlink()
        else path.read_text("utf-8", "replace")
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
