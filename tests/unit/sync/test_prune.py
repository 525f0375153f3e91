from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sync import prune
from appliance.sync.prune import Guard


@pytest.mark.parametrize(
    ("gone", "kept", "holds"),
    [
        (0, 0, False),
        (1, 60, False),
        (10, 100, False),
        (60, 0, True),
        (1, 0, True),
        (400, 10_000, False),
        (600, 10_000, True),
        (40_000, 2_000_000, False),
        (40_001, 2_000_000, True),
    ],
)
def test_guard(gone: int, kept: int, holds: bool) -> None:
    assert Guard(gone, kept).holds is holds


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_guard_never_lets_most_of_an_archive_go(gone: int, kept: int) -> None:
    if not Guard(gone, kept).holds:
        assert gone <= max(prune.FEW, 0.06 * (gone + kept))
        assert gone <= prune.MOST
        assert gone <= kept


def test_nothing_is_deleted_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "bookworm").mkdir()
    (tmp_path / "bookworm/InRelease").write_text("alive")
    (tmp_path / "stable").symlink_to("bookworm")
    assert prune.delete(tmp_path, ["stable/InRelease", "stable/main/Packages"]) == 0
    assert (tmp_path / "bookworm/InRelease").read_text() == "alive"


def test_delete(tmp_path: Path) -> None:
    for path in ("a/b/file", "a/kept", "c/file"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    (tmp_path / "link").symlink_to("a")
    assert prune.delete(tmp_path, ["a", "a/b", "a/b/file", "c", "c/file", "link", "never/was"]) == 5
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["a", "a/kept"]


def test_what_cannot_even_be_looked_at_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert prune.delete(tmp_path / "loop", ["a", "a/b"]) == 0
