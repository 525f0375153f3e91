"""The arguments and options that several of mirrorctl's verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, with stable names.")]
ArchiveName = Annotated[str, typer.Argument(help="Name of an archive, as in MIRROR_ARCHIVES__NAME__….")]
Deletes = Annotated[bool, typer.Option("--allow-deletes", help="However much is gone upstream: it may go here too.")]
Rollback = Annotated[
    bool, typer.Option("--allow-rollback", help="The upstream may go back to an older state, or an expired one.")
]
Deep = Annotated[bool, typer.Option("--deep", help="Also the SHA256 of every file, which reads all of them.")]
Repair = Annotated[bool, typer.Option(help="Fetch what does not fit again from the upstream.")]
Full = Annotated[bool, typer.Option("--full", help="Compare everything, whatever the upstream's journal says.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Show how far it is and come back when it is finished, with its exit code.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="With --wait: say nothing but what went wrong.")]
EndAsJson = Annotated[bool, typer.Option("--json", help="With --wait: print only the run, as JSON.")]
