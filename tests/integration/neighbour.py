"""What the bad neighbours of a mirror do, in a container of their own, with nothing but the standard library.

It says on standard output what it was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PROXY, REFUSING, SILENT, DRIBBLING, HTTP = 3128, 3129, 7000, 7001, 8000
"""An HTTP proxy, one that allows nothing, who accepts and says nothing, who never ends, a downstream by HTTP."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def head(reader: asyncio.StreamReader) -> str:
    """The first line of a request, whose headers are read too; it is told."""
    first, *_ = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    print(first, flush=True)
    return first


async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(1 << 16):
        target.write(data)
        await target.drain()
    target.write_eof()


async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, _, port = (await head(reader)).split()[1].rpartition(":")
    behind, towards = await asyncio.open_connection(host, int(port))
    writer.write(b"HTTP/1.0 200 Connection established\r\n\r\n")
    await asyncio.gather(copy(reader, towards), copy(behind, writer))


async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(b"HTTP/1.0 403 Forbidden\r\n\r\n")


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def dribbling(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: to come\r\n")
        await writer.drain()
        await asyncio.sleep(0.2)


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


async def listen(port: int, serve: Serve) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    await (await asyncio.start_server(answer, "", port)).serve_forever()


async def main() -> None:
    ports = {PROXY: proxy, REFUSING: refusing, SILENT: silent, DRIBBLING: dribbling, HTTP: http}
    await asyncio.gather(*(listen(port, serve) for port, serve in ports.items()))


if __name__ == "__main__":
    asyncio.run(main())
