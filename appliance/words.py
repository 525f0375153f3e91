"""The ``sync:`` vocabulary of push mirroring, parsed and written in one place (PROTOCOL sections 1.1 and 1.2).

Imported by the forced command on every trigger: no imports here.
"""

from __future__ import annotations

CARRIES = "serial"
"""The word in front of the serial that an appliance tells, when all is done, a pusher that asks for it; behind that
comes the URL where users find the archive there, if there is one."""

ASKS, ASKS_FOR = "MIRROR_ANSWER", CARRIES
"""The environment variable, and its value, by which a pusher asks; stock's sshd takes no notice of it."""

CONNECT_AGAIN = "the line of this key has changed; connect again"
"""What a trigger is told, with TEMPORARY, that came over a connection which its key may open no more as it was."""

FETCHES, NOBODY = "fetch ", "-"
"""How a line at the controller's door begins that tells who fetches from us, and the user where none was asked for."""

LONGEST = 4096
"""Bytes of a trigger command that are looked at; the longest one in the wild is under 100."""

DONE, REFUSED, STAGE1_FAILED, STAGE2_FAILED, USAGE, TEMPORARY, UNKNOWN_ARCHIVE = 0, 1, 3, 4, 64, 75, 78
"""Exit codes a pusher may see: stock's own (PROTOCOL section 1.3), and sysexits' 75 for "not now"."""


class Order:
    """What a trigger command asks for.

    ``archive`` is "" for the default one; ``stage`` is ``stage1``, ``stage2`` or ``all``; ``ignored`` are the words
    nobody understands; ``understood`` is False when there were words and every one of them was ignored.
    """

    __slots__ = ("archive", "callback", "ignored", "mhop", "stage", "understood")

    def __init__(self, archive: str, stage: str, mhop: bool, callback: bool, ignored: list[str], words: int) -> None:
        self.archive = archive
        self.stage = stage
        self.mhop = mhop
        self.callback = callback
        self.ignored = ignored
        self.understood = not words or len(ignored) < words


def parse(command: str) -> Order:
    """Read a trigger command: words in any order, the last one of a kind wins, unknown ones are collected.

    Nothing is expanded and nothing raises: whatever comes over the wire is only ever compared with known words.
    """
    words = command.split()
    if words and words[0] == "ftpsync":
        del words[0]
    archive, stages, everything, mhop, callback, ignored = "", set(), False, False, False, []
    for word in words:
        if word.startswith("sync:archive:"):
            archive = word[len("sync:archive:") :]
        elif word in ("sync:stage1", "sync:stage2"):
            stages.add(word[len("sync:") :])
            everything = False
        elif word == "sync:all":
            everything = True
        elif word == "sync:mhop":
            mhop = True
        elif word == "sync:callback":
            callback = True
        else:
            ignored.append(word)
    stage = stages.pop() if len(stages) == 1 and not everything else "all"
    return Order(archive, stage, mhop, callback, ignored, len(words))


def write(archive: str, stage: str, mhop: bool = False) -> str:
    """The command a pusher sends: one argument of ssh, with the leading space stock sends."""
    return f" sync:archive:{archive}{' sync:mhop' if mhop else ''} sync:{stage}"


def printable(word: str) -> str:
    """A foreign word as it may be shown: visible ASCII, at most 60 characters."""
    shown = "".join(letter if " " < letter <= "~" else "?" for letter in word)
    return shown if len(shown) <= 60 else shown[:57] + "..."
