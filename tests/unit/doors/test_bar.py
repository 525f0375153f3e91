from __future__ import annotations

import sys

import pytest

from appliance.doors.bar import Bar


def walk(bar: Bar) -> None:
    with bar:
        for stage, files, size in (("indices", None, None), ("files", None, None), ("content", 3, 3_000_000)):
            bar.begin(stage, files, size)
            for _ in range(3):
                bar.done(1, 1_000_000)


def test_plain_lines_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    walk(Bar("debian", silent=False))
    assert capsys.readouterr().out == "debian: 3 files to measure, 3.0 MB\n"


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    walk(Bar("debian", silent=True))
    assert capsys.readouterr().out == ""


def test_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    walk(Bar("debian", silent=False))
    out = capsys.readouterr().out
    assert "debian: content" in out
    assert "3.0/3.0 MB" in out
    assert "3/3 files" in out
