"""The status page in a real browser: at two widths, light and dark; accessible; true without scripts, live with."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from tests.browser.chromium import Browser, Page
from tests.browser.scenes import REFUSAL, SCENES, fetch
from tests.browser.stage import Stage, staged

pytestmark = [pytest.mark.integration, pytest.mark.page]

SHOTS: Final = os.environ.get("SHOTS")
"""Where pictures are kept; they are for people, nothing compares them."""

PASSES: Final = re.compile(r", [\d.]+ \w?B/s(, [^,\n]+ left)?|\b\d+ (s|min)\b|\d\d:\d\d:\d\d|live, ")
"""What is another thing a moment later, where nothing happens."""

LOOKS: Final = [(width, dark) for width in (1400, 390) for dark in (False, True)]
AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text()
FAULTS: Final = """
axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map((one) =>
    `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + node.failureSummary).join(" | ")}`))
"""
OVERFLOW: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

SMALL: Final = """
[...document.querySelectorAll("main svg.tree")].filter((one) => one.checkVisibility()).flatMap((one) =>
    [...one.querySelectorAll("text")].map((text) =>
        parseFloat(getComputedStyle(text).fontSize) * one.getBoundingClientRect().width / one.viewBox.baseVal.width))
    .reduce((least, size) => Math.min(least, size), 99)
"""
"""The smallest letters of the drawing that is shown, in CSS pixels."""

OUTSIDE: Final = """
[...document.querySelectorAll("main svg.tree")].filter((one) => one.checkVisibility()).flatMap((one) => {
    const frame = one.getBoundingClientRect();
    return [...one.querySelectorAll("text")].filter((text) => {
        const box = text.getBoundingClientRect();
        return box.width && (box.right > frame.right + 2 || box.left < frame.left - 2 || box.bottom > frame.bottom + 2);
    }).map((text) => text.textContent);
})
"""
"""Texts that stick out of the drawing."""

COVERED: Final = """
[...document.querySelectorAll("main svg.tree")].filter((one) => one.checkVisibility()).flatMap((one) => {
    const boxes = [...one.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    return boxes.flatMap(([name, a], place) => boxes.slice(place + 1).filter(([, b]) =>
        a.width && b.width && a.left < b.right - 1 && b.left < a.right - 1
        && a.top < b.bottom - 3 && b.top < a.bottom - 3).map(([other]) => `${name} / ${other}`));
})
"""
"""Texts of the drawing that lie on each other."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def stages() -> Iterator[dict[str, Stage]]:
    """Every scene, served."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(staged(scene)) for name, scene in SCENES.items()}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.page()
    yield page
    page.close()


@pytest.mark.parametrize("name", SCENES)
def test_it_is_sharp_in_every_light_and_nobody_is_kept_out(page: Page, stages: dict[str, Stage], name: str) -> None:
    for path in ("/", "/status/debian"):
        for width, dark in LOOKS:
            page.look_like(width, dark)
            page.open(f"{stages[name].url}{path}")
            where = f"{name}{path.replace('/', '-').rstrip('-')}-{width}-{'dark' if dark else 'light'}"
            if SHOTS:
                page.shot(Path(SHOTS) / f"{where}.png")
            assert page.run(OVERFLOW) <= 0, where
            assert page.run(SMALL) >= 11, where
            assert page.run(OUTSIDE) == [], where
            assert page.run(COVERED) == [], where
            if dark == (width < 1000):  # it is slow, and what it looks at is the same in the other two
                page.run(AXE)
                assert page.run(FAULTS) == [], where
            assert page.troubles() == [], where


@pytest.mark.parametrize("name", ["late", "refused", "syncing", "hundred-and-fifty"])
def test_without_scripts_everything_is_there(page: Page, stages: dict[str, Stage], name: str) -> None:
    shown = {}
    for scripts in (False, True):
        page.look_like(1400, scripts=scripts)
        page.open(f"{stages[name].url}/status/debian")
        shown[scripts] = PASSES.sub("", page.text())
    assert shown[False] == shown[True]
    assert all(one.name in shown[False] for one in SCENES[name].members)
    assert (REFUSAL in shown[False]) == (name == "refused")


def test_what_changes_is_shown_without_a_reload(page: Page) -> None:
    with staged(SCENES["syncing"]) as stage:
        page.look_like(1400)
        page.open(f"{stage.url}/")
        page.run("window.here = document.querySelector('h1'); document.querySelector('h2 a').focus()")
        page.wait_for("document.getElementById('live').textContent.startsWith('live')")
        before = page.run("document.querySelector('progress').value")
        stage.change(lambda controller: fetch(controller, 600))
        page.wait_for(f"document.querySelector('progress').value > {before} + 0.2")
        stage.change(lambda controller: controller.store.note("debian", "a word for whoever looks"))
        page.wait_for("document.body.innerText.includes('a word for whoever looks')")
        # It is the same document, and who was somewhere in it still is.
        assert page.run("window.here === document.querySelector('h1') && document.activeElement.matches('h2 a')")
        assert page.troubles() == []


def test_a_page_that_hears_nothing_more_says_so(page: Page) -> None:
    with staged(SCENES["two"]) as stage:
        page.look_like(390)
        page.open(f"{stage.url}/")
        page.wait_for("document.getElementById('live').textContent.startsWith('live')")
    page.wait_for("document.getElementById('live').textContent.startsWith('not connected')")
