"""Until when what an archive carries is valid: its suites' Valid-Until, of what is in the tree."""

from __future__ import annotations

import posixpath

from appliance import clock
from appliance.places import Places
from appliance.store import Store
from appliance.sync.prune import below_link


def ends(store: Store, places: Places, archive: str) -> dict[str, float]:
    """The root files that have an end, and when that is (epoch seconds), in the order of their paths."""
    tree = places.archive(archive)
    known = ((path, until) for path, until in store.roots(archive).items() if until is not None)
    return {path: until for path, until in known if (tree / path).is_file() and not below_link(tree, path)}


def remarks(ends: dict[str, float], now: float) -> list[str]:
    """A line for people about every suite that has expired, told of the file that apt reads first."""
    late = {posixpath.dirname(path): path for path in sorted(ends, reverse=True) if ends[path] < now}
    return [
        f"{path} expired {clock.minute(ends[path])}: apt refuses it until the upstream renews it"
        for _, path in sorted(late.items())
    ]
