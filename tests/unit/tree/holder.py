"""An ssh that holds connections: the other side of the protocol, with a script for the downstream (see house.answer).

Files in the house's directory have it die, refuse, or allow no sessions.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path


def main(root: Path, words: list[str]) -> int:
    options = dict(word.partition("=")[::2] for word in words)
    log = root / "ssh.log"

    def note(text: str) -> None:
        with log.open("a") as file:
            file.write(f"{text}\n")

    if "-N" not in words:
        host, command = words[-2:]
        note(f"{host}{command}")
        return run(root, host, command, None)
    host = words[-1]
    refusal = root / "refuse"
    if refusal.exists():
        print(refusal.read_text(), file=sys.stderr)
        return 255
    note(f"holds {host} {' '.join(words)}")
    path = Path(options["ControlPath"])

    def end(*_: object) -> None:
        path.unlink(missing_ok=True)
        note(f"ended {host}")
        os._exit(255)

    signal.signal(signal.SIGTERM, end)
    print('Authenticated to leaf ([192.0.2.1]:2222) using "publickey".', file=sys.stderr, flush=True)
    listening = socket.socket(socket.AF_UNIX)
    # As ssh does (mux.c, muxserver_listen): it has its name when it listens, not before.
    begun = path.with_name(f"{path.name}.begun")
    listening.bind(str(begun))
    listening.listen()
    begun.rename(path)
    threading.Thread(target=watch, args=(root, end), daemon=True).start()
    listening.settimeout(0.05)  # a signal that comes just before it waits is heard of only behind that
    while True:
        with suppress(TimeoutError):
            line, _ = listening.accept()
            threading.Thread(target=serve, args=(root, host, line, note, end), daemon=True).start()


def watch(root: Path, end: object) -> None:
    assert callable(end)
    while True:
        time.sleep(0.02)
        if (root / "timeout").exists():
            (root / "timeout").unlink()
            print("Timeout, server leaf not responding.\r", file=sys.stderr, flush=True)
            end()
        if (root / "die").exists() and (root / "busy").exists():
            os._exit(255)


def serve(root: Path, host: str, line: socket.socket, note: object, end: object) -> None:
    assert callable(note)
    assert callable(end)
    send(line, struct.pack(">II", 1, 4))
    assert receive(line) == struct.pack(">II", 1, 4)
    kind, number, *_ = struct.unpack(">II", (request := receive(line))[:8])
    assert kind == 0x10000002
    descriptors = [socket.recv_fds(line, 1, 1)[1][0] for _ in range(3)]
    if (root / "die").exists():
        (root / "die").unlink()
        end()
    if (root / "full").exists():
        send(line, struct.pack(">III", 0x80000003, number, 4) + b"full")
        return
    # reserved, four flags, escape character, terminal, command
    (length,) = struct.unpack(">I", request[36:40])
    command = request[40 : 40 + length].decode()
    assert request[40 + length :].endswith(b"MIRROR_ANSWER=serial")
    send(line, struct.pack(">III", 0x80000006, number, 7))
    note(f"{host}{command}")
    (root / "busy").touch()
    code = run(root, host, command, descriptors)
    (root / "busy").unlink(missing_ok=True)
    send(line, struct.pack(">III", 0x80000004, 7, code))
    for descriptor in descriptors:
        os.close(descriptor)
    line.close()


def run(root: Path, host: str, command: str, descriptors: list[int] | None) -> int:
    program = root / "answers" / host
    if not program.exists():
        return 0
    out, err = descriptors[1:] if descriptors else (None, None)
    return subprocess.run([program, command], stdout=out, stderr=err, stdin=subprocess.DEVNULL).returncode


def send(line: socket.socket, message: bytes) -> None:
    line.sendall(struct.pack(">I", len(message)) + message)


def receive(line: socket.socket) -> bytes:
    (length,) = struct.unpack(">I", line.recv(4, socket.MSG_WAITALL))
    return line.recv(length, socket.MSG_WAITALL)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
