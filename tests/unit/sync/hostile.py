"""What a hostile upstream may show, and what we then hold."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

RAW = b"raw\xe9".decode("utf-8", "surrogateescape")
LINK = ": a link that leaves the archive"
KIND = ": neither file, directory nor link"
CONTROL = ": control characters in its name"
LEVELS = 300


@dataclass(frozen=True)
class Case:
    """``make`` fills an empty directory of the upstream; ``held`` is what we then have below that directory (content,
    or target behind an arrow), ``refused`` what the record lists, both relative to it."""

    make: Callable[[Path], object]
    held: dict[str, str]
    refused: tuple[str, ...] = ()


def links(**targets: str) -> Callable[[Path], None]:
    """Links by name."""

    def make(at: Path) -> None:
        for name, target in targets.items():
            (at / name).symlink_to(target)

    return make


def named(*names: str) -> Callable[[Path], None]:
    """Files that hold their own names."""

    def make(at: Path) -> None:
        for name in names:
            (at / name).parent.mkdir(parents=True, exist_ok=True)
            (at / name).write_text("x")

    return make


def strange_links(at: Path) -> None:
    (at / "a -> b").symlink_to("c -> d")
    (at / "a => b").write_text("x")
    os.link(at / "a => b", at / "z => y")


def control_links(at: Path) -> None:
    (at / "target").symlink_to("esc\x1b[2J")
    (at / "mark\x01").symlink_to("here")
    (at / "one\x07").write_text("x")
    os.link(at / "one\x07", at / "two")


def privileges(at: Path) -> None:
    (at / "suid").write_text("x")
    (at / "suid").chmod(0o6777)
    (at / "sticky").mkdir()
    (at / "sticky" / "x").write_text("x")
    (at / "sticky").chmod(0o7777)


def deep(at: Path) -> None:
    """As deep as a daemon still lists; more than Python's ways to walk a tree like."""
    for depth in range(1, LEVELS):
        (at / "/".join("d" * depth)).mkdir()


def socket_file(at: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        # A socket's path must be short, which pytest's directories are not.
        before = os.getcwd()
        os.chdir(at)
        try:
            door.bind("socket")
        finally:
            os.chdir(before)


def devices(at: Path) -> None:
    try:
        os.mknod(at / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(at / "disk", stat.S_IFBLK | 0o666, os.makedev(7, 99))
    except PermissionError:
        pytest.skip("only root makes devices")


CASES = {
    "leaves": Case(links(up="../../../../out", down="d/../../../../../out"), {}, (f"down{LINK}", f"up{LINK}")),
    "absolute": Case(links(a="/etc/passwd", b="/", c="//x"), {}, (f"a{LINK}", f"b{LINK}", f"c{LINK}")),
    "dangling": Case(links(here="nowhere", out="../../../../nowhere"), {"here": "-> nowhere"}, (f"out{LINK}",)),
    "chain": Case(links(a="b", b="../../../.."), {"a": "-> b"}, (f"b{LINK}",)),
    "chain-by-depth": Case(links(a=".", b="a/../.."), {"a": "-> ."}, (f"b{LINK}",)),
    "stays": Case(links(top="../README", next="./x"), {"top": "-> ../README", "next": "-> ./x"}),
    "arrows": Case(strange_links, {"a -> b": "-> c -> d", "a => b": "x", "z => y": "x"}),
    "fifo": Case(lambda at: os.mkfifo(at / "fifo"), {}, (f"fifo{KIND}",)),
    "socket": Case(socket_file, {}, (f"socket{KIND}",)),
    "devices": Case(devices, {}, (f"disk{KIND}", f"null{KIND}")),
    "privileges": Case(privileges, {"suid": "x", "sticky/x": "x"}),
    "control": Case(
        named("new\nline", "tab\t", "esc\x1b[2J", "del\x7f", "mark\x01", "mark\x01 -> x", "ok"),
        {"ok": "x"},
        tuple(
            f"{name}{CONTROL}"
            for name in (r"del\x7f", r"esc\x1b[2J", r"mark\x01", r"mark\x01 -> x", r"new\nline", r"tab\t")
        ),
    ),
    "control-directory": Case(named("a\rb/x", "a/x"), {"a/x": "x"}, (rf"a\rb{CONTROL}", rf"a\rb/x{CONTROL}")),
    "control-links": Case(control_links, {"two": "x"}, (rf"mark\x01{CONTROL}", rf"one\x07{CONTROL}", f"target{LINK}")),
    "no-utf-8": Case(
        named(RAW, f"{RAW}:", "ünï", "back\\#101"), {RAW: "x", f"{RAW}:": "x", "ünï": "x", "back\\#101": "x"}
    ),
}
