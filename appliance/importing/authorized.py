"""`authorized_keys` of the old account: who triggers us, and who fetches by ssh."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from appliance.importing.sheet import Line, Remark, Setting, plain_name
from appliance.settings.faults import Fault
from appliance.settings.hosts import host_pattern
from appliance.settings.names import variable
from appliance.settings.publickey import KEY_TYPES, public_key

_LINE: Final = re.compile(
    rf"(?P<options>.*?)\s*(?P<key>(?:{'|'.join(map(re.escape, KEY_TYPES))})\s+\S+)(?P<comment>.*)"
)
_OPTION: Final = re.compile(r'([a-zA-Z-]+)(?:="((?:[^"\\]|\\.)*)")?')


@dataclass(frozen=True, slots=True)
class Key:
    """One line: a public key with its comment, and what it is bound to."""

    text: str
    comment: str
    command: str
    hosts: str


def read(text: str) -> Iterator[Key]:
    """The keys of a file, in order. Never raises; what is no key is passed over."""
    for line in text.splitlines():
        if not line.lstrip().startswith("#") and (match := _LINE.fullmatch(line.strip())):
            options = {name.lower(): value.replace('\\"', '"') for name, value in _OPTION.findall(match["options"])}
            comment = match["comment"].strip()
            yield Key(f"{match['key']} {comment}".strip(), comment, options.get("command", ""), options.get("from", ""))


def translate(text: str, archives: list[str]) -> Iterator[Line]:
    """Triggers and pulls for the keys of a file. A key whose bounds cannot be kept is left out."""
    taken: set[str] = set()
    for key in read(text):
        name = _name(key, taken)
        try:
            yield from list(_settings(key, name, archives))
        except Fault as fault:
            yield Remark(f"the key {key.comment or name} is left out: {fault.fact}")


def _settings(key: Key, name: str, archives: list[str]) -> Iterator[Line]:
    family = _family(key.command)
    if not family:
        raise Fault("it runs a command of its own" if key.command else "it may do anything, and triggers nothing", "")
    yield Setting(variable(family, name, "KEY"), public_key(key.text))
    if hosts := [host_pattern(pattern) for pattern in key.hosts.replace(",", " ").split()]:
        yield Setting(variable(family, name, "FROM"), " ".join(hosts))
    if match := re.search(r"sync:archive:([\w.-]+)", key.command):
        if match[1] not in archives:
            raise Fault(f"it triggers the archive {match[1]}, which is not configured", "")
        yield Setting(variable("TRIGGERS", name, "ARCHIVES"), match[1])
    # As Ubuntu's forced commands are: sent to the background, and answered at once.
    if family == "TRIGGERS" and key.command.rstrip().endswith("&"):
        yield Setting(variable("TRIGGERS", name, "BACKGROUND"), "true")


def _family(command: str) -> str:
    if re.search(r"\brsync\b.*--server.*--daemon", command):
        return "PULLS"
    # ftpsync, archive-sync and the like; rsync, rrsync: a key that may read files, of which no trigger is made.
    return "TRIGGERS" if re.search("(?<!r)sync", command) else ""


def _name(key: Key, taken: set[str]) -> str:
    base = plain_name(key.comment, "upstream")
    name = next(
        name for number in range(len(taken) + 1) if (name := f"{base}-{number + 1}" if number else base) not in taken
    )
    taken.add(name)
    return name
