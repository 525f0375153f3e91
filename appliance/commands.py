"""The one door to other programs: argv in, Outcome out.

Every child gets an environment built from nothing, ``/dev/null`` or given bytes as standard input, a session of its own
and a deadline; at the deadline, or when the caller is cancelled, its whole process group is ended (TERM, then KILL).
Children of a caller that is killed go on until the container ends; a mark in their environment tells the next caller
whose they were.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from appliance.children import Tail, follow

MISSING: Final = 127
"""Exit code reported for a program that is not there, as a shell would."""

TIMED_OUT: Final = 124
"""Exit code reported for a program ended at its deadline, as timeout(1) would."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "HOME": "/nonexistent",
}

MARK: Final = "MIRROR_CONTROLLER"
"""The variable with which every program says who has started it."""

_marks: Final[dict[str, str]] = {}


def carry(mark: str) -> None:
    """From now on every program that ``run`` starts carries this mark."""
    _marks[MARK] = mark


class Verdict(Enum):
    """What an exit code asks of the caller."""

    OK = "ok"
    MOVED = "moved"
    """The source changed under us: plan again at once."""
    NETWORK = "network"
    """Try again later."""
    BUSY = "busy"
    """The other side has no room for us now: try again, later still."""
    REFUSED = "refused"
    """Credentials or configuration: a retry changes nothing."""
    LOCAL = "local"
    """Something on this machine, such as a full disk."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one program ended. ``stdout`` and ``stderr`` hold at most the last 64 KiB of each."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        """True for exit code 0."""
        return self.code == 0

    @property
    def last_words(self) -> str:
        """The last line the program wrote that says something, for a person."""
        lines = [line.strip() for line in (self.stderr or self.stdout).splitlines() if line.strip()]
        return lines[-1] if lines else "(it said nothing)"

    def __str__(self) -> str:
        said = "".join(f"\n    {line}" for line in self.stderr.splitlines()[-10:]) or " (none)"
        return f"{' '.join(self.argv)}: exit {self.code} after {self.seconds:.1f} s, stderr:{said}"


def run_now(
    *argv: str, input: str = "", env: Mapping[str, str] | None = None, deadline: float = 60
) -> Outcome:  # the shadowed builtin is subprocess' own word for it
    """Run a short program to its end, for the single-threaded places (boot, mirrorctl, tests).

    A missing program and a passed deadline come back as exit codes 127 and 124, never as exceptions.
    """
    import sh  # the controller never pays for this import

    started = time.monotonic()
    options: dict[str, Any] = {
        "_in": input,
        "_env": {**ENVIRONMENT, **(env or {})},
        "_timeout": deadline,
        "_timeout_signal": signal.SIGTERM,
        "_tty_out": False,
        "_decode_errors": "replace",
        "_ok_code": range(256),
        "_return_cmd": True,
    }
    try:
        done = sh.Command(argv[0])(*argv[1:], **options)
    except sh.CommandNotFound:
        return Outcome(argv, MISSING, "", f"{argv[0]}: not found", time.monotonic() - started)
    except sh.TimeoutException:
        return Outcome(argv, TIMED_OUT, "", f"ended after {deadline:g} s", time.monotonic() - started)
    except sh.SignalException as died:
        return Outcome(argv, -int(died.exit_code), "", str(died), time.monotonic() - started)
    return Outcome(argv, done.exit_code, str(done), done.stderr.decode("utf-8", "replace"), time.monotonic() - started)


async def run(
    argv: Sequence[str],
    *,
    deadline: float,
    env: Mapping[str, str] | None = None,
    feed: bytes = b"",
    on_line: Callable[[bytes], None] | None = None,
    on_error: Callable[[bytes], None] | None = None,
    on_start: Callable[[int], None] | None = None,
    memory: int = 0,
    largest: int = 0,
) -> Outcome:
    """Run a program among many others; ``on_line`` gets each line of its standard output as it comes.

    ``on_error`` gets those of its standard error, which is then not in the outcome, and ``on_start`` its process id.
    What they raise ends the program. ``memory`` limits the address space of each of its processes, ``largest`` what it
    may write to one file, in bytes; 0 does not. Never raises for what the program does: a missing program is exit code
    127, one ended at its deadline (seconds) 124.
    """
    started = time.monotonic()
    try:
        child = await _start(argv, env)
        _limit(child.pid, {resource.RLIMIT_AS: memory, resource.RLIMIT_FSIZE: largest})
    except OSError as error:
        return Outcome(tuple(argv), MISSING, "", f"{argv[0]}: {error.strerror}", time.monotonic() - started)
    if on_start:
        on_start(child.pid)
    out, err = Tail(on_line), Tail(on_error)
    code = await follow(child, out, err, feed, deadline)
    if code is None:
        code = TIMED_OUT
        err.add(f"\nended after {deadline:g} s\n".encode())
    return Outcome(tuple(argv), code, out.text, err.text, time.monotonic() - started)


async def _start(argv: Sequence[str], env: Mapping[str, str] | None) -> asyncio.subprocess.Process:
    return await _whole(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**ENVIRONMENT, **(env or {}), **_marks},
            start_new_session=True,
        )
    )


async def _whole(start: Coroutine[Any, Any, asyncio.subprocess.Process]) -> asyncio.subprocess.Process:
    """A start to its end; who is cancelled meanwhile hears of it at his next wait.

    asyncio would end the child alone, which may have begun, and started others, while we were still to hear of it.
    """
    starting, task, put_off = asyncio.ensure_future(start), asyncio.current_task(), 0
    assert task
    while not starting.done():
        try:
            await asyncio.wait((starting,))
        except asyncio.CancelledError:
            put_off += 1
            task.uncancel()
    for _ in range(put_off):
        task.cancel()
    return starting.result()


def _limit(pid: int, limits: Mapping[int, int]) -> None:
    """From now on, and without a core dump; a program that has ended already needs no limit.

    Nor does one that has a lower one already, and where the engine forbids it there is none.
    """
    wanted = {kind: most for kind, most in limits.items() if most}
    for kind, most in (wanted | {resource.RLIMIT_CORE: 0} if wanted else {}).items():
        with contextlib.suppress(OSError, ValueError):
            resource.prlimit(pid, kind, (most, most))
