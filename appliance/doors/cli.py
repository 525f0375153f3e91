"""mirrorctl: what a person or a release tool says to the appliance, from inside the container."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import introduction, log, words
from appliance.doors import asking, exits, inbox, screen, waiting
from appliance.doors.asking import die
from appliance.doors.options import (
    AsJson,
    Deep,
    Deletes,
    DryRun,
    EndAsJson,
    Full,
    Limit,
    Local,
    Quiet,
    Repair,
    Rollback,
    Shell,
    Wait,
)
from appliance.errors import ApplianceError
from appliance.places import Places
from appliance.settings import Settings, explain, load, read
from appliance.sync.fetch import Staging
from appliance.sync.quarantine import Kept, Quarantine

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__, epilog=exits.spelled()
)
PLACES = Places()
_COMPLETES = "_MIRRORCTL_COMPLETE"
"""The variable by which a shell asks for words."""


def _archives(incomplete: str) -> list[str]:
    """The names that a shell completes; also those of a configuration that is broken elsewhere."""
    return [name for name in read(os.environ).settings.archives if name.startswith(incomplete)]


_NAME = "Name of an archive, as in MIRROR_ARCHIVES__NAME__…."
ArchiveName = Annotated[str, typer.Argument(help=_NAME, autocompletion=_archives)]
SomeArchive = Annotated[str | None, typer.Argument(help="Only this archive.", autocompletion=_archives)]


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show every archive and every downstream."""
    picture = _ask("GET", "/api/v1/status")
    if as_json:
        print(json.dumps(picture, indent=2))
        return
    screen.show(picture)


@app.command()
def sync(
    archive: ArchiveName,
    wait: Wait = False,
    allow_deletes: Deletes = False,
    allow_rollback: Rollback = False,
    full: Full = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: EndAsJson = False,
) -> None:
    """Sync an archive with its upstream now."""
    if dry_run:
        _forecast(archive, full, as_json)
        return
    _request(archive, wait, quiet, as_json, origin=False, deletes=allow_deletes, rollback=allow_rollback, full=full)


@app.command()
def publish(archive: ArchiveName, wait: Wait = False, quiet: Quiet = False, as_json: EndAsJson = False) -> None:
    """At an origin, after writing the tree: give it its next serial and push it."""
    _request(archive, wait, quiet, as_json, origin=True)


