"""What all of mirrorctl's verbs share: the program, its places and environment, and its way to the controller."""

from __future__ import annotations

import os
from typing import Annotated, Any, Final

import typer

from appliance import words
from appliance.doors import asking, exits
from appliance.doors.asking import die
from appliance.joining import effective
from appliance.places import Places
from appliance.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="What a person or a release tool says to the appliance, from inside the container.",
    epilog=exits.spelled(),
)
PLACES = Places()
ENVIRON: Final = os.environ
COMPLETES: Final = "_MIRRORCTL_COMPLETE"
"""The variable by which a shell asks for words."""


def archives(incomplete: str) -> list[str]:
    """The names that a shell completes; also those of a configuration that is broken elsewhere."""
    return [name for name in effective.read(ENVIRON, PLACES).settings.archives if name.startswith(incomplete)]


_NAME = "Name of an archive, as in MIRROR_ARCHIVES__NAME__…."
ArchiveName = Annotated[str, typer.Argument(help=_NAME, autocompletion=archives)]
SomeArchive = Annotated[str | None, typer.Argument(help="Only this archive.", autocompletion=archives)]


def settings_in_force() -> Settings:
    """The settings; raises ConfigurationError with every problem."""
    return effective.load(ENVIRON, PLACES)


def settings_with(archive: str) -> Settings:
    """The settings, in which the archive must be; ends the program when it is not."""
    settings = settings_in_force()
    if archive not in settings.archives:
        known = ", ".join(settings.archives)
        die(f"no archive {words.printable(archive)!r}\n  there are: {known}", words.UNKNOWN_ARCHIVE)
    return settings


def ask(method: str, path: str, body: Any = None) -> Any:
    """The controller's answer, also of one that is starting.

    Raises ApplianceError when it does not answer, ends the program when it refuses.
    """
    asking.await_start(PLACES, asking.START)
    return asking.ask(PLACES, method, path, body)


def look(path: str) -> Any | None:
    """The controller's answer; None when there is none now."""
    return asking.look(PLACES, path)
