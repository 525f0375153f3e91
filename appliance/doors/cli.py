"""mirrorctl: what a person or a release tool says to the appliance, from inside the container."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from appliance import backup as backups
from appliance.doors import invitations, looks, membership, orders, program
from appliance.doors.asking import die
from appliance.doors.inbox import leave
from appliance.doors.options import Shell
from appliance.errors import ApplianceError
from appliance.settings import load

__all__ = ["app", "invitations", "looks", "main", "membership", "orders"]

app = program.app


@program.app.command()
def completion(shell: Shell) -> None:
    """Print the script that makes a shell complete mirrorctl's words. The image's own bash has it."""
    # No other verb needs it; it is what typer's own option uses, which wants to write to a home directory as well.
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    print(get_completion_script(prog_name="mirrorctl", complete_var=program.COMPLETES, shell=shell.value))


@program.app.command("import")
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


@program.app.command()
def backup() -> None:
    """Write the state volume to standard output, as a tar archive: keys, requests, runs, deliveries; no archive.

    The mirror may run meanwhile. Whoever has the backup has its private keys.
    """
    if sys.stdout.isatty():
        raise ApplianceError(
            "standard output is a terminal", "docker compose exec -T mirror mirrorctl backup >state.tar"
        )
    backups.write(program.PLACES, sys.stdout.buffer)


@program.app.command()
def restore() -> None:
    """Make an empty state volume that of a backup, which is read from standard input.

    In a container started for nothing else. Archives with an upstream are compared with it at the next start.
    """
    settings = load(program.ENVIRON)
    if sys.stdin.isatty():
        raise ApplianceError("standard input is a terminal", "docker compose run --rm -T mirror restore <state.tar")
    backups.restore(program.PLACES, sys.stdin.buffer)
    inbox = program.PLACES.inbox
    inbox.mkdir(mode=0o700, exist_ok=True)
    for name in (name for name, archive in settings.archives.items() if archive.upstream):
        leave(str(inbox), name, "all", "cli", "mirrorctl restore", full=True)
    print("restored; start the mirror now")


def main(argv: list[str] | None = None) -> None:
    """The program; every expected failure is one line of fact and one of cure."""
    if program.COMPLETES in program.ENVIRON:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    try:
        program.app(argv, prog_name="mirrorctl")
    except ApplianceError as error:
        die(str(error), error.exit_code)
