"""What a test asks of any mirror, whoever wrote its programs: its tree, its traces, its serial, whether it rests."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

from docker.models.containers import Container

from tests.harness.node import Node
from tests.stock.sample import Entry, Sample, tar

DATA: Final = "/srv/mirror"
TRACES: Final = "project/trace"

REMOVE: Final = """cd "$0" && for path in "$@"; do rm "$path" && rmdir --ignore-fail-on-non-empty "${path%/*}"; done"""
DIFFERENT: Final = re.compile(r"^(\*deleting  |[<>ch.][fdLDS].{9}) (?P<path>.+)$")


class Mirror(Node, ABC):
    """A node that holds archives below one directory, and can be reached under its name."""

    ssh_user: ClassVar[str]
    ssh_port: ClassVar[int]
    rsync_port: ClassVar[int]
    owner: ClassVar[int]

    def __init__(self, name: str, container: Container) -> None:
        super().__init__(name, container)

    @classmethod
    def downstream(cls, host: str, push: str, *archives: str, name: str = "") -> str:
        """A mirror of this kind as an entry of MIRROR_DOWNSTREAMS."""
        listed = f"&archives={','.join(archives)}" if archives else ""
        return f"{name or host}=ssh://{cls.ssh_user}@{host}:{cls.ssh_port}?push={push}{listed}"

    @classmethod
    def line(cls, host: str, push: str) -> str:
        """A mirror of this kind as a line of a stock mirror list."""
        port = f" -p {cls.ssh_port}" if cls.ssh_port != 22 else ""
        return f"{push} {host} {host} {cls.ssh_user}{port}"

    @classmethod
    def upstream(cls, host: str, archive: str) -> str:
        """A mirror of this kind as MIRROR_ARCHIVES__…__UPSTREAM."""
        return f"rsync://{host}:{cls.rsync_port}/{archive}"

    def tree(self, archive: str) -> str:
        """Where the archive is."""
        return f"{DATA}/{archive}"

    @abstractmethod
    def is_quiet(self, archive: str) -> bool:
        """Whether no run of the archive is going on and none is owed."""

    @abstractmethod
    def announce(self, archive: str, kind: str) -> str:
        """As an origin: gives the tree its next serial and pushes it, without waiting for anybody; the serial."""

    def put(
        self, directory: str, entries: Mapping[str, Entry], time: int = 0, mode: int = 0o644, owner: int | None = None
    ) -> None:
        """Writes files into an existing directory; their owner is who the node's programs run as, unless given."""
        assert self.container.put_archive(directory, tar(entries, time, self.owner if owner is None else owner, mode))

    def write(self, archive: str, sample: Sample) -> None:
        """Brings the tree of an origin from the version before to this one; nothing is announced yet."""
        self.run("mkdir", "-p", self.tree(archive), user=str(self.owner))
        self.put(self.tree(archive), sample.changed(), time=sample.time)
        if gone := sample.gone():
            self.run("sh", "-c", REMOVE, self.tree(archive), *gone)

    def has(self, archive: str, path: str) -> bool:
        """Whether something is at a path of the archive."""
        return self.exec("test", "-e", f"{self.tree(archive)}/{path}").code == 0

    def trace(self, archive: str, name: str = "") -> dict[str, str]:
        """A trace file's fields, the mirror's own by default; empty when it is not there. The date line is `""`."""
        text = self.exec("cat", f"{self.tree(archive)}/{TRACES}/{name or self.name}").out
        first, *lines = text.splitlines() or [""]
        pairs = (line.partition(":") for line in lines)
        return {"": first, **{key: value.strip() for key, _, value in pairs}} if first else {}

    def serial_of(self, archive: str) -> str:
        """The serial that the mirror's own trace carries; empty before the first complete run."""
        return self.trace(archive).get("Archive serial", "")

    def wait_carries(self, archive: str, serial: str, deadline: float = 120) -> None:
        """Returns when the mirror carries the serial and rests."""

        def look(node: Node) -> bool:
            return self.serial_of(archive) == serial and self.is_quiet(archive)

        self.wait_for(look, deadline, f"{archive} at serial {serial} (it is at {self.serial_of(archive)!r})")

    def compare(self, archive: str, upstream: Mirror, *options: str, module: str = "") -> list[str]:
        """Paths in which our tree is not the upstream's, by content, type, mode and time; only files' times count.

        `module` is where the upstream has it, when that has another name.
        """
        source = f"rsync://{upstream.name}:{upstream.rsync_port}/{module or archive}/"
        argv = ("rsync", "-nicrlptHOJ", "--delete", *options, source, f"{self.tree(archive)}/")
        found = (DIFFERENT.match(line) for line in self.run(*argv).splitlines())
        return [match["path"].partition(" -> ")[0].partition(" => ")[0] for match in found if match]
