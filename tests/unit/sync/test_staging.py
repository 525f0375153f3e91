from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.sync.publish import staged
from appliance.sync.staging import Staging


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    staging = Staging(tmp_path / "staging")
    staging.prepare()
    return staging


def test_preparing_clears_what_a_dead_rsync_left(staging: Staging) -> None:
    (staging.temporary / ".a.Xy12Zz").write_text("half")
    (staging.partial / "a").write_text("half, resumable")
    staging.prepare()
    assert list(staging.temporary.iterdir()) == []
    assert (staging.partial / "a").exists()


def test_what_no_plan_names_any_more_leaves_staging(staging: Staging) -> None:
    for name in ("one", "two"):
        (staging.index / name).write_text(name)
    staging.keep_only(["two"])
    assert [path.name for path in staging.index.iterdir()] == ["two"]


def test_what_was_the_same_once_is_compared_again(staging: Staging, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for text, kept in (("one", []), ("two", ["InRelease"])):
        (staging.index / "InRelease").write_text(text)
        (tmp_path / "tree/InRelease").write_text("one")
        for path in (staging.index / "InRelease", tmp_path / "tree/InRelease"):
            os.utime(path, (1_700_000_000, 1_700_000_000))
        staging.drop_known(tmp_path / "tree")
        assert staged(staging.index) == kept
