"""The page without a browser: everything is in it, nothing is from elsewhere, nothing of what it shows is markup."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import Markup

from appliance.board.view import Board
from appliance.controller import Controller
from appliance.doors import page
from tests.browser.scenes import NAME, REFUSAL, SCENES, SERIALS, Member, Scene
from tests.unit.house import House
from tests.unit.scenery import asked


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house")
    yield house
    house.store.close()


def test_every_mirror_and_what_is_wrong_is_on_it(house: House) -> None:
    front, archive = (answer.text for answer in asked(house, SCENES["late"], "/", "/status/debian"))
    for one in SCENES["late"].members:
        assert one.name in front
        assert one.error in archive
    assert "3 of 12 mirrors are behind." in front
    assert SERIALS[-1] in front
    assert "its indices are older than its trace says" in archive


def test_a_refused_update_is_told_in_words(house: House) -> None:
    (front,) = asked(house, SCENES["refused"], "/")
    assert "debian does not sync." in front.text
    assert REFUSAL in front.text


def test_how_far_a_sync_is(house: House) -> None:
    (front,) = asked(house, SCENES["syncing"], "/")
    assert "fetching payload" in front.text
    assert re.search(r'<progress max="1" value="0\.42\d"', front.text)
    assert "1\u202f150 of 2\u202f701 files, 1.0 GB of 2.4 GB" in front.text


@pytest.mark.parametrize("path", ["/", "/status/debian", "/status/debian?before=3"])
def test_nothing_comes_from_elsewhere_and_nothing_else_may_run(house: House, path: str) -> None:
    (answer,) = asked(house, SCENES["twelve"], path)
    assert not re.search(r"""src=|@import|url\(|<link (?![^>]*href="data:)""", answer.text)
    assert " style=" not in answer.text
    assert not re.search(r"\son\w+=", answer.text)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for element in ("style", "script"):
        (text,) = re.findall(f"<{element}>(.*?)</{element}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy


def test_names_and_errors_are_text(house: House) -> None:
    hostile = "<script>alert(1)</script>\"'&"
    scene = Scene("hostile", (Member("leaf.example.net", NAME, 1, hostile, hostile),), refusal=hostile)
    for answer in asked(house, scene, "/", "/status/debian"):
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;alert" in answer.text


@pytest.mark.parametrize("path", ["/status/other", "/status/debian?before=x", "/status/debian?before=²", "/status/"])
def test_there_are_no_other_pages(house: House, path: str) -> None:
    assert asked(house, SCENES["two"], path)[0].status_code == 404


def test_runs_of_the_past_are_on_further_pages(house: House) -> None:
    first, older = (
        answer.text for answer in asked(house, SCENES["refused"], "/status/debian", "/status/debian?before=2")
    )
    assert "Older runs" not in first  # there are 25
    assert "Newest runs" in older
    assert REFUSAL not in older.partition('id="runs"')[2]


def test_a_page_is_made_once_for_all_who_ask_at_a_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str | None] = []
    draw = page._draw

    def drawn(controller: Controller, only: str | None) -> tuple[Board, Markup]:
        made.append(only)
        return draw(controller, only)

    monkeypatch.setattr(page, "_draw", drawn)
    monkeypatch.setattr(page, "AGE", 60)
    asked(house, SCENES["two"], *["/", "/status/debian", "/status/debian?before=9"] * 5)
    assert made == [None, "debian"]
