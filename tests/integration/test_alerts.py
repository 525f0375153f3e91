"""Prometheus' own judgement: of the alerts and when they fire, of the dashboard's questions."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.ground.images import PROMETHEUS, TOP
from tests.integration.alert_cases import CASES, Case

pytestmark = pytest.mark.integration

SHARE: Final = TOP / "rootfs/usr/share/push-mirror"
ALERTS: Final = {
    rule["alert"]: rule for rule in yaml.safe_load((SHARE / "alerts.yml").read_text())["groups"][0]["rules"]
}


def promtool(*words: str, mount: Path = SHARE, given: str = "") -> str:
    """What promtool says of it; it must be content."""
    done = subprocess.run(
        ["docker", "run", "--rm", "--interactive", "--network", "none", "--entrypoint", "promtool",
         "--volume", f"{mount}:/checked:ro", PROMETHEUS, *words],
        input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def readable(directory: Path, **files: Any) -> Path:
    """The directory with these files: JSON is YAML. Whoever runs in the container may read them."""
    for name, content in files.items():
        (directory / f"{name}.yml").write_text(json.dumps(content))
    for path in (*directory.parents[:2], directory, *directory.iterdir()):
        path.chmod(0o755)
    return directory


def test_the_rules_are_rules() -> None:
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", "/checked/alerts.yml")
    assert f"{len(ALERTS)} rules found" in promtool("check", "config", "/etc/prometheus/prometheus.yml")


def test_every_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    assert {case.alert for case in CASES} == set(ALERTS)
    (tmp_path / "alerts.yml").write_text((SHARE / "alerts.yml").read_text())
    tests = {"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": [played(case) for case in CASES]}
    assert "SUCCESS" in promtool("test", "rules", "/checked/tests.yml", mount=readable(tmp_path, tests=tests))


def played(case: Case) -> dict[str, Any]:
    """A case as promtool wants it."""
    rule = ALERTS[case.alert]
    fired = {
        "exp_labels": {**case.labels, **rule["labels"]},
        "exp_annotations": {**rule["annotations"], "summary": case.summary},
    }
    moments: tuple[tuple[int, list[Any]], ...] = ((case.quiet, []), (case.fires, [fired]))
    return {
        "interval": "1m",
        "input_series": [{"series": named(name, labels), "values": values} for name, labels, values in case.series],
        "alert_rule_test": [
            {"eval_time": f"{minute}m", "alertname": case.alert, "exp_alerts": expected} for minute, expected in moments
        ],
    }


def named(name: str, labels: dict[str, str]) -> str:
    return f"{name}{{{','.join(f'{key}={json.dumps(value)}' for key, value in labels.items())}}}"


def test_the_dashboard_asks_what_can_be_asked(tmp_path: Path) -> None:
    panels = json.loads((SHARE / "dashboard.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    plain = [
        text.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$archive", ".*") for text in asked
    ]
    rules = [{"record": f"asked:{number}", "expr": text} for number, text in enumerate(plain)]
    place = readable(tmp_path, asked={"groups": [{"name": "dashboard", "rules": rules}]})
    assert f"{len(asked)} rules found" in promtool("check", "rules", "/checked/asked.yml", mount=place)
