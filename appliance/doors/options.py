"""The arguments and options that several of mirrorctl's verbs share."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer


class ShellName(Enum):
    """The shells that completion is for."""

    BASH = "bash"
    ZSH = "zsh"


Shell = Annotated[ShellName, typer.Argument(help="Which one.")]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, with stable names.")]
Deletes = Annotated[bool, typer.Option("--allow-deletes", help="However much is gone upstream: it may go here too.")]
Rollback = Annotated[
    bool, typer.Option("--allow-rollback", help="The upstream may go back to an older state, or an expired one.")
]
Deep = Annotated[bool, typer.Option("--deep", help="Also the SHA256 of every file, which reads all of them.")]
Repair = Annotated[bool, typer.Option(help="Fetch what does not fit again from the upstream.")]
Full = Annotated[bool, typer.Option("--full", help="Compare everything, whatever the upstream's journal says.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would be fetched and deleted, by directory; change nothing.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="So many at most.")]
Local = Annotated[bool, typer.Option("--local", help="Look at this machine only, connect to nobody.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Show how far it is and come back when it is finished, with its exit code.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="With --wait: say nothing but what went wrong.")]
EndAsJson = Annotated[bool, typer.Option("--json", help="Print JSON: with --wait the run, without it the request.")]
