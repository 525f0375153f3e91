"""What mirrorctl's exit statuses mean: one table for its help and the README."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXITS: Final[Mapping[str, str]] = {
    "0": "done; `verify`: everything fits; `doctor`: all is well",
    "1": "it failed, standard error says why; `verify`: something is broken; `doctor`: warnings; "
    "`join`: not let in; "
    "`notify`: not all were reached",
    "2": "no such verb or option; `verify`: nothing says what should be; `doctor`: something does not work",
    "78": "the configuration cannot be used, or there is no such archive",
    "130": "interrupted while waiting: the run goes on",
    "others": "`sync --wait` and `publish --wait`: what a pusher would get of the run, 3 when its first stage failed, "
    "4 when its second did, or the status of the hook that failed it",
}


def spelled() -> str:
    """The table for a terminal; an empty line between two keeps them apart."""
    rows = (f"{status}: {meaning.replace('`', '')}" for status, meaning in EXITS.items())
    return "\n\n".join(["Exit status:", *rows])


def table() -> str:
    """The same for the README."""
    rows = (f"| {status} | {meaning} |\n" for status, meaning in EXITS.items())
    return "".join(["| status | meaning |\n|---|---|\n", *rows])
