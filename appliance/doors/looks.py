"""The verbs of mirrorctl that have a look."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import introduction, log
from appliance.doors import program, screen
from appliance.doors.options import (
    AsJson,
    Deep,
    Limit,
    Local,
    Repair,
)
from appliance.joining import effective
from appliance.settings.reading import spell
from appliance.sync.quarantine import Kept, Quarantine
from appliance.sync.staging import Staging


@program.app.command()
def doctor(local: Local = False, as_json: AsJson = False) -> None:
    """Say what is wrong and how to cure it: settings, keys, disks, clock, programs, upstreams, downstreams.

    Works in a container that runs, in one whose configuration is broken, and in one that is started for nothing else.
    Changes nothing and triggers nobody. Exit status: 0 all is well, 1 warnings, 2 something does not work.
    """
    from appliance.doors import surgery  # most verbs do not need it

    sys.exit(surgery.visit(program.ENVIRON, program.PLACES, local, as_json))


@program.app.command()
def status(as_json: AsJson = False) -> None:
    """Show every archive and every downstream."""
    picture = program.ask("GET", "/api/v1/status")
    if as_json:
        print(json.dumps(picture, indent=2))
        return
    screen.show(picture)


@program.app.command()
def runs(archive: program.SomeArchive = None, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show the last runs, of one archive or of all, the newest first."""
    if archive:
        program.settings_with(archive)
    found = program.ask("GET", f"/control/runs?limit={limit}" + (f"&archive={archive}" if archive else ""))["runs"]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    from appliance.doors import glances  # most verbs do not need it

    glances.runs(found)


@program.app.command()
def logs(archive: program.ArchiveName, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Show the last log lines about an archive since the controller has started, the oldest first."""
    program.settings_with(archive)
    found = program.ask("GET", f"/control/logs/{archive}")
    if as_json:
        print(json.dumps(found["lines"][-limit:], indent=2))
        return
    for line in found["text"][-limit:]:
        print(line)


@program.app.command()
def tree(as_json: AsJson = False) -> None:
    """Show every mirror that is known of: who fetches from whom, and how far each one is behind."""
    found = program.ask("GET", "/api/v1/mirrors")["mirrors"]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    from appliance.doors import glances  # most verbs do not need it

    glances.tree(found, program.settings_in_force().name)


@program.app.command()
def verify(archive: program.ArchiveName, deep: Deep = False, repair: Repair = True, as_json: AsJson = False) -> None:
    """Hold what is on disk against its own indices, and have what does not fit fetched again.

    Signatures, the indices themselves, by-hash names; every file that the indices name, if it is here and its size.
    Exit status: 0 when everything fits, or does again; 1 when something is broken; 2 when nothing says what should be.
    """
    settings = program.settings_with(archive)
    from appliance.doors.verification import Verification  # no other verb needs it

    sys.exit(Verification(settings, program.PLACES, archive, program.ask, deep, as_json).run(repair))


@program.app.command()
def quarantine(archive: program.SomeArchive = None, as_json: AsJson = False) -> None:
    """Show why the last refused update was refused; as JSON, all that are kept."""
    settings = program.settings_with(archive) if archive else program.settings_in_force()
    names = [archive] if archive else list(settings.archives)
    kept = {name: Quarantine(Staging(program.PLACES.staging(name)).quarantine).kept() for name in names}
    if as_json:
        print(json.dumps({name: [_kept(one) for one in ones] for name, ones in kept.items()}, indent=2))
        return
    for name, ones in kept.items():
        print(_shown(ones[0]) if ones else f"{name}: nothing is kept of a refused update")


@program.app.command()
def config(as_json: AsJson = False) -> None:
    """Show every setting in force, secrets redacted, and where it comes from."""
    lines = spell(effective.read(program.ENVIRON, program.PLACES))
    if as_json:
        print(json.dumps([{"variable": e.variable, "value": e.value, "source": e.source} for e in lines], indent=2))
        return
    table = Table("variable", "value", "from", box=None)
    for one in lines:
        table.add_row(escape(one.variable), escape(one.value), escape(one.source))
    Console().print(table)


@program.app.command()
def keys(as_json: AsJson = False) -> None:
    """Show our public keys, and the lines that others need of us."""
    lines = introduction.lines(program.settings_in_force(), program.PLACES)
    if as_json:
        print(json.dumps(lines, indent=2))
        return
    print("For a downstream that is an appliance, its trigger setting:\n")
    print(f"  {lines['trigger_variable']}\n")
    print("For a downstream that runs stock ftpsync, a line of its ~/.ssh/authorized_keys:\n")
    print(f"  {lines['authorized_keys']}\n")
    print("For an upstream that is an appliance and lets us fetch by ssh, its setting:\n")
    print(f"  {lines['pull_variable']}\n")
    print("For an upstream that pins our host key, a line of its known_hosts:\n")
    print(f"  {lines['known_hosts']}")


def _kept(one: Kept) -> dict[str, Any]:
    misfits = [{"path": misfit.path, "expected": misfit.expected, "found": misfit.found} for misfit in one.misfits]
    return {"directory": str(one.directory), "refused_at": one.time, "run": one.run, "misfits": misfits}


def _shown(one: Kept) -> str:
    """The report, made safe for a terminal, and where the files are."""
    lines = ("  " * line.startswith("  ") + log.clean(line) for line in one.report.splitlines())
    return "\n".join([*lines, f"files: {one.directory}"])
