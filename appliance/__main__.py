"""The verbs of the container's processes, and the exit status of each. Imports are lazy: each verb pays for its own."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time

from appliance.errors import ApplianceError, ConfigurationError
from appliance.lines import machine
from appliance.places import Places


def _boot() -> int:
    from appliance import ports
    from appliance.container.boot import boot

    boot(os.environ, Places(), ports.PLAIN, ports.TLS)
    # A new interpreter: what boot imported would stay in memory for ever.
    os.execv(sys.executable, [sys.executable, "-I", "-m", "appliance", "keeper"])


def _keeper() -> int:
    from appliance.container.keeper import keep

    return keep(Places())


def _failstop() -> int:
    from appliance.container.failstop import listen

    # To be ended with the others is a success, and supervisord then has nothing to report.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    listen(Places())
    return 0


def _controller() -> int:
    from appliance.serve import serve

    return serve(os.environ, Places())


def _variables() -> int:
    from appliance.settings.reference import table

    print(table(), end="")
    return 0


def _example() -> int:
    from appliance.settings.reference import example

    print(example(), end="")
    return 0


FULL = (errno.ENOSPC, errno.EDQUOT)
"""What has a cure that is not ours, and needs no traceback."""

VERBS = {
    "boot": _boot,
    "keeper": _keeper,
    "failstop": _failstop,
    "controller": _controller,
    "variables": _variables,
    "example": _example,
}


ALONE = ("import", "doctor", "backup", "restore")
"""The verbs of mirrorctl that need no running container."""


def main(argv: list[str]) -> int:
    """The exit status of a verb; an expected error is told in its own words."""
    if argv[1:2] and argv[1] in ALONE:
        from appliance.doors import cli

        cli.main(argv[1:])
        return 0
    if len(argv) != 2 or argv[1] not in VERBS:
        print(f"usage: python3 -m appliance {'|'.join(VERBS)}|{'|'.join(ALONE)}", file=sys.stderr)
        return 64
    try:
        return VERBS[argv[1]]()
    except ConfigurationError as error:
        _tell(error)
        return error.exit_code
    except ApplianceError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if error.errno not in FULL:
            raise
        print(f"{error.filename or _fullest(Places())}: {error.strerror}\n  make room on the volume", file=sys.stderr)
        return os.EX_IOERR


def _fullest(places: Places) -> str:
    """Where there is least room: who cannot write to an open file is not told to which."""
    from appliance import space

    return os.fspath(space.fullest((places.run, places.state, places.data)))


def _tell(error: ConfigurationError) -> None:
    """Every problem, a line of fact and one of cure; one line each for programs that read the log."""
    if os.environ.get("MIRROR_LOG_FORMAT") == "json":
        for one in error.problems:
            facts = {"variable": one.variable, "fact": one.fact, "cure": one.cure}
            print(machine(time.time(), "error", "push-mirror cannot start", facts), file=sys.stderr)
        return
    count = len(error.problems)
    print(f"push-mirror cannot start, {count} problem{'s' * (count > 1)}:\n{error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
