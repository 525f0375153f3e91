"""The verbs of mirrorctl that have something done."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from appliance import log
from appliance.doors import asking, inbox, program, waiting
from appliance.doors.asking import die
from appliance.doors.options import (
    AsJson,
    Deletes,
    DryRun,
    EndAsJson,
    Full,
    Quiet,
    Rollback,
    Wait,
)
from appliance.errors import ApplianceError


@program.app.command()
def sync(
    archive: program.ArchiveName,
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


@program.app.command()
def publish(archive: program.ArchiveName, wait: Wait = False, quiet: Quiet = False, as_json: EndAsJson = False) -> None:
    """At an origin, after writing the tree: give it its next serial and push it."""
    _request(archive, wait, quiet, as_json, origin=True)


@program.app.command()
def push(
    archive: program.ArchiveName,
    downstream: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell downstreams about what is published, also those who know."""
    told = program.ask("POST", "/control/push", {"archive": archive, "downstream": downstream})
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        print(f"telling {', '.join(told['downstreams'])}; `mirrorctl status` shows how it goes")


@program.app.command()
def pause(archive: program.ArchiveName, as_json: AsJson = False) -> None:
    """Let an archive rest: triggers are accepted and wait, also over a restart. The run that is under way goes on."""
    _switch("pause", archive, as_json, "paused, requests wait from now on", "was paused already")


@program.app.command()
def resume(archive: program.ArchiveName, as_json: AsJson = False) -> None:
    """Serve a paused archive again, first of all what has waited."""
    _switch("resume", archive, as_json, "resumed", "was not paused")


@program.app.command()
def notify(as_json: AsJson = False) -> None:
    """Send a test to everybody who is told when something goes wrong. Exit status 1 when it reached not all of them."""
    troubles = program.ask("POST", "/control/notify")["troubles"]
    if not troubles:
        raise ApplianceError("nobody is told of anything", "set MIRROR_NOTIFY_URLS or MIRROR_NOTIFY_WEBHOOK")
    if as_json:
        print(json.dumps({"troubles": troubles}, indent=2))
        sys.exit(any(troubles.values()))
    for channel, trouble in troubles.items():
        print(log.clean(trouble) if trouble else f"sent: {channel}")
    sys.exit(any(troubles.values()))


@program.app.command()
def reload(as_json: AsJson = False) -> None:
    """Re-read mounted files: keys, secrets, the list of downstreams. Running transfers go on."""
    changed = program.ask("POST", "/control/reload")["changed"]
    if as_json:
        print(json.dumps({"changed": changed}, indent=2))
    else:
        print(f"changed: {', '.join(changed)}" if changed else "nothing has changed")


def _forecast(archive: str, full: bool, as_json: bool) -> None:
    settings = program.settings_with(archive)
    if settings.archives[archive].upstream is None:
        raise ApplianceError(f"{archive} begins here", "there is nothing to fetch; its tree is what it will publish")
    from appliance.doors import glances  # most verbs do not need it

    glances.dry_run(settings, program.PLACES, archive, full, as_json)


def _switch(verb: str, archive: str, as_json: bool, done: str, was: str) -> None:
    program.settings_with(archive)
    changed = program.ask("POST", f"/control/{verb}", {"archive": archive})["changed"]
    if as_json:
        print(json.dumps({"archive": archive, "paused": verb == "pause", "changed": changed}, indent=2))
    else:
        print(f"{archive}: {done if changed else was}")


def _request(archive: str, wait: bool, quiet: bool, as_json: bool, origin: bool, **asked: bool) -> None:
    settings = program.settings_with(archive)
    if origin != (settings.archives[archive].upstream is None):
        verb = "sync" if origin else "publish"
        place = "has an upstream" if origin else "begins here"
        raise ApplianceError(f"{archive} {place}", f"say `mirrorctl {verb} {archive}`")
    id = inbox.leave(str(program.PLACES.inbox), archive, "all", "cli", "mirrorctl", **asked)
    if wait:
        _follow(archive, id, quiet, as_json)
    else:
        inbox.knock(str(program.PLACES.door), id)
        print(json.dumps({"archive": archive, "request": id}, indent=2) if as_json else "accepted")


def _follow(archive: str, id: str, quiet: bool, as_json: bool) -> None:
    code, text = waiting.follow(program.PLACES, archive, id, quiet or as_json)
    request = asking.look(program.PLACES, f"/api/v1/requests/{id}") or {}
    run = request.get("run")
    if as_json:
        print(json.dumps({"archive": archive, "code": code, "run": run}, indent=2))
        sys.exit(code)
    said = waiting.summary(archive, run) if run else text or f"{archive}: done"
    if code:
        die(said if run and run["error"] else text, code)
    if not quiet:
        print(said)
