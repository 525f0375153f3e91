"""The verbs of mirrorctl about those who join us."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import clock, log
from appliance.doors import program, screen
from appliance.doors.options import AsJson
from appliance.errors import ApplianceError
from appliance.settings.faults import Fault
from appliance.settings.times import parse_duration


class Push(Enum):
    """How a downstream is told."""

    STAGED = "staged"
    MHOP = "mhop"
    ALL = "all"


def _names(incomplete: str) -> list[str]:
    """The members that a shell completes; nobody while the controller does not answer."""
    found = program.look("/control/members") or {"members": {}}
    return [name for name in found["members"] if name.startswith(incomplete)]


MemberName = Annotated[str, typer.Argument(help="What it was invited as.", autocompletion=_names)]


@program.app.command()
def invite(
    name: Annotated[str, typer.Argument(help="The new downstream's public host name.")],
    archive: Annotated[
        list[str] | None, typer.Option(help="What it may fetch, once for each.", autocompletion=program.archives)
    ] = None,
    # An Enum's own default is none of its values to the typer and click of Debian trixie.
    push: Annotated[Push | None, typer.Option(help="How it is told of news; staged, unless you say.")] = None,
    expires: Annotated[str, typer.Option(help="How long the token is good, such as 12h or 7d.")] = "7d",
    from_: Annotated[
        list[str] | None, typer.Option("--from", help="An address that our triggers come from; none: any.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="It shall fetch by TLS.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a token, one line, with which another mirror becomes a downstream of ours. It is good for one of them."""
    offer = {
        "name": name, "archives": archive or [], "push": (push or Push.STAGED).value, "expires": _seconds(expires),
        "sources": from_ or [], "tls": tls,
    }  # fmt: skip
    made = program.ask("POST", "/control/invite", offer)
    if as_json:
        print(json.dumps({"name": name, **made}, indent=2))
        return
    print(made["token"])
    typer.echo(_what_to_do(name, made), err=True)


_BEFORE: Final = {
    "invited": "The token that it was given before is no good any more.\n",
    "revoked": "What it was let in by before it was revoked stays no good: it needs this line.\n",
}


def _what_to_do(name: str, made: dict[str, Any]) -> str:
    day = clock.minute(made["expires_at"])
    before = _BEFORE.get(made["replaced"], "")
    return (
        f"{before}Hand this line to the operator of {name}, and to nobody else:\n"
        f"who has it can join, once, until {day}. There it is all that is needed:\n"
        "MIRROR_INVITE=TOKEN, or MIRROR_INVITE_FILE. A mirror that cannot reach us by HTTP\n"
        "says in its log what is to be pasted here: mirrorctl admit LINE"
    )


def _seconds(text: str) -> int:
    try:
        return int(parse_duration(text))
    except Fault as fault:
        raise ApplianceError(f"--expires: {fault.fact}", fault.cure) from None


_BY_HAND: Final = "who is not heard by HTTP is told of this key by you alone, for a MIRROR_TRIGGERS__…__KEY there:"


@program.app.command()
def admit(
    line: Annotated[str, typer.Argument(help="What the downstream's log says, or - to read it from standard input.")],
    as_json: AsJson = False,
) -> None:
    """Let in an invited mirror that cannot reach us by HTTP, or hear what it has to say, by the line that it prints."""
    text = sys.stdin.read(1 << 16) if line == "-" else line
    told = program.ask("POST", "/control/admit", {"line": text})
    if as_json:
        print(json.dumps(told, indent=2))
        sys.exit(0 if told["result"] in ("welcome", "renew") else 1)
    one = told["member"]
    if told["result"] not in ("welcome", "renew"):
        raise ApplianceError(f"{one['name']}: {told['result']}", log.clean(told["says"]))
    how = f"pushed at {log.clean(one['ssh'])}" if one["ssh"] else "not pushed: it has a schedule of its own"
    print(f"{one['name']} is in: {' '.join(one['carries'])}, {how}")
    if told["push_key"] and one["ssh"]:
        print(f"{_BY_HAND}\n{told['push_key']}")


@program.app.command()
def revoke(name: MemberName, as_json: AsJson = False) -> None:
    """End a membership or an invitation: it cannot fetch any more what is not open to all, and is not pushed."""
    done = program.ask("POST", "/control/revoke", {"name": name})
    print(json.dumps(done, indent=2) if as_json else f"{name}: revoked; a transfer that is under way goes on")


@program.app.command()
def rotate(
    name: Annotated[str | None, typer.Argument(help="Whose password shall change.", autocompletion=_names)] = None,
    push_key: Annotated[bool, typer.Option("--push-key", help="Change the key that we trigger with.")] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Forget the old push key now, whoever knows no other.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Have a member's password changed when it is heard of next, within six hours; the old one is good for a day.

    Or the push key: both are offered until every member has been told of the new one. Said again, it shows who has not.
    """
    if (name is None) == (not push_key and not finish):
        raise ApplianceError("this is about one thing", "name a member, or say --push-key")
    if name:
        done = program.ask("POST", "/control/rotate", {"name": name})
        words = (
            f"{name}: asked to take a new password; mirrorctl members shows when. One that does not reach us by HTTP\n"
            "is not asked: its operator says mirrorctl join --renew, and hands you a line for mirrorctl admit"
        )
    else:
        done = program.ask("POST", "/control/rotate-push-key", {"finish": finish})
        words = "\n".join(_rotation(done))
    print(json.dumps(done, indent=2) if as_json else words)


def _rotation(done: dict[str, Any]) -> Iterator[str]:
    """How far a new push key has come, and what is left to do by hand."""
    if done["finished"]:
        yield "the new push key is the only one now"
    if done["untold"]:
        yield f"not told yet: {' '.join(done['untold'])}"
    if done["others"]:
        yield f"told by nobody but you, with what mirrorctl keys shows: {' '.join(done['others'])}"
    if not done["finished"]:
        by_all = "" if done["others"] else "every member has been told, or "
        yield f"both are offered until {by_all}you say mirrorctl rotate --push-key --finish"
    if done["untold"]:
        yield _BY_HAND
        yield done["key"]
    elif not done["finished"]:
        yield f"the new key: {done['key']}"


@program.app.command()
def members(as_json: AsJson = False) -> None:
    """Show whom we have invited, who has joined, and when each was heard of last."""
    found = program.ask("GET", "/control/members")["members"]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table("member", "state", "archives", "push", "ssh", "heard of", "password", box=None)
    for name, one in found.items():
        carried = " ".join(one["carries"] or one["archives"])
        seen = screen.ago(one["seen_at"])
        table.add_row(name, screen.came(one), carried, one["push"], escape(one["ssh"]) or "–", seen, _password(one))
    Console().print(table)


def _password(one: dict[str, Any]) -> str:
    """What is going on with it."""
    if one["renew"]:
        return "to be changed"
    if one["overlap_until"]:
        return f"changed, the old one until {time.strftime('%H:%M UTC', time.gmtime(one['overlap_until']))}"
    return "–" if one["state"] != "joined" else "good"
