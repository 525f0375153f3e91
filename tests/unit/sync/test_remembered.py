from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.sync import remembered
from appliance.sync.entry import measure
from appliance.sync.remembered import Remembered
from appliance.sync.view import View

DIGEST = "ab" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"right")
    return tmp_path / "file"


def keep_times(file: Path, change: Callable[[], object]) -> None:
    """Change a file, and put its time back as somebody would who wants to hide it."""
    before = file.stat()
    change()
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def other_content(file: Path) -> None:
    keep_times(file, lambda: file.write_bytes(b"wrong"))


def another_file(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(b"wrong")
    keep_times(file, lambda: other.replace(file))


def another_time(file: Path) -> None:
    os.utime(file, ns=(0, 1))


def another_size(file: Path) -> None:
    keep_times(file, lambda: os.truncate(file, 4))


def another_mode(file: Path) -> None:
    file.chmod(0o600)


def another_name(file: Path) -> None:
    file.with_name(f"again{file.stat().st_nlink}").hardlink_to(file)


@pytest.mark.parametrize(
    "change", [other_content, another_file, another_time, another_size, another_mode, another_name]
)
def test_a_file_that_was_touched_is_not_the_one_that_was_read(file: Path, change: Callable[[Path], None]) -> None:
    known, status = Remembered(), file.stat()
    known.add(status, DIGEST)
    assert known.has(file.stat(), DIGEST)
    while file.stat().st_ctime_ns == status.st_ctime_ns:  # the kernel's clock has to move first
        change(file)
    assert not known.has(file.stat(), DIGEST)
    assert known.has(status, DIGEST)


def test_another_content_is_not_known(file: Path) -> None:
    known = Remembered()
    assert not known.has(file.stat(), DIGEST)
    known.add(file.stat(), DIGEST)
    assert not known.has(file.stat(), DIGEST[1:] + "0")
    assert not known.has(file.stat(), "")
    assert not Remembered().has(file.stat(), DIGEST)


def test_what_fits_is_what_was_read_as_this(file: Path) -> None:
    known, right = Remembered(), measure(file)
    view = View(file.parent / "staging", file.parent, remembered=known)
    assert not view.remembers("file", right)
    known.add(file.stat(), right.digest)
    assert view.remembers("file", right)
    assert view.remembers("file", replace(right, size=None))
    assert not view.remembers("file", replace(right, size=4))
    assert not view.remembers("file", replace(right, digest=""))
    assert not view.remembers("file", measure(file, "sha512"))
    assert not view.remembers("file", replace(right, algorithm="sha512"))
    assert not view.remembers("nothing", right)


@pytest.mark.parametrize("time", [-(1 << 34), 1 << 34, 1 << 40])
def test_a_file_of_any_time_is_remembered(file: Path, time: int) -> None:
    """Upstreams set times; behind the year 2262 they take more than 64 bits of nanoseconds."""
    known, seen = Remembered(), file.stat()
    status = os.stat_result((*seen[:8], time, seen[9]), {"st_mtime_ns": time * 10**9, "st_ctime_ns": 1})
    known.add(status, DIGEST)
    assert known.has(status, DIGEST)
    assert not known.has(seen, DIGEST)


def test_its_memory_has_a_bound(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 1000)
    status = file.stat()
    tracemalloc.start()
    try:
        known = Remembered()
        for number in range(10_000):
            known.add(status, f"{number:064x}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000
    assert known.has(status, f"{9_999:064x}")
    assert not known.has(status, f"{0:064x}")
