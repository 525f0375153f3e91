"""The downstreams: reachable, their host keys pinned, our key let in. Nobody is triggered by a look."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

from appliance import commands, introduction, ssh
from appliance.commands import Outcome
from appliance.doctor import pinned, reaching
from appliance.doctor.finding import Finding, error, ok
from appliance.doctor.patient import Patient
from appliance.settings import Downstream
from appliance.tree import tell
from appliance.tree.kept import LET_IN

AT_ONCE: Final = 16
"""Downstreams that are looked at together."""

PATIENCE: Final = 15.0
"""Seconds for one to let us in."""


class _Admitted(Exception):
    """It has let us in: there is nothing more to be known."""


async def examine(patient: Patient) -> list[Finding]:
    """Each once, whatever the archives that it is told of."""
    settings, slots = patient.settings, asyncio.Semaphore(AT_ONCE)
    everyone = {one.name: one for name in settings.archives for one in settings.downstreams_of(name)}

    async def look(one: Downstream) -> list[Finding]:
        async with slots:
            return [await _web(one)] if one.url else await _by_ssh(patient, one)

    found = await asyncio.gather(*map(look, everyone.values()))
    return [finding for findings in found for finding in findings]


async def _web(one: Downstream) -> Finding:
    """Only whether somebody listens: to load the URL would be a trigger."""
    url = urlsplit(one.url)
    port = url.port or {"https": 443}.get(url.scheme, 80)
    try:
        async with asyncio.timeout(reaching.PATIENCE):
            _, writer = await asyncio.open_connection(one.host, port)
            writer.close()
    except (OSError, TimeoutError) as fault:
        cure = "check host and port of its URL in MIRROR_DOWNSTREAMS"
        return error(f"MIRROR_DOWNSTREAMS: {one.name}", f"{one.host}:{port} cannot be reached: {_words(fault)}", cure)
    return ok(one.name, f"somebody listens at {one.host}:{port}; what it says to a trigger only a trigger shows")


def _words(fault: BaseException) -> str:
    return getattr(fault, "strerror", None) or "no answer"


async def _by_ssh(patient: Patient, one: Downstream) -> list[Finding]:
    key = await pinned.host_key(patient, one.host, one.port, one.name)
    if key.paste:
        return [key]  # nothing is said to who is not known yet
    outcome = await _knock(patient, one)
    if outcome is None:
        return [key, ok(one.name, f"lets our key in at {one.host}:{one.port}")]
    # Where nobody answers, there is no key to be compared either.
    return [_refusal(patient, one, outcome)]


async def _knock(patient: Patient, one: Downstream) -> Outcome | None:
    """Be let in and leave, without a session, so that no forced command is run; None when that went well."""
    more = ("-N", "-o", "LogLevel=VERBOSE", "-o", f"ConnectTimeout={PATIENCE:.0f}", "-o", "StrictHostKeyChecking=yes")
    key = patient.scratch.private_copy(one.key) if one.key else None
    # What is learned on the way is kept by who pushes, not by who looks.
    argv = ssh.client(
        patient.settings, patient.scratch, user=one.user, port=one.port, key=key, more=(*more, *one.options)
    )
    said: list[str] = []

    def hear(line: bytes) -> None:
        if line.startswith(LET_IN):
            raise _Admitted
        said.append(line.decode("utf-8", "replace"))

    try:
        outcome = await commands.run([*argv, one.host], deadline=PATIENCE + 5, on_error=hear)
    except _Admitted:
        return None
    return Outcome(outcome.argv, outcome.code, outcome.stdout, "\n".join([*said, outcome.stderr]), outcome.seconds)


def _refusal(patient: Patient, one: Downstream, outcome: Outcome) -> Finding:
    is_member = one.name in (patient.picture or {}).get("members", {})
    about = f"{'mirrorctl members' if is_member else 'MIRROR_DOWNSTREAMS'}: {one.name}"
    if "Permission denied" in outcome.stderr and is_member:
        cure = "it is told of our key when it is heard of next, within six hours; there: mirrorctl join --renew"
        return error(about, f"{one.host}:{one.port} refuses our key", cure)
    if "Permission denied" in outcome.stderr:
        cure = f"have its operator let our key in, as user {one.user!r}; for one that runs ftpsync see mirrorctl keys"
        return error(about, f"{one.host}:{one.port} refuses our key", cure, _line(patient), f"{one.name}: its settings")
    fact, _, cure = tell.reason(outcome).partition("; ")
    for words, hint in _HINTS:
        if words in outcome.stderr:
            cure = hint
    if is_member and any(words in outcome.stderr for words, _ in _UNREACHED):
        cure = f"{cure}; one that nobody can reach sets MIRROR_PUBLIC__SSH=none, and a SCHEDULE for its archives"
    return error(about, f"{one.host}:{one.port}: {fact}", cure or "check host and port, and that its sshd is up")


def _line(patient: Patient) -> str:
    try:
        return introduction.lines(patient.settings, patient.places)["trigger_variable"]
    except OSError:
        return ""  # the first start makes the key


_UNREACHED: Final = (
    ("Connection refused", "check the port; a mirror of ours listens on 2222 unless its operator publishes another"),
    ("No route to host", "check the host; then ask its operator whether it is up"),
    ("timed out", "check the host; then ask its operator whether a firewall is in the way"),
)
_HINTS: Final = (("Could not resolve", "check the spelling of the host"), *_UNREACHED)
