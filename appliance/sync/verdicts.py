"""What rsync's exit codes, and what it says besides, ask of us."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from appliance.commands import MISSING, TIMED_OUT, Outcome, Verdict

_RSYNC: Final[Mapping[int, Verdict]] = {
    0: Verdict.OK,
    24: Verdict.MOVED,
    23: Verdict.MOVED,
    5: Verdict.NETWORK,
    10: Verdict.NETWORK,
    12: Verdict.NETWORK,
    20: Verdict.NETWORK,
    30: Verdict.NETWORK,
    35: Verdict.NETWORK,
    TIMED_OUT: Verdict.NETWORK,
    1: Verdict.REFUSED,
    2: Verdict.REFUSED,
    4: Verdict.REFUSED,
    6: Verdict.REFUSED,
    3: Verdict.LOCAL,
    11: Verdict.LOCAL,
    13: Verdict.LOCAL,
    14: Verdict.LOCAL,
    21: Verdict.LOCAL,
    22: Verdict.LOCAL,
    MISSING: Verdict.LOCAL,
}

_DAEMON_SAID: Final[Mapping[str, Verdict]] = {
    "auth failed": Verdict.REFUSED,
    "nknown module": Verdict.REFUSED,
    "access denied": Verdict.REFUSED,
    "max connections": Verdict.BUSY,
    "chdir failed": Verdict.BUSY,
    "chroot failed": Verdict.BUSY,
}
"""What a daemon says before it hangs up with code 5; a module whose directory is away has a volume that is."""

_OURS: Final = re.compile(
    r"^rsync: \[(?:receiver|generator|Receiver|Generator)\] .*\((?:1|5|13|24|28|30|122|116)\)$", re.MULTILINE
)
"""A file of ours: not allowed, I/O error, too many open, no space, read-only, quota, stale."""

_THEIRS: Final = re.compile(r"^rsync: \[sender\] .*\((?:1|5|13)\)$", re.MULTILINE)
"""A file of theirs that they cannot read themselves: that lasts until somebody there has seen to it."""


def rsync_verdict(outcome: Outcome) -> Verdict:
    """What an rsync exit code means for us (rsync(1), EXIT VALUES; PROTOCOL section 2.2 for the stock policy).

    Code 23 says only that something was left out; which side it was says a line above. A signal's code is negative: it
    came from this machine.
    """
    if outcome.code < 0:
        return Verdict.LOCAL
    if outcome.code == 5:
        said = (verdict for words, verdict in _DAEMON_SAID.items() if words in outcome.stderr)
        return next(said, Verdict.NETWORK)
    if outcome.code in (12, 23, 24) and _OURS.search(outcome.stderr):
        return Verdict.LOCAL
    if outcome.code == 23 and _THEIRS.search(outcome.stderr):
        return Verdict.BUSY
    return _RSYNC.get(outcome.code, Verdict.NETWORK)
