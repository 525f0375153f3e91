from __future__ import annotations

import os
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import __version__
from appliance.sync import trace
from appliance.sync.trace import Trace

NOON = 1795262400.0  # Sat Nov 21 12:00:00 UTC 2026
OURS = Trace(name="leaf", host="box", started=NOON - 60, ended=NOON, upstream="hub", trigger="ssh", received=1000)


def test_text() -> None:
    text = replace(OURS, stage1_seconds=3, stage2_seconds=2, info=(("Country", "DE"),)).text("2026112101")
    assert text.splitlines() == [
        "Sat Nov 21 12:00:00 UTC 2026",
        "Date: Sat, 21 Nov 2026 12:00:00 +0000",
        "Date-Started: Sat, 21 Nov 2026 11:59:00 +0000",
        "Archive serial: 2026112101",
        f"Creator: push-mirror {__version__}",
        "Running on host: box",
        "Country: DE",
        "Trigger: ssh",
        "Architectures-Configuration: ALL",
        "Upstream-mirror: hub",
        "Rsync-Transport: undefined",
        "Total bytes received in rsync: 1000",
        "Total time spent in stage1 rsync: 3",
        "Total time spent in stage2 rsync: 2",
        "Total time spent in rsync: 5",
        "Average rate: 200 B/s",
    ]


def test_every_line_suits_the_readers_in_the_wild() -> None:
    """The status checker's date form, and the redirector's rule for every further line (PROTOCOL section 4.3)."""
    first, *others = OURS.text(None).splitlines()
    assert re.fullmatch(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d (UTC|GMT) \d{4}", first)
    assert all(re.match(r"[\w -]+: .", line) for line in others)


def test_architectures_and_how_they_were_chosen(tmp_path: Path) -> None:
    for path in ("s/main/binary-amd64", "s/main/binary-all", "s/updates/main/source", "s/main/by-hash/binary-no"):
        (tmp_path / "dists" / path).mkdir(parents=True)
    (tmp_path / "dists/stable").symlink_to("s")
    found = trace.architectures(tmp_path)
    assert found == ("all", "amd64", "source")
    text = replace(OURS, architectures=found, configuration="INCLUDE amd64 source ").text(None)
    assert "\nArchitectures: all amd64 source \n" in text
    assert "\nArchitectures-Configuration: INCLUDE amd64 source \n" in text


def test_the_seconds_of_a_stage_1_are_counted_once_its_stage_2_is_over(tmp_path: Path) -> None:
    trace.write_stage1(tmp_path, replace(OURS, stage1_seconds=12))
    trace.write(tmp_path, replace(OURS, stage2_seconds=3))
    assert trace.field_of(tmp_path / "project/trace/leaf", "Total time spent in rsync") == "15"


def test_origin_bumps_its_serial(tmp_path: Path) -> None:
    first = trace.bump(tmp_path, replace(OURS, name="origin"))
    second = trace.bump(tmp_path, replace(OURS, name="origin"))
    assert (first, second) == ("2026112101", "2026112102")
    assert trace.serial_of(tmp_path) == second
    assert os.readlink(tmp_path / "project/trace/master") == "origin"


def test_an_origin_with_a_longer_history_never_goes_back(tmp_path: Path) -> None:
    trace.put(tmp_path, "master", "Thu Jan  1 00:00:00 UTC 2026\nArchive serial: 2030010105\n")
    assert trace.bump(tmp_path, replace(OURS, name="origin")) == "2030010106"


@given(st.one_of(st.none(), st.text(), st.integers(0, 10**12).map(str)), st.integers(0, 4 * 10**9))
def test_the_next_serial_is_always_ahead(before: str | None, now: int) -> None:
    after = trace.next_serial(before, now)
    assert after.isdigit()
    if before and before.isdigit() and before.isascii() and len(before) <= 18:
        assert int(after) > int(before)


def test_a_mirror_carries_the_masters_serial(tmp_path: Path) -> None:
    trace.put(tmp_path, "master", "Thu Jan  1 00:00:00 UTC 2026\nArchive serial: 2026112107\n")
    trace.write_stage1(tmp_path, OURS)
    assert (tmp_path / "project/trace/leaf-stage1").exists()
    trace.write(tmp_path, OURS)
    assert trace.field_of(tmp_path / "project/trace/leaf", "Archive serial") == "2026112107"
    assert not (tmp_path / "project/trace/leaf-stage1").exists()


def test_hierarchy_and_traces(tmp_path: Path) -> None:
    trace.put(tmp_path, "_hierarchy.mirror", "origin origin o unknown\nhub hub h origin\n")
    trace.put(tmp_path, "hub", "x\n")
    os.utime(tmp_path / "project/trace/hub", (1, 1))
    trace.write(tmp_path, OURS)
    trace.write(tmp_path, OURS)
    lines = (tmp_path / "project/trace/_hierarchy").read_text().splitlines()
    assert lines == ["origin origin o unknown", "hub hub h origin", "leaf leaf box hub"]
    assert (tmp_path / "project/trace/_traces").read_text().splitlines() == ["hub", "leaf"]


@pytest.mark.parametrize(
    "text", ["", "one line", "x\nArchive serial:\n", "x\nArchive serial 5\n", "x\nArchive serial: 1\0\n"]
)
def test_a_trace_without_serial(tmp_path: Path, text: str) -> None:
    trace.put(tmp_path, "master", text)
    assert trace.serial_of(tmp_path) is None
    assert trace.serial_of(tmp_path / "nowhere") is None


def test_a_companion_is_written_when_it_changes_and_never_through_a_link(tmp_path: Path) -> None:
    trace.put(tmp_path, "_traces", "one\n")
    place = tmp_path / "project/trace/_traces"
    first = place.stat().st_ino
    trace.put(tmp_path, "_traces", "one\n")
    assert place.stat().st_ino == first
    trace.put(tmp_path, "_traces", "two\n")
    assert place.read_text() == "two\n"
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    trace.put(tmp_path, "_traces", "two\n")
    assert not place.is_symlink()


def test_of_a_trace_no_more_is_read_than_one_may_have(tmp_path: Path) -> None:
    """An upstream's may have gigabytes, or be a link to a file that has."""
    trace.put(tmp_path, "image", "x\nArchive serial: 2026112107\n")
    with (tmp_path / "project/trace/image").open("ab") as file:
        file.truncate(1 << 26)
    for name in ("master", "_hierarchy.mirror"):
        (tmp_path / "project/trace" / name).symlink_to("image")
    tracemalloc.start()
    try:
        assert trace.serial_of(tmp_path) == "2026112107"
        trace.write(tmp_path, OURS)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_a_trace_by_a_name_of_no_utf_8_is_known_like_any_other(tmp_path: Path) -> None:
    name = os.fsdecode(b"raw\xe9")
    trace.put(tmp_path, name, "x\n")
    os.utime(tmp_path / "project/trace" / name, (1, 1))
    for _ in range(2):
        trace.write(tmp_path, OURS)
    assert (tmp_path / "project/trace/_traces").read_bytes().splitlines() == [b"raw\xe9", b"leaf"]
