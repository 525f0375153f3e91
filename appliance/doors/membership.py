"""The verb of mirrorctl about the upstream that has invited us."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from appliance import log
from appliance.doors import program
from appliance.doors.options import AsJson
from appliance.errors import ApplianceError
from appliance.joining import told

Renew = Annotated[bool, typer.Option("--renew", help="Have our password there changed now.")]


@program.app.command()
def join(renew: Renew = False, as_json: AsJson = False) -> None:
    """Show how we stand with the upstream whose token we were started with, and what to paste there if need be.

    Exit status 1 as long as we are not let in.
    """
    found = program.ask("POST", "/control/join", {"renew": True}) if renew else program.ask("GET", "/control/join")
    seen, paste = found["membership"], found["paste"]
    if seen is None:
        raise ApplianceError("nobody has invited us", "MIRROR_INVITE takes the token that an upstream has made for us")
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        print(log.clean(told.summary(seen)))
        if seen["state"] == "joined" and seen["trouble"]:
            print(log.clean(f"{seen['trouble']}; {seen['cure']}"))
        if paste:
            print(f"\nTo paste at {seen['upstream']}, if it cannot be reached by HTTP:\n\n{paste}")
    sys.exit(seen["state"] != "joined")
