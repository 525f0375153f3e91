"""`mirrorctl publish ARCHIVE`, as release tools say it: everybody below waits for it, so it needs next to nothing.

The whole of mirrorctl takes 0.3 seconds to start, this 0.05. Standard library only, few imports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appliance.doors import inbox


def announced(
    words: Sequence[str], environ: Mapping[str, str], place: str = inbox.STATE, door: str = inbox.DOOR
) -> bool:
    """Whether that was all that was asked for, and is accepted; if not, the whole of mirrorctl has to answer."""
    if len(words) != 2 or words[0] != "publish" or not _begins_here(words[1], environ):
        return False
    try:
        id = inbox.leave(place, words[1], "all", "cli", "mirrorctl")
    except OSError:
        return False
    inbox.knock(door, id)
    print("accepted")
    return True


def _begins_here(archive: str, environ: Mapping[str, str]) -> bool:
    """Beyond doubt: what stands in a file, or is spelled otherwise, is for who reads all settings."""
    plain = archive == archive.lower() and "_" not in archive
    variable = f"MIRROR_ARCHIVES__{archive.replace('-', '_').upper()}__UPSTREAM"
    return plain and environ.get(variable) == "none"
