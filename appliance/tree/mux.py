"""A session over a connection that an ssh of ours holds, in ssh's own protocol (OpenSSH, PROTOCOL.mux, version 4).

What ``ssh -S SOCKET host command`` does, without a process of its own: of a trigger's CPU time that is nine tenths.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

from appliance.children import TAIL

HELLO: Final = 0x00000001
NEW_SESSION: Final = 0x10000002
EXIT_MESSAGE: Final = 0x80000004
SESSION_OPENED: Final = 0x80000006
VERSION: Final = 4

_NO_ESCAPE: Final = 0xFFFFFFFF
_LONGEST: Final = 1 << 16
"""Bytes of a message; those that we are sent are shorter than a hundred."""


class NotOpened(Exception):
    """No session has begun: the command was not sent to anybody."""


class Full(NotOpened):
    """The other side allows no more sessions on this connection."""


class BrokenOff(Exception):
    """The session ended without an exit code: with the connection, or its command was killed."""


async def session(
    socket_path: Path, command: str, opened: Callable[[], None], environment: Mapping[str, str]
) -> tuple[int, str]:
    """Run a command without input; returns its exit code, and the last 64 KiB of what it wrote to either output.

    Of ``environment`` the command gets what the other side's sshd lets pass. ``opened`` is called when the other side
    has answered and has been sent the command. When the caller is cancelled the session is closed. Raises NotOpened and
    BrokenOff.
    """
    async with _line(socket_path) as line, _pipe() as (pipe, output):
        try:
            await _request(line, command, pipe, environment)
        finally:
            os.close(pipe)
        kind, _, _ = await _answer(line)
        if kind != SESSION_OPENED:
            raise Full
        opened()
        reading = asyncio.create_task(_read(output))
        try:
            code = await _exit_code(line)
            return code, (await reading).decode("utf-8", "replace")
        finally:
            reading.cancel()


@asynccontextmanager
async def _line(path: Path) -> AsyncIterator[socket.socket]:
    """A connection to the holder, both hellos said."""
    with closing(socket.socket(socket.AF_UNIX)) as line:
        line.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(line, str(path))
        except OSError as error:
            raise NotOpened(error.strerror) from None
        await _send(line, struct.pack(">II", HELLO, VERSION))
        hello = await _answer(line)
        if hello[:2] != (HELLO, VERSION):
            raise NotOpened("it speaks another version")
        yield line


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[int, asyncio.StreamReader]]:
    """A pipe's end to write into, which the caller closes, and a stream of what comes out of it."""
    source, sink = os.pipe()
    loop, output = asyncio.get_running_loop(), asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(output), os.fdopen(source, "rb"))
    try:
        yield sink, output
    finally:
        transport.close()


async def _request(line: socket.socket, command: str, output: int, environment: Mapping[str, str]) -> None:
    """Ask for a session without terminal, forwarding or escape character, and hand over what it writes to."""
    flags = struct.pack(">4I", 0, 0, 0, 0)
    words = _text("") + flags + struct.pack(">I", _NO_ESCAPE) + _text("") + _text(command)
    words += b"".join(_text(f"{name}={value}") for name, value in environment.items())
    await _send(line, struct.pack(">II", NEW_SESSION, 0) + words)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        for descriptor in (nothing, output, output):
            socket.send_fds(line, [b"\0"], [descriptor])
    except OSError as error:
        raise NotOpened(error.strerror) from None
    finally:
        os.close(nothing)


def _text(text: str) -> bytes:
    return struct.pack(">I", len(text.encode())) + text.encode()


async def _send(line: socket.socket, message: bytes) -> None:
    try:
        await asyncio.get_running_loop().sock_sendall(line, struct.pack(">I", len(message)) + message)
    except OSError as error:
        raise NotOpened(error.strerror) from None


async def _answer(line: socket.socket) -> tuple[int, int, int]:
    """The first three numbers of the next message; raises NotOpened at the end of the line."""
    try:
        length = struct.unpack(">I", await _exactly(line, 4))[0]
        if not 4 <= length <= _LONGEST:
            raise NotOpened("it does not speak the protocol")
        message = (await _exactly(line, length)).ljust(12, b"\0")
    except (EOFError, OSError):
        raise NotOpened("the connection has ended") from None
    kind, first, second = struct.unpack(">3I", message[:12])
    return kind, first, second


async def _exactly(line: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = await asyncio.get_running_loop().sock_recv(line, count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


async def _exit_code(line: socket.socket) -> int:
    """What the command ended with. The line's end says that all of its output has come."""
    code: int | None = None
    try:
        while True:
            kind, _, value = await _answer(line)
            code = value if kind == EXIT_MESSAGE else code
    except NotOpened:
        if code is None:
            raise BrokenOff from None
        return code


async def _read(output: asyncio.StreamReader) -> bytes:
    kept = b""
    while part := await output.read(TAIL):
        kept = (kept + part)[-TAIL:]
    return kept
