"""`relay.py PORT SECONDS MARK`: what the packet filter sends here goes where it was meant to go, later, each way.

A program of its own, standard library only; this kernel may have no netem. Its process id is in MARK when it listens.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from pathlib import Path

ORIGINAL_DESTINATION = 80
"""SO_ORIGINAL_DST of linux/netfilter_ipv4.h."""


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Everything from one to the other, so late, in its order; many parts may be under way."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1000)

    async def take() -> None:
        data = b"begin"
        while data:
            try:
                data = await reader.read(1 << 16)
            except OSError:
                data = b""
            await queue.put((loop.time() + seconds, data))

    taking = asyncio.create_task(take())
    try:
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                return
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        taking.cancel()
        writer.close()


async def serve(port: int, seconds: float, mark: Path) -> None:
    """Relays for ever."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted: socket.socket = writer.get_extra_info("socket")
        meant = accepted.getsockopt(socket.SOL_IP, ORIGINAL_DESTINATION, 16)
        to, host = struct.unpack_from("!2xH4s", meant)
        try:
            there = await asyncio.open_connection(socket.inet_ntoa(host), to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, there[1], seconds), copy(there[0], writer, seconds))

    async with await asyncio.start_server(relay, "127.0.0.1", port) as server:
        mark.write_text(f"{os.getpid()}\n")
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])))
