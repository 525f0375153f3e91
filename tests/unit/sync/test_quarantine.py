from __future__ import annotations

import time
from pathlib import Path

import pytest

from appliance.errors import Misfit, SyncError
from appliance.sync import quarantine
from appliance.sync.quarantine import Quarantine


@pytest.fixture
def index(tmp_path: Path) -> Path:
    (tmp_path / "index/dists/s").mkdir(parents=True)
    (tmp_path / "index/dists/s/InRelease").write_text("refused")
    return tmp_path / "index"


def refused(path: str = "dists/s/InRelease") -> SyncError:
    return SyncError.misfit([Misfit(path, "5 bytes", "7 bytes")])


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second passes between two refusals."""
    ticks = iter(range(100))
    monkeypatch.setattr(time, "gmtime", lambda real=time.gmtime: real(1800000000 + next(ticks)))


def test_a_report_for_people_and_the_files(tmp_path: Path, index: Path) -> None:
    stray = tmp_path / "stray.deb"
    stray.write_text("bad")
    kept = Quarantine(tmp_path / "quarantine")
    report = kept.keep("debian, run 7, from rsync://up/debian", refused(), index, [("pool/stray.deb", stray)])
    text = report.read_text()
    newest = kept.newest()
    assert newest
    assert (newest.report, newest.run, newest.directory) == (text, 7, report.parent)
    assert newest.time == 1800000000
    assert newest.misfits == [Misfit("dists/s/InRelease", "5 bytes", "7 bytes")]
    assert text.startswith("debian, run 7, from rsync://up/debian\n")
    assert "dists/s/InRelease\n  expected 5 bytes\n  found    7 bytes\n" in text
    assert (report.parent / "files/dists/s/InRelease").read_text() == "refused"
    assert (report.parent / "files/pool/stray.deb").read_text() == "bad"
    assert not stray.exists()
    assert (index / "dists/s/InRelease").exists()


def test_no_more_than_three(tmp_path: Path, index: Path) -> None:
    kept = Quarantine(tmp_path / "quarantine")
    reports = [kept.keep("debian", refused(f"file{number}"), index, []) for number in range(5)]
    assert [report.exists() for report in reports] == [False, False, True, True, True]
    assert [one.misfits[0].path for one in kept.kept()] == ["file4", "file3", "file2"]


def test_the_same_refusal_again_takes_the_place_of_the_first(tmp_path: Path, index: Path) -> None:
    kept = Quarantine(tmp_path / "quarantine")
    first, second = (kept.keep(f"debian, run {run}", refused(), index, []) for run in (1, 2))
    assert (first.exists(), second.exists()) == (False, True)


def test_no_more_bytes_than_there_is_room_for(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "LARGEST", 10)
    (index / "huge").write_text("x" * 11)
    report = Quarantine(tmp_path / "quarantine").keep("debian", refused(), index, [])
    assert "1 files are not kept" in report.read_text()
    assert [path.name for path in (report.parent / "files").rglob("*") if path.is_file()] == ["InRelease"]


def test_a_link_is_kept_as_a_link(tmp_path: Path, index: Path) -> None:
    (index / "link").symlink_to("/etc/passwd")
    report = Quarantine(tmp_path / "quarantine").keep("debian", refused(), index, [])
    assert (report.parent / "files/link").is_symlink()


def test_nothing_was_ever_refused(tmp_path: Path) -> None:
    assert Quarantine(tmp_path / "quarantine").newest() is None


def test_a_directory_and_a_file_of_one_name_do_not_cost_the_report(tmp_path: Path) -> None:
    """As when a published directory became a link, and something stray had come below it."""
    (tmp_path / "index").mkdir()
    (tmp_path / "index/suite").symlink_to("other")
    (tmp_path / "stray").write_text("bad")
    strays = [("suite/stray", tmp_path / "stray")]
    report = Quarantine(tmp_path / "kept").keep("here", refused("suite/stray"), tmp_path / "index", strays)
    assert "suite/stray\n  expected 5 bytes\n  found    7 bytes\n" in report.read_text()
    assert (report.parent / "files/suite/stray").read_text() == "bad"
