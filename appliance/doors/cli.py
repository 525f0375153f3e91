"""mirrorctl: what a person or a release tool says to the appliance, from inside the container."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import log, words
from appliance.doors import inbox
from appliance.errors import ApplianceError
from appliance.places import Places
from appliance.settings import Settings, explain, load
from appliance.sync.fetch import Staging
from appliance.sync.quarantine import Kept, Quarantine

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
PLACES = Places()
FOREVER = 7 * 24 * 3600.0
SHOWN = 3
"""Refused paths that are shown to a person."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, with stable names.")]
ArchiveName = Annotated[str, typer.Argument(help="Name of an archive, as in MIRROR_ARCHIVES__NAME__….")]
Deletes = Annotated[bool, typer.Option("--allow-deletes", help="However much is gone upstream: it may go here too.")]
Rollback = Annotated[
    bool, typer.Option("--allow-rollback", help="The upstream may go back to an older state, or an expired one.")
]
Deep = Annotated[bool, typer.Option("--deep", help="Also the SHA256 of every file, which reads all of them.")]
Repair = Annotated[bool, typer.Option(help="Fetch what does not fit again from the upstream.")]
Full = Annotated[bool, typer.Option("--full", help="Compare everything, whatever the upstream's journal says.")]
Wait = Annotated[bool, typer.Option("--wait", help="Come back when it is finished, with its exit code.")]


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show every archive and every downstream."""
    picture = _ask("GET", "/api/v1/status")
    if as_json:
        print(json.dumps(picture, indent=2))
        return
    console = Console()
    console.print(_archives(picture))
    if picture["downstreams"]:
        console.print(_downstreams(picture))
    for name, archive in picture["archives"].items():
        for line in _troubles(archive):
            console.print(f"{name}: {log.clean(line)}", style="yellow", markup=False, highlight=False)


@app.command()
def sync(
    archive: ArchiveName,
    wait: Wait = False,
    allow_deletes: Deletes = False,
    allow_rollback: Rollback = False,
    full: Full = False,
) -> None:
    """Sync an archive with its upstream now."""
    _request(archive, wait, origin=False, deletes=allow_deletes, rollback=allow_rollback, full=full)


@app.command()
def publish(archive: ArchiveName, wait: Wait = False) -> None:
    """At an origin, after writing the tree: give it its next serial and push it."""
    _request(archive, wait, origin=True)


@app.command()
def push(archive: ArchiveName, downstream: Annotated[str | None, typer.Argument(help="Only this one.")] = None) -> None:
    """Tell downstreams about what is published, also those who know."""
    told = _ask("POST", "/control/push", {"archive": archive, "downstream": downstream})
    print(f"telling {', '.join(told['downstreams'])}; `mirrorctl status` shows how it goes")


@app.command()
def notify() -> None:
    """Send a test to everybody who is told when something goes wrong. Exit status 1 when it reached not all of them."""
    troubles = _ask("POST", "/control/notify")["troubles"]
    if not troubles:
        raise ApplianceError("nobody is told of anything", "set MIRROR_NOTIFY_URLS or MIRROR_NOTIFY_WEBHOOK")
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
def quarantine(
    archive: Annotated[str | None, typer.Argument(help="Only this archive.")] = None, as_json: AsJson = False
) -> None:
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
def reload() -> None:
    """Re-read mounted files: keys, secrets, the list of downstreams. Running transfers go on."""
    changed = _ask("POST", "/control/reload")["changed"]
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
    lines = _key_lines(load(os.environ))
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
    try:
        app(argv, prog_name="mirrorctl")
    except ApplianceError as error:
        _die(str(error), error.exit_code)


def _die(text: str, code: int) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(code)


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
        _die(f"no archive {words.printable(archive)!r}\n  there are: {known}", words.UNKNOWN_ARCHIVE)
    return settings


def _request(archive: str, wait: bool, origin: bool, **asked: bool) -> None:
    settings = _settings_with(archive)
    if origin != (settings.archives[archive].upstream is None):
        verb = "sync" if origin else "publish"
        place = "has an upstream" if origin else "begins here"
        raise ApplianceError(f"{archive} {place}", f"say `mirrorctl {verb} {archive}`")
    id = inbox.leave(str(PLACES.inbox), archive, "all", "cli", "mirrorctl", **asked)
    if not wait:
        inbox.knock(str(PLACES.door), id)
        print("accepted")
        return
    code, text = inbox.wait(str(PLACES.door), id, FOREVER)
    if code:
        _die(text, code)
    print(_outcome(archive))


def _outcome(archive: str) -> str:
    state = _ask("GET", "/api/v1/status")["archives"][archive]
    run = state["last_run"]
    return f"{archive}: serial {state['serial']}, {run['payload']} payload and {run['index']} index files fetched"


def _ask(method: str, path: str, body: Any = None) -> Any:
    import httpx  # most verbs do not need it

    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(PLACES.api)), timeout=90) as client:
            # Not httpx's own JSON: names that are no UTF-8 must get through.
            answer = client.request(method, f"http://appliance{path}", content=json.dumps(body))
    except httpx.TransportError as error:
        raise ApplianceError(f"the controller does not answer: {error}", "is the container up? see its log") from None
    if answer.status_code == 409:
        refusal = answer.json()
        _die(refusal["error"], refusal["exit_code"])
    answer.raise_for_status()
    return answer.json()


def _key_lines(settings: Settings) -> dict[str, str]:
    push_key, host_key = (path.read_text().strip() for path in (PLACES.push_public_key, PLACES.host_public_key))
    variable = settings.name.partition(".")[0].replace("-", "_").upper()
    addresses = _addresses(settings.name)
    source = f',from="{addresses}"' if addresses else ""
    return {
        "push_public_key": push_key,
        "host_public_key": host_key,
        "authorized_keys": f'restrict,command="~/bin/ftpsync"{source} {push_key}',
        "trigger_variable": f"MIRROR_TRIGGERS__{variable}__KEY={push_key}",
        "pull_variable": f"MIRROR_PULLS__{variable}__KEY={push_key}",
        "known_hosts": f"{settings.name},[{settings.name}]:2222 {' '.join(host_key.split()[:2])}",
    }


def _addresses(name: str) -> str:
    """Our addresses as the world knows them, for a ``from=`` list; empty when our name is not known here."""
    try:
        return ",".join(sorted({str(found[4][0]) for found in socket.getaddrinfo(name, None)}))
    except OSError:
        return ""


def _troubles(archive: dict[str, Any]) -> list[str]:
    """What a person should know of it, a line each."""
    error = [archive["error"], *_next(archive)] if archive["error"] else []
    return [*archive["notes"], *error, *_refused(**archive["refused"])]


def _next(archive: dict[str, Any]) -> list[str]:
    """When it is tried again, and for what kind of trouble."""
    cause, due = archive["cause"], archive["next_try_at"]
    if due:
        return [f"next try in {max(0, due - time.time()):.0f} s ({cause})"]
    return [f"not tried again by itself ({cause})"] if archive["state"] == "failing" and cause != "interrupted" else []


def _refused(count: int, paths: list[str]) -> list[str]:
    if not count:
        return []
    left = count - min(count, SHOWN)
    more = [f"{left} more, see mirrorctl status --json"] if left else []
    return [f"{count} paths of the upstream are refused", *paths[:SHOWN], *more]


def _archives(picture: dict[str, Any]) -> Table:
    columns = ("archive", "role", "serial", "published", "state", "last run", "signed")
    table = Table(*columns, box=None, title=picture["name"])
    for name, archive in picture["archives"].items():
        run = archive["last_run"]
        ended = f"{run['result'] or archive['stage'] or 'running'} ({_ago(run['ended_at'])})" if run else "never"
        signed = {True: "yes", False: "unsigned", None: "–"}[archive["signed"]]
        signed = "not checked" if archive["verify"] == "off" else signed
        published = _ago(archive["published_at"])
        table.add_row(name, archive["role"], archive["serial"] or "–", published, archive["state"], ended, signed)
    return table


def _downstreams(picture: dict[str, Any]) -> Table:
    table = Table("downstream", "archive", "state", "serial", "trouble", box=None)
    for name, archives in picture["downstreams"].items():
        for archive, told in archives.items():
            table.add_row(name, archive, told["state"], told["serial"] or "–", escape(told["error"] or ""))
        if not archives:
            table.add_row(name, "–", "never told", "–", "")
    return table


def _ago(when: float | None) -> str:
    if when is None:
        return "–"
    seconds = max(0, int(time.time() - when))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"
