"""What we choose not to carry, as rsync filter rules with the meaning that stock gives them (PROTOCOL section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SOURCE: Final = "source"
ALL: Final = "all"

_BINARY: Final = (
    "/dists/**/binary-{}/",
    "/dists/**/installer-{}/",
    "/dists/**/Contents-{}.gz",
    "/dists/**/Contents-udeb-{}.gz",
    "/dists/**/Contents-{}.diff/",
    "/indices/**/arch-{}.files",
    "/indices/**/arch-{}.list.gz",
    "/pool/**/*_{}.deb",
    "/pool/**/*_{}.udeb",
    "/pool/**/*_{}.changes",
)
_SOURCE: Final = ("/dists/**/source/", "/pool/**/*.tar.*", "/pool/**/*.diff.*", "/pool/**/*.dsc")


def chosen(exclude: Sequence[str], arch_include: Sequence[str], arch_exclude: Sequence[str]) -> list[str]:
    """The operator's rules as rsync options; the first one that matches a path decides.

    ``exclude`` holds patterns, or whole options such as ``--include=keep/`` as ftpsync.conf's EXCLUDE does. At most one
    of ``arch_include`` and ``arch_exclude`` is given.
    """
    return [*map(_option, exclude), *_only(arch_include), *_without(arch_exclude)]


def _option(rule: str) -> str:
    return rule if rule.startswith("--") else f"--exclude={rule}"


def _only(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    carried = list(names) if list(names) == [SOURCE] or ALL in names else [*names, ALL]
    return [*_rules("include", carried), *_rules("exclude", ["*", SOURCE])]


def _without(names: Sequence[str]) -> list[str]:
    return [*_rules("exclude", names), *_rules("include", ["*", SOURCE])] if names else []


def _rules(word: str, names: Sequence[str]) -> list[str]:
    return [f"--{word}={pattern.format(name)}" for name in names for pattern in _patterns(name)]


def _patterns(name: str) -> Sequence[str]:
    return _SOURCE if name == SOURCE else _BINARY
