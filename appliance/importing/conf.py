"""A configuration file of the old mirror, asked for one variable after the other; what nobody asked for is told."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.importing import shell
from appliance.importing.layout import Found
from appliance.importing.sheet import Line, Remark


class Conf:
    """A shell file as what it assigns."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self._reading = shell.read(found.text)
        self._asked: set[str] = set()
        self._wanted: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether the variable is set at all; now it has been asked for."""
        self._asked.add(name)
        return name in self._reading.values

    def text(self, name: str, default: str = "") -> str:
        """The variable's value, or the default where it is not set, is empty or cannot be known."""
        self._wanted.add(name)
        value = self._reading.values.get(name) if self.has(name) else None
        return value.text.strip() or default if value and not value.open else default

    def is_true(self, name: str) -> bool:
        """As the scripts test it: nothing but `true` is."""
        return self.text(name) == "true"

    def where(self, name: str) -> str:
        """File and line."""
        return f"{self.found.path.name}, line {self._reading.values[name].line}"

    def untold(self) -> Iterator[Line]:
        """What could not be known, and what nobody asked for. Call it last."""
        file = self.found.path.name
        if self.found.trouble:
            yield Remark(f"{file} {self.found.trouble}")
        for name, value in self._reading.values.items():
            if name not in self._asked:
                yield Remark(f"{file}, line {value.line}: {name} is unknown, and left out")
            elif value.open and name in self._wanted:
                yield Remark(
                    f"{file}, line {value.line}: {name} holds {value.open}, which only a shell knows: set it by hand"
                )
        for other in self._reading.others:
            what = "another file that is read here" if other.word in (".", "source") else other.word
            yield Remark(f"{file}, line {other.line}: not an assignment, left out: {what}")
