"""What an import comes to: settings, remarks about what could not be carried over, and the files that settings name."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import ApplianceError

MOUNTED: Final = Path("/etc/mirror")
"""Where the container finds the files that settings name."""

WIDTH: Final = 118


@dataclass(frozen=True, slots=True)
class Heading:
    """Begins a part."""

    text: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable that is set."""

    variable: str
    value: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that is for the operator to know or to do."""

    text: str


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that a setting names, found in the old configuration. A secret one is never shown."""

    name: str
    text: str
    origin: str


Line = Heading | Setting | Remark | Enclosed


def mounted(name: str) -> str:
    """The path of an enclosed file in the container."""
    return os.fspath(MOUNTED / name)


def plain_name(text: str, fallback: str) -> str:
    """The name that a variable can hold for this one: lower case letters, digits and dashes."""
    return "-".join(re.findall("[a-z0-9]+", text.lower())) or fallback


def render(lines: Iterable[Line], written: Path | None) -> str:
    """The environment file. `written`: where the enclosed files are already; None: what is to be written is said."""
    return "\n".join(row for line in _once(lines) for row in _rows(line, written)) + "\n"


def _once(lines: Iterable[Line]) -> Iterator[Line]:
    """A setting that several files agree about is set once; one that they disagree about as the first one says."""
    known: dict[str, str] = {}
    for line in lines:
        if not isinstance(line, Setting):
            yield line
        elif line.variable not in known:
            known[line.variable] = line.value
            yield line
        elif known[line.variable] != line.value:
            yield Remark(f"{line.variable} is there already; another file would have it {line.value}")


def _rows(line: Line, written: Path | None) -> Iterator[str]:
    match line:
        case Heading(text):
            yield from ("", f"### {text}", "")
        case Remark(text):
            yield from _comment(text)
        case Enclosed(name, _, origin) if written:
            yield from _comment(f"{written / name} holds {origin}")
        case Enclosed(name, _, origin):
            yield from _comment(f"write {origin} into a file that is {mounted(name)} in the container")
        case Setting(variable, value):
            if re.search(r"""["'$\\]|(^| )#""", value):
                yield from _comment(
                    "docker compose gives quotes, $ and # in the next line a meaning; docker run does not"
                )
            yield f"{variable}={' '.join(value.split())}"


def _comment(text: str) -> list[str]:
    text = "".join(character if character.isprintable() else "?" for character in text)
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False)


def write(lines: Iterable[Line], directory: Path) -> None:
    """Write the enclosed files, readable by the directory's owner alone.

    Raises before it writes any if one is there with another text."""
    files = [line for line in lines if isinstance(line, Enclosed)]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = [file for file in files if not _is_there(directory / file.name, file.text)]
    for file in new:
        with open(os.open(directory / file.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            if os.getuid() == 0:
                owner = directory.stat()
                os.fchown(stream.fileno(), owner.st_uid, owner.st_gid)
            stream.write(file.text)


def _is_there(path: Path, text: str) -> bool:
    if not path.exists():
        return False
    if path.read_text() != text:
        raise ApplianceError(f"{path} is there already, and is another", "give --with-secrets an empty directory")
    return True
