"""What must be true of a mirror of ours when it has nothing left to do, whatever happened to it before."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tests.chaos.hands import Hands
from tests.chaos.web import ARCHIVE, Web
from tests.harness.shell import WORDS
from tests.stock import Mirror

LEFT: Final = rf"""
cd /srv/mirror
find {ARCHIVE} -name '.*' ! -name . -print
find .staging/{ARCHIVE} -mindepth 1 ! -path '*/quarantine*' ! -path '*/journal*' ! -type d -print
find .staging/{ARCHIVE} \( -name 'replaced*' -o -path '*/journal*/.*' \) -print
cd /var/lib/mirror
find inbox notes -mindepth 1 -print
find scan journal -mindepth 1 \( -name '.*' -o -name '*.fresh' -o -name NEXT \) -print
find /tmp -mindepth 1 ! -name 'hsperf*' -print
"""
"""Prints every file that is nobody's."""

EXPECTED: Final = re.compile(
    r"tini|appliance|supervisord|nginx: |sshd(-session)?: |/usr/sbin/sshd |rsync --daemon --no-detach|ssh: \S+ \[mux\]|"
    r"ssh .* ControlMaster=yes .* -N |"
    r"mirror-health|appliance/container/health|" + " ".join(WORDS)
)
"""What a mirror of ours that rests may run: its programs, kept connections at both ends, the engine's look and ours."""

FAULT: Final = re.compile(r"hit a fault|Traceback|assert", re.IGNORECASE)


def left_over(node: Mirror) -> list[str]:
    """Files that nobody needs, and nobody will remove."""
    return node.exec("sh", "-c", LEFT).out.splitlines()


def strays(hands: Hands, node: Mirror) -> list[str]:
    """Processes of a resting mirror that should have ended."""
    return [process.args for process in hands.processes(node) if not EXPECTED.search(process.args)]


def faults(node: Mirror, since: float) -> list[str]:
    """Lines of its log in which the product admits a fault of its own."""
    lines = node.container.logs(since=since).decode(errors="replace").splitlines()
    return [line for line in lines if FAULT.search(line)]


def owed(web: Web) -> list[str]:
    """What one of ours says is still to be done, or wrong."""
    status = web.status()
    found = [f"{name}: {state['error']}" for name, state in status.get("archives", {}).items() if state["error"]]
    for name, told in status.get("downstreams", {}).items():
        found += [f"{name}: {one['state']} {one['error']}" for one in told.values() if one["state"] != "delivered"]
    return found


def paths(node: Mirror) -> set[str]:
    """Every file and link of the archive, traces aside."""
    wanted = ("-not", "-type", "d", "-not", "-path", "*/project/trace/*", "-printf", r"%P\n")
    return set(node.run("find", node.tree(ARCHIVE), *wanted).splitlines())


def gone(before: Iterable[str], node: Mirror) -> list[str]:
    """What was there and is not any more."""
    return sorted(set(before) - paths(node))


def differing(node: Mirror, origin: Mirror) -> list[str]:
    """Paths that the origin has and a mirror has not, or otherwise."""
    source = f"rsync://{origin.name}:{origin.rsync_port}/{ARCHIVE}/"
    options = ("-nrlc", "--out-format=%n", "--exclude=/project/trace/")
    listed = node.exec("rsync", *options, source, f"{node.tree(ARCHIVE)}/")
    if listed.code:
        return [f"cannot be compared: {listed.err.strip()}"]
    return [path for path in listed.out.splitlines() if not path.endswith("/")]