@app.command()
def push(
    archive: ArchiveName,
    downstream: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell downstreams about what is published, also those who know."""
    told = _ask("POST", "/control/push", {"archive": archive, "downstream": downstream})
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        print(f"telling {', '.join(told['downstreams'])}; `mirrorctl status` shows how it goes")


@app.command()
def pause(archive: ArchiveName, as_json: AsJson = False) -> None:
    """Let an archive rest: triggers are accepted and wait, also over a restart. The run that is under way goes on."""
    _switch("pause", archive, as_json, "paused, requests wait from now on", "was paused already")


@app.command()
def resume(archive: ArchiveName, as_json: AsJson = False) -> None:
    """Serve a paused archive again, first of all what has waited."""
    _switch("resume", archive, as_json, "resumed", "was not paused")


@app.command()
def runs(archive: SomeArchive = None, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show the last runs, of one archive or of all, the newest first."""
    if archive:
        _settings_with(archive)
    found = _ask("GET", f"/control/runs?limit={limit}" + (f"&archive={archive}" if archive else ""))["runs"]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    from appliance.doors import glances  # most verbs do not need it

    glances.runs(found)


@app.command()
def logs(archive: ArchiveName, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Show the last log lines about an archive since the controller has started, the oldest first."""
    _settings_with(archive)
    found = _ask("GET", f"/control/logs/{archive}")
    if as_json:
        print(json.dumps(found["lines"][-limit:], indent=2))
        return
    for line in found["text"][-limit:]:
        print(line)


@app.command()
def tree(as_json: AsJson = False) -> None:
    """Show every mirror that is known of: who fetches from whom, and how far each one is behind."""
    found = _ask("GET", "/api/v1/mirrors")["mirrors"]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    from appliance.doors import glances  # most verbs do not need it

    glances.tree(found, load(os.environ).name)


@app.command()
def doctor(local: Local = False, as_json: AsJson = False) -> None:
    """Say what is wrong and how to cure it: settings, keys, disks, clock, programs, upstreams, downstreams.

    Works in a container that runs, in one whose configuration is broken, and in one that is started for nothing else.
    Changes nothing and triggers nobody. Exit status: 0 all is well, 1 warnings, 2 something does not work.
    """
    from appliance.doors import surgery  # most verbs do not need it

    sys.exit(surgery.visit(os.environ, PLACES, local, as_json))


@app.command()
def completion(shell: Shell) -> None:
    """Print the script that makes a shell complete mirrorctl's words. The image's own bash has it."""
    # No other verb needs it; it is what typer's own option uses, which wants to write to a home directory as well.
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    print(get_completion_script(prog_name="mirrorctl", complete_var=_COMPLETES, shell=shell.value))


@app.command()
def notify(as_json: AsJson = False) -> None:
    """Send a test to everybody who is told when something goes wrong. Exit status 1 when it reached not all of them."""
    troubles = _ask("POST", "/control/notify")["troubles"]
    if not troubles:
        raise ApplianceError("nobody is told of anything", "set MIRROR_NOTIFY_URLS or MIRROR_NOTIFY_WEBHOOK")
    if as_json:
        print(json.dumps({"troubles": troubles}, indent=2))
        sys.exit(any(troubles.values()))
    for channel, trouble in troubles.items():
        print(log.clean(trouble) if trouble else f"sent: {channel}")
    sys.exit(any(troubles.values()))


@app.command()
def verify(archive: ArchiveName, deep: Deep = False, repair: Repair = True, as_json: AsJson = False) -> None:
    """Hold what is on disk against its own indices, and have what does not fit fetched again.

    Signatures, the indices themselves, by-hash names; every file that the indices name, if it is here and its size.
    Exit status: 0 when everything fits, or does again; 1 when something is broken; 2 when nothing says what should be.
    """
    settings = _settings_with(archive)
    from appliance.doors.verification import Verification  # no other verb needs it

    sys.exit(Verification(settings, PLACES, archive, _ask, deep, as_json).run(repair))


@app.command()
def quarantine(archive: SomeArchive = None, as_json: AsJson = False) -> None:
    """Show why the last refused update was refused; as JSON, all that are kept."""
    settings = _settings_with(archive) if archive else load(os.environ)
    names = [archive] if archive else list(settings.archives)
    kept = {name: Quarantine(Staging(PLACES.staging(name)).quarantine).kept() for name in names}
    if as_json:
        print(json.dumps({name: [_kept(one) for one in ones] for name, ones in kept.items()}, indent=2))
        return
    for name, ones in kept.items():
        print(_shown(ones[0]) if ones else f"{name}: nothing is kept of a refused update")


@app.command()
def reload(as_json: AsJson = False) -> None:
    """Re-read mounted files: keys, secrets, the list of downstreams. Running transfers go on."""
    changed = _ask("POST", "/control/reload")["changed"]
    if as_json:
        print(json.dumps({"changed": changed}, indent=2))
    else:
        print(f"changed: {', '.join(changed)}" if changed else "nothing has changed")


@app.command()
def config(as_json: AsJson = False) -> None:
    """Show every setting in force, secrets redacted, and where it comes from."""
    effective = explain(os.environ)
    if as_json:
        print(json.dumps([{"variable": e.variable, "value": e.value, "source": e.source} for e in effective], indent=2))
        return
    table = Table("variable", "value", "from", box=None)
    for one in effective:
        table.add_row(escape(one.variable), escape(one.value), escape(one.source))
    Console().print(table)


@app.command()
def keys(as_json: AsJson = False) -> None:
    """Show our public keys, and the lines that others need of us."""
    lines = introduction.lines(load(os.environ), PLACES)
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


@app.command("import")
def take_over(
    directory: Annotated[Path, typer.Argument(help="Where ftpsync.conf, runmirrors.mirror and rsyncd.conf are.")],
    with_secrets: Annotated[
        Path | None, typer.Option(help="Write passwords, keys and lists there, readable by their owner alone.")
    ] = None,
) -> None:
    """Print the environment file that is equivalent to a stock mirror's configuration. Executes nothing of it."""
    from appliance.importing import sheet, translate  # no other verb needs it

    lines = translate.translate(directory)
    if with_secrets:
        sheet.write(lines, with_secrets)
    print(sheet.render(translate.head(directory, lines), with_secrets), end="")


def main(argv: list[str] | None = None) -> None:
    """The program; every expected failure is one line of fact and one of cure."""
    if _COMPLETES in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    try:
        app(argv, prog_name="mirrorctl")
    except ApplianceError as error:
        die(str(error), error.exit_code)


def _forecast(archive: str, full: bool, as_json: bool) -> None:
    settings = _settings_with(archive)
    if settings.archives[archive].upstream is None:
        raise ApplianceError(f"{archive} begins here", "there is nothing to fetch; its tree is what it will publish")
    from appliance.doors import glances  # most verbs do not need it

    glances.dry_run(settings, PLACES, archive, full, as_json)


def _switch(verb: str, archive: str, as_json: bool, done: str, was: str) -> None:
    _settings_with(archive)
    changed = _ask("POST", f"/control/{verb}", {"archive": archive})["changed"]
    if as_json:
        print(json.dumps({"archive": archive, "paused": verb == "pause", "changed": changed}, indent=2))
    else:
        print(f"{archive}: {done if changed else was}")


def _kept(one: Kept) -> dict[str, Any]:
    misfits = [{"path": misfit.path, "expected": misfit.expected, "found": misfit.found} for misfit in one.misfits]
    return {"directory": str(one.directory), "refused_at": one.time, "run": one.run, "misfits": misfits}


def _shown(one: Kept) -> str:
    """The report, made safe for a terminal, and where the files are."""
    lines = ("  " * line.startswith("  ") + log.clean(line) for line in one.report.splitlines())
    return "\n".join([*lines, f"files: {one.directory}"])


def _settings_with(archive: str) -> Settings:
    """The settings, in which the archive must be."""
    settings = load(os.environ)
    if archive not in settings.archives:
        known = ", ".join(settings.archives)
        die(f"no archive {words.printable(archive)!r}\n  there are: {known}", words.UNKNOWN_ARCHIVE)
    return settings


def _request(archive: str, wait: bool, quiet: bool, as_json: bool, origin: bool, **asked: bool) -> None:
    settings = _settings_with(archive)
    if origin != (settings.archives[archive].upstream is None):
        verb = "sync" if origin else "publish"
        place = "has an upstream" if origin else "begins here"
        raise ApplianceError(f"{archive} {place}", f"say `mirrorctl {verb} {archive}`")
    id = inbox.leave(str(PLACES.inbox), archive, "all", "cli", "mirrorctl", **asked)
    if wait:
        _follow(archive, id, quiet, as_json)
    else:
        inbox.knock(str(PLACES.door), id)
        print(json.dumps({"archive": archive, "request": id}, indent=2) if as_json else "accepted")


def _follow(archive: str, id: str, quiet: bool, as_json: bool) -> None:
    code, text = waiting.follow(PLACES, archive, id, quiet or as_json)
    request = asking.look(PLACES, f"/api/v1/requests/{id}") or {}
    run = request.get("run")
    if as_json:
        print(json.dumps({"archive": archive, "code": code, "run": run}, indent=2))
        sys.exit(code)
    said = waiting.summary(archive, run) if run else text or f"{archive}: done"
    if code:
        die(said if run and run["error"] else text, code)
    if not quiet:
        print(said)


def _ask(method: str, path: str, body: Any = None) -> Any:
    return asking.ask(PLACES, method, path, body)
