"""What is refused is what rsync refuses, and the record of it is bounded."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.sync import refused
from tests.unit.examples import examples

NAME = st.sampled_from(["..", ".", "a", "b", ""])


@settings(max_examples=examples(300))
@given(st.lists(NAME, min_size=1, max_size=6).map("/".join), st.integers(0, 3))
def test_a_link_that_is_taken_never_leaves(target: str, depth: int) -> None:
    """By its own words: whatever the names in it are, the way goes down from a directory of the tree."""
    path = "/".join(["d"] * depth + ["link"])
    if not refused.leaves(path, target):
        level = depth
        for part in target.split("/"):
            level += {"..": -1, ".": 0, "": 0}.get(part, 0)
            assert level >= 0


def _words(parts: tuple[str, ...], most: int) -> Iterator[tuple[str, ...]]:
    for length in range(1, most + 1):
        for number in range(len(parts) ** length):
            yield tuple(parts[number // len(parts) ** place % len(parts)] for place in range(length))


def test_what_is_taken_is_what_rsync_takes(tmp_path: Path) -> None:
    """Or a walk would plan what no fetch brings. The other way round something is refused that rsync would take."""
    parts = ("..", ".", "a", "")
    targets = sorted({"/".join(words) for words in _words(parts, 4)} - {""})
    for number, target in enumerate(targets):
        for directory in ("", "d/", "d/e/"):
            (tmp_path / "up" / directory).mkdir(parents=True, exist_ok=True)
            (tmp_path / "up" / f"{directory}{number}").symlink_to(target)
    argv = ["rsync", "-rl", "--safe-links", f"{tmp_path}/up/", f"{tmp_path}/down/"]
    subprocess.run(argv, check=True, capture_output=True)
    wrong = [
        (directory, target)
        for number, target in enumerate(targets)
        for directory in ("", "d/", "d/e/")
        if not refused.leaves(f"{directory}{number}", target)
        and not (tmp_path / "down" / f"{directory}{number}").is_symlink()
    ]
    assert not wrong
