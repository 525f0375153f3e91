"""A long line between two network namespaces: a rate, a delay each way, a bounded queue.

    python -m tests.bench.relay NEAR FAR --rate 1000 --delay 25

Each end is a TUN device in its namespace; this process carries packets between them. TCP stays end to end: windows,
congestion control and losses are those of the two kernels, so one connection gets what it would get on such a path. A
relay that accepts connections and makes its own would hide that. Packets pass as the kernel's offloads leave them, up
to 64 KiB at once, which is what makes a gigabit per second possible here; each counts as the frames that it would be.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

NEAR_ADDRESS: Final = "10.111.0.1"
FAR_ADDRESS: Final = "10.111.0.2"
READY: Final = "ready"

_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_DEVICE: Final = 0x0001 | 0x1000 | 0x4000
"""IFF_TUN, IFF_NO_PI, IFF_VNET_HDR (linux/if_tun.h)."""
_OFFLOADS: Final = 0x01 | 0x02
"""TUN_F_CSUM, TUN_F_TSO4."""
_HEADER: Final = struct.Struct("=BBHHHH")
"""virtio_net_hdr: flags, kind, length of the headers, segment size, and two about the checksum."""
_FRAME: Final = 14 + 4 + 20
"""Bytes of Ethernet around each packet: header, checksum, preamble and gap."""
_LARGEST: Final = 1 << 17
_QUEUE: Final = 0.06
"""Seconds of the line's rate that wait at most; what comes then is dropped."""


@dataclass(slots=True)
class Way:
    """One direction, from the device of one end to that of the other; ``rate`` is bytes per second."""

    source: int
    target: int
    rate: float
    delay: float
    free: float = 0.0
    dropped: int = 0
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)

    def take(self, now: float) -> None:
        """Everything that has come in."""
        while True:
            try:
                packet = os.read(self.source, _LARGEST)
            except BlockingIOError:
                return
            start = max(now, self.free)
            if start - now > _QUEUE:
                self.dropped += 1
                continue
            self.free = start + wire_size(packet) / self.rate
            self.waiting.append((self.free + self.delay, packet))

    def give(self, now: float) -> None:
        """Everything whose time has come."""
        while self.waiting and self.waiting[0][0] <= now:
            try:
                os.write(self.target, self.waiting.popleft()[1])
            except OSError:  # the other end is full, or has gone down
                self.dropped += 1


def wire_size(packet: bytes) -> int:
    """Bytes on the wire of what the kernel hands over as one."""
    fields: tuple[int, ...] = _HEADER.unpack_from(packet)
    _, kind, headers, segment, _, _ = fields
    size = len(packet) - int(_HEADER.size)
    if not kind or not segment:
        return size + _FRAME
    return size + _FRAME + max(0, -(-(size - headers) // segment) - 1) * (headers + _FRAME)


def device(name: str, namespace: str, address: str, peer: str) -> int:
    """A TUN device in the namespace, with its address; returns the file on which its packets are."""
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _DEVICE))
    fcntl.ioctl(file, _TUNSETOFFLOAD, _OFFLOADS)
    inside = ["ip", "-n", namespace]
    for argv in (
        ["ip", "link", "set", name, "netns", namespace],
        [*inside, "addr", "add", address, "peer", peer, "dev", name],
        [*inside, "link", "set", name, "mtu", "1500", "txqueuelen", "10000", "up"],
    ):
        subprocess.run(argv, check=True)
    return file


def carry(near: int, far: int, rate: float, delay: float) -> None:
    """Until it is ended; ``rate`` is bytes per second, ``delay`` seconds each way."""
    ways = Way(near, far, rate, delay), Way(far, near, rate, delay)
    while True:
        now = time.monotonic()
        next_one = min((way.waiting[0][0] for way in ways if way.waiting), default=now + 1)
        ready, _, _ = select.select([near, far], [], [], max(0.0, next_one - now))
        now = time.monotonic()
        for way in ways:
            if way.source in ready:
                way.take(now)
            way.give(now)


def main(words: list[str]) -> int:
    """Says that it is ready on standard output; ends when it is ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.relay", description=__doc__)
    parser.add_argument("near")
    parser.add_argument("far")
    parser.add_argument("--rate", type=float, default=1000.0, help="Mbit/s")
    parser.add_argument("--delay", type=float, default=25.0, help="milliseconds each way")
    chosen = parser.parse_args(words)
    near = device(f"near{os.getpid()}", chosen.near, NEAR_ADDRESS, FAR_ADDRESS)
    far = device(f"far{os.getpid()}", chosen.far, FAR_ADDRESS, NEAR_ADDRESS)
    print(READY, flush=True)
    carry(near, far, chosen.rate * 1e6 / 8, chosen.delay / 1e3)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
