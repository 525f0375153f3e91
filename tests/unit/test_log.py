from __future__ import annotations

import asyncio
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import log


def test_human_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log.start("human", "info")
    log.event("published", archive="debian", serial="2026112101", run=None)
    line = capsys.readouterr().out
    assert line.endswith(" info    published archive=debian serial=2026112101\n")


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log.start("json", "info")
    log.trouble("run failed", archive="debian", run=7, reason="one\ntwo\x1b[2J")
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["event"], line["run"]) == ("warning", "run failed", 7)
    assert line["reason"] == "one | two\\x1b[2J"


def test_an_unexpected_fault_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.start("human", "info")
    try:
        raise ValueError("why")
    except ValueError:
        log.fault("fault", run=1)
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 1
    assert "ValueError: why" in shown


def test_lines_of_a_run_say_so_also_from_its_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        with log.about(archive="debian", run=7):
            await asyncio.create_task(part())
        log.event("after")

    async def part() -> None:
        log.event("part", run=8, file="a")

    log.start("human", "info")
    asyncio.run(work())
    inside, after = capsys.readouterr().out.splitlines()
    assert inside.endswith(" part archive=debian run=8 file=a")
    assert after.endswith(" after")
    assert log.entries("debian")[-1].items() >= {"level": "info", "event": "part", "run": 8}.items()


def test_libraries_complain_in_our_form(capsys: pytest.CaptureFixture[str]) -> None:
    log.start("json", "info")
    logging.getLogger("uvicorn.error").warning("one\ntwo")
    assert json.loads(capsys.readouterr().out)["event"] == "one | two"


def test_what_is_below_the_level_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    log.start("human", "warning")
    log.event("quiet")
    assert capsys.readouterr().out == ""


def test_names_are_shown_by_their_bytes() -> None:
    assert log.visible(b"a\xe9\t\x1b\x7f".decode("utf-8", "surrogateescape") + "ü") == r"a\xe9\t\x1b\x7fü"


@given(st.text())
def test_no_text_can_do_anything_to_a_terminal(text: str) -> None:
    assert log.clean(text).isprintable()
