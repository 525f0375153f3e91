"""The alerts and the dashboard that the image brings: every name in them is one that there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, Final, get_args

import pytest
import yaml
from typer.main import get_command

from appliance import metrics
from appliance.controller import Controller
from appliance.doors import cli
from appliance.metrics.mirrors import STATES
from appliance.notices.conditions import Aspect
from appliance.records import Fresh
from appliance.run.figures import STAGES
from appliance.settings import load
from tests.unit.house import House

SHARE: Final = Path(__file__).parents[2] / "rootfs/usr/share/push-mirror"
README: Final = Path(__file__).parents[2] / "README.md"

ELSEWHERE: Final = {"up"}
"""What Prometheus itself knows of a target."""


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((SHARE / "alerts.yml").read_text())["groups"]
    return list(group["rules"])


def board() -> dict[str, Any]:
    return dict(json.loads((SHARE / "dashboard.json").read_text()))


def queries() -> Iterator[str]:
    for panel in board()["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in board()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"].removeprefix("label_values(").partition(",")[0]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all series that a scrape may hold."""
    house = House(tmp_path_factory.mktemp("house"))
    text = metrics.text(Controller(load(house.environ), house.places, house.store)).decode()
    house.store.close()
    found = set(ELSEWHERE)
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M):
        found |= {f"{name}{end}" for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return found


def used(expression: str) -> set[str]:
    """The metrics of an expression; labels, what is grouped by and what is said are none."""
    bare = re.sub(r"\b(?:by|on|ignoring)\s*\([^)]*\)|\{[^}]*\}", " ", expression)
    return set(re.findall(r"\bmirror_[a-z_]+\b|\bup\b", bare))


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in alerts()), *queries()])
def test_metrics_that_there_are(expression: str, names: set[str]) -> None:
    assert used(expression)
    assert used(expression) <= names


CLOSED: Final = {
    "condition": {aspect.name.lower() for aspect in Aspect},
    "freshness": set(get_args(Fresh)),
    "stage": set(STAGES),
    "state": set(STATES),
}
"""What a label may be."""


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in alerts()), *queries()])
def test_values_that_there_are(expression: str) -> None:
    for label, words in re.findall(r'(\w+)=~?"([a-z|]+)"', expression):
        assert label in CLOSED or label == "job"
        assert set(words.split("|")) <= CLOSED.get(label, {words})


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    runbook = rule["annotations"]["runbook"]
    verbs = set(get_command(cli.app).commands)  # type: ignore[attr-defined]
    assert set(re.findall(r"`mirrorctl ([a-z]+)", runbook)) <= verbs
    documented = README.read_text()
    assert all(re.search(f"{name}[`=]", documented) for name in re.findall(r"`([A-Z_]{4,})`", runbook))


def test_the_dashboard_is_one() -> None:
    shown = board()
    assert shown["schemaVersion"] >= 36
    panels = shown["panels"]
    assert {panel["type"] for panel in panels} <= {"row", "stat", "timeseries", "state-timeline", "heatmap"}
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert panel["title"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        targets = panel.get("targets", [])
        assert bool(targets) == (panel["type"] != "row")
        assert len({target["refId"] for target in targets}) == len(targets)
        assert all(target["datasource"]["uid"] == "${datasource}" for target in targets)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
