"""What must change, from what an upstream's journal says has changed: the other planner beside the walk."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from appliance.sync.changes import Change
from appliance.sync.choice import Choice
from appliance.sync.count import nobody
from appliance.sync.journal.delta import Step
from appliance.sync.plan import Plan
from appliance.sync.profile import HIERARCHY, UPDATING, Kind, Profile, kind_of
from appliance.sync.reader import Reader
from appliance.sync.standing import Ground, Standing


def plan_of(
    steps: Iterable[Step],
    tree: Path,
    profile: Profile,
    hidden: Choice,
    paths: int,
    heed: Callable[[str], None] = nobody,
) -> Plan:
    """The plan that a walk would make, of these paths only.

    ``hidden`` is what a walk would not see: our own traces, what we chose not to carry; ``paths`` is how many there are
    upstream. ``heed`` is told of each path that is to be replaced.
    """
    ground, reader = Ground(tree), Reader(profile, tree, heed)
    present: set[str] = set()
    for step in steps:
        standing = Standing.NOTHING if ground.bars(step.path) else ground.at(step.path)
        # A flag that was up at a publication says nothing of the tree as it is now; the publication itself is whole.
        if step.path.startswith(UPDATING) or hidden.excludes(step.path, directory=step.op == "d"):
            continue
        if _is_done(step, standing, tree, profile):
            present.update([step.path] if step.op != "-" else [])
        elif step.op == "-":
            reader.gone(step.path)
        else:
            reader.take(_change(step, standing), step.other if step.op == "l" else None)
    reader.seen = paths
    return replace(reader.plan(), whole=False, present=frozenset(present))


def _is_done(step: Step, standing: Standing, tree: Path, profile: Profile) -> bool:
    """Whether the tree is as the step wants it."""
    match step.op:
        case "-":
            return standing is Standing.NOTHING or step.path == HIERARCHY
        case "d":
            return standing is Standing.DIRECTORY
        case "+":
            return standing is Standing.OTHER and _is_held(tree, step, profile)
    return False


def _change(step: Step, standing: Standing) -> Change:
    leader = step.other if step.op == "+" else None
    return Change(step.path, step.size, standing is Standing.NOTHING, directory=step.op == "d", leader=leader)


def _is_held(tree: Path, step: Step, profile: Profile) -> bool:
    """Whether we have payload already: by size and time, as a walk decides; indices are not trusted to these."""
    if kind_of(profile, step.path) is not Kind.PAYLOAD:
        return False
    held = (tree / step.path).lstat()
    return stat.S_ISREG(held.st_mode) and (held.st_size, int(held.st_mtime)) == (step.size, step.time)
