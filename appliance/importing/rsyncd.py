"""`rsyncd.conf`, as rsync reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Module:
    """A module with what the global part says where it says nothing itself. Names are as rsync compares them."""

    name: str
    parameters: Mapping[str, str]

    def text(self, name: str) -> str:
        """A parameter by its name without spaces; empty when it is not there."""
        return self.parameters.get(name, "")

    @property
    def path(self) -> str:
        """Its directory, without a slash at the end."""
        return self.text("path").rstrip("/")


@dataclass(slots=True)
class Rsyncd:
    """The modules, the global part, and what is not understood."""

    common: dict[str, str] = field(default_factory=dict)
    modules: list[Module] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)


def read(text: str) -> Rsyncd:
    """Read a configuration as rsync does: names without regard to case and blanks. Never raises."""
    found = Rsyncd()
    into = found.common
    for line in text.replace("\\\n", "").splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        name, equals, value = line.partition("=")
        if line[0] == "[" and line[-1] == "]":
            module = line[1:-1].strip()
            into = found.common if module.lower() == "global" else dict(found.common)
            if into is not found.common:
                found.modules.append(Module(module, into))
        elif equals and not line.startswith("&"):
            into[re.sub(r"[\s_-]+", "", name).lower()] = value.strip()
        else:
            found.strange.append(line.split()[0])
    return found
