"""What ftpsync was told to leave out, and what else it was told to tell rsync."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from appliance.importing.conf import Conf
from appliance.importing.sheet import Line, Remark, Setting
from appliance.settings.names import variable

EXTRA: Final = {
    "-4": ("ADDRESS_FAMILY", "ipv4"),
    "--ipv4": ("ADDRESS_FAMILY", "ipv4"),
    "-6": ("ADDRESS_FAMILY", "ipv6"),
    "--ipv6": ("ADDRESS_FAMILY", "ipv6"),
    "--address": ("BIND_ADDRESS", ""),
    "--timeout": ("TIMEOUT", ""),
}
"""Options of rsync as settings, with their value where the option has none."""


def lines(conf: Conf, name: str) -> Iterator[Line]:
    """EXCLUDE, the architectures, and RSYNC_EXTRA."""
    extra, first = _extra(conf, name)
    yield from extra
    words, strange = _rules(conf.text("EXCLUDE"))
    if first + words:
        yield Setting(variable("ARCHIVES", name, "EXCLUDE"), " ".join(first + words))
    if strange:
        yield Remark(f"EXCLUDE: {' '.join(strange)} is neither --exclude nor --include, and left out")
    include, exclude = conf.text("ARCH_INCLUDE"), conf.text("ARCH_EXCLUDE")
    if include and exclude:
        yield Remark("ARCH_INCLUDE and ARCH_EXCLUDE are both set, which ftpsync refuses: choose one")
    elif include or exclude:
        yield Setting(variable("ARCHIVES", name, "ARCH_INCLUDE" if include else "ARCH_EXCLUDE"), include or exclude)


def _rules(text: str) -> tuple[list[str], list[str]]:
    """rsync's words: those that choose, and the others. A rule may be one word or two."""
    rules: list[str] = []
    strange: list[str] = []
    words = text.split()
    while words:
        word = words.pop(0)
        if word in ("--exclude", "--include") and words:
            word = f"{word}={words.pop(0)}"
        (rules if re.match(r"--(ex|in)clude=.", word) else strange).append(word)
    return rules, strange


def _extra(conf: Conf, name: str) -> tuple[list[Line], list[str]]:
    """RSYNC_EXTRA as settings, and the rules in it, which stand before those of EXCLUDE."""
    found: list[Line] = []
    rules, others = _rules(conf.text("RSYNC_EXTRA"))
    for word in others:
        key, _, value = word.partition("=")
        setting, meaning = EXTRA.get(key, ("", ""))
        if setting and (meaning or value):
            found.append(Setting(variable("ARCHIVES", name, setting), meaning or value))
        else:
            found.append(Remark(f"RSYNC_EXTRA: {key} has no counterpart here"))
    return found, rules
