"""The forced command: what a trigger key can do, and all it can do. Standard library only, starts in about 13 ms.

sshd runs it as ``mirror-trigger KEY ARCHIVE,ARCHIVE,... [background] STAMP`` from the key's line in authorized_keys:
the key's name, the archives it may trigger, the one an empty archive name means in front, and a stamp of the line.
"""

from __future__ import annotations

import os
import sys
import time

from appliance import words
from appliance.doors import inbox

DEADLINE = 7 * 24 * 3600.0
"""Seconds after which even the longest first sync is no longer waited for; the request stays accepted."""

PARTING = 0.5
"""Seconds behind an answer until the connection that it went over is ended: what was said has gone out by then."""

AUTHORIZED = "/run/mirror/authorized_keys"

_SIGTERM = 15
"""As POSIX has it (kill(1)); the module that says so takes 5 ms to import."""


class Refusal(Exception):
    """The trigger is not accepted: the exit code and the one line that says why."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def choose(command: str, allowed: list[str]) -> words.Order:
    """What to request for this command; raises Refusal. The archive of the order is one of ``allowed``."""
    if len(command) > words.LONGEST:
        raise Refusal(words.USAGE, f"a trigger of {len(command)} characters is too long, at most {words.LONGEST}")
    order = words.parse(command)
    if not order.understood:
        shown = words.printable(order.ignored[0])
        raise Refusal(words.USAGE, f"{shown!r} is no trigger word; say sync:all, sync:stage1 or sync:stage2")
    order.archive = order.archive or allowed[0]
    if order.archive not in allowed:
        shown = words.printable(order.archive)
        raise Refusal(words.UNKNOWN_ARCHIVE, f"no archive {shown!r} for this key; it may trigger: {', '.join(allowed)}")
    return order


def main(argv: list[str], environ: dict[str, str]) -> int:
    """Accept one trigger and wait until the stage it asked for is finished; returns the exit code.

    With ``background`` behind the archives every command means ``sync:all``, and is answered at once: what Ubuntu's
    pushers expect of ``command="archive-sync &"``.
    """
    key, allowed, background = argv[1], argv[2].split(","), "background" in argv[3:]
    command = environ.get("SSH_ORIGINAL_COMMAND", "")
    if not _is_current(argv):
        return _hang_up()
    if command.strip() == "true":
        return words.DONE
    peer = environ.get("SSH_CONNECTION", "").partition(" ")[0]
    try:
        code, text = _serve(
            _meant(command) if background else command, allowed, f"{key} {peer}".strip(), not background
        )
    except Refusal as refusal:
        code, text = refusal.code, str(refusal)
    except TimeoutError:
        code, text = words.TEMPORARY, "accepted, but not done yet; nobody waits any longer"
    except OSError as error:
        code, text = words.TEMPORARY, f"cannot take the trigger: {error.strerror or error}; try again"
    except inbox.Gone:
        return words.DONE
    if text and (code or environ.get(words.ASKS) == words.ASKS_FOR):
        print(text, file=sys.stderr if code else sys.stdout, flush=True)
    return code


def _is_current(argv: list[str]) -> bool:
    """Whether the key's line is the one that let this connection in: sshd looks at it once, a client may keep it."""
    try:
        with open(AUTHORIZED) as lines:
            return f'command="exec {" ".join(argv)}",' in lines.read()
    except OSError:
        return False


def _hang_up() -> int:
    """End the connection behind the answer: whoever still has a key that is let in comes back with a new one."""
    print(words.CONNECT_AGAIN, file=sys.stderr, flush=True)
    # sshd's process for this connection, as the shell between has made way. What else runs at its end goes on.
    connection = os.getppid()
    if not _is_sshd(connection):  # the client hung up before, and whoever takes orphans is our parent now
        return words.TEMPORARY
    if not os.fork():
        # Who holds its outputs keeps the session open.
        os.closerange(0, 3)
        time.sleep(PARTING)
        os.kill(connection, _SIGTERM)
        os._exit(0)
    return words.TEMPORARY


def _is_sshd(process: int) -> bool:
    try:
        with open(f"/proc/{process}/comm") as name:
            return name.read().startswith("sshd")
    except OSError:
        return False


def _meant(command: str) -> str:
    """What a key that works in the background is taken to say: what it says, if it says anything we know."""
    return command if len(command) <= words.LONGEST and words.parse(command).understood else ""


def _serve(command: str, allowed: list[str], by: str, wait: bool) -> tuple[int, str]:
    order = choose(command, allowed)
    for word in order.ignored[:10]:
        print(f"Unknown option {words.printable(word)} ignored", flush=True)
    id = inbox.leave(inbox.STATE, order.archive, order.stage, "ssh", by, order.mhop, order.callback)
    if wait:
        return inbox.wait(inbox.DOOR, id, DEADLINE)
    inbox.knock(inbox.DOOR, id)
    return words.DONE, ""


if __name__ == "__main__":
    sys.exit(main(sys.argv, dict(os.environ)))
