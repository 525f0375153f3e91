"""What has a name of the operator's choice: `DEBIAN_SECURITY` in a variable is `debian-security` everywhere else."""

from __future__ import annotations

import re
from typing import Any, Final

PREFIX: Final = "MIRROR_"
"""Of every variable."""


def kebab(value: Any) -> Any:
    """A table whose keys are taken from variables, with the names that are meant, in their order."""
    if not isinstance(value, dict):
        return value
    return {name: value[key] for name, key in sorted((key.lower().replace("_", "-"), key) for key in value)}


def segment(name: str) -> str:
    """A name as variables have it."""
    return name.upper().replace("-", "_")


def segment_of(host: str) -> str:
    """What variables call a mirror by its host: `HUB` is `hub.example.org`, `XN_A` is `xn--a`; empty for no name."""
    return "_".join(re.findall("[A-Z0-9]+", host.partition(".")[0].upper()))


def variable(family: str, name: str, setting: str = "") -> str:
    """A variable about something that has a name; without a setting, how all of them begin."""
    return f"{PREFIX}{family}__{segment(name)}" + (f"__{setting}" if setting else "")
