"""What the panels of the dashboard ask, and what a Prometheus answers."""

from __future__ import annotations

import json
from typing import Final

from tests.harness import Node
from tests.integration.test_alerts import SHARE

_STAND_INS: Final = {"$__rate_interval": "30s", "$instance": ".+", "$archive": ".+"}


def _plain(text: str) -> str:
    for variable, value in _STAND_INS.items():
        text = text.replace(variable, value)
    return text


PANELS: Final = {
    panel["title"]: [_plain(target["expr"]) for target in panel["targets"]]
    for panel in json.loads((SHARE / "dashboard.json").read_text())["panels"]
    if panel["type"] != "row"
}
"""The queries of each panel."""

NOTHING: Final = {"Until a suite expires", "Run under way"}
"""Panels that are empty where no suite expires, and no run lasts."""


def shown(prometheus: Node, text: str) -> list[str]:
    """The values that a query has now; what is no number is none."""
    answer = prometheus.exec("promtool", "query", "instant", "--format=json", "http://127.0.0.1:9090", text)
    found = json.loads(answer.out) if answer.code == 0 else []
    return [value for one in found if (value := one["value"][1]) != "NaN"]


def all_shown(prometheus: Node, title: str) -> bool:
    """Whether every query of a panel has values."""
    return all(shown(prometheus, text) for text in PANELS[title])
