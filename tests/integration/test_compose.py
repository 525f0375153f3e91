"""The compose file that operators get: a mirror, and Prometheus beside it when asked for."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import docker
import httpx
import pytest

from tests.ground import engine, sweep
from tests.ground.console import run
from tests.ground.images import PRODUCT, PROMETHEUS, TOP
from tests.ground.waiting import wait_for
from tests.harness import Node
from tests.integration.test_alerts import ALERTS

pytestmark = pytest.mark.integration

PORTS: Final = ("SSH", "RSYNC", "TLS", "HTTP", "HTTPS", "PROMETHEUS")
ENVIRONMENT: Final = "MIRROR_NAME=mirror.example.org\nMIRROR_ARCHIVES__DEBIAN__UPSTREAM=none\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Node]]:
    """Both services, on ports that are free."""
    sweep.project(sweep.COMPOSE)
    directory = tmp_path_factory.mktemp("compose")
    shutil.copy(TOP / "compose.yaml", directory)
    (directory / ".env").write_text(ENVIRONMENT)
    # The same, but that nobody has to wait for the next scrape.
    hasty = directory / "prometheus.yml"
    shipped = TOP / "rootfs/usr/share/push-mirror/prometheus/prometheus.yml"
    hasty.write_text(shipped.read_text().replace(": 15s", ": 1s"))
    hasty.chmod(0o644)
    mount = {"services": {"prometheus": {"volumes": [f"{hasty}:/etc/prometheus/prometheus.yml:ro"]}}}
    (directory / "hasty.yaml").write_text(json.dumps(mount))
    variables = {f"{name}_PORT": "0" for name in PORTS} | {"IMAGE": PRODUCT, "PROMETHEUS_IMAGE": PROMETHEUS}
    files = [word for name in ("compose.yaml", "hasty.yaml") for word in ("--file", os.fspath(directory / name))]
    command = (*engine.compose(), "--project-name", sweep.COMPOSE, *files)
    try:
        run(*command, "--profile", "prometheus", "up", "--detach", "--no-build", environment=variables)
        yield {name: _node(name) for name in ("mirror", "prometheus")}
    finally:
        sweep.project(sweep.COMPOSE)


def _node(service: str) -> Node:
    labels = [f"{sweep.PROJECT}={sweep.COMPOSE}", f"com.docker.compose.service={service}"]
    (found,) = docker.from_env().containers.list(filters={"label": labels})
    return Node(service, found)


def ask(prometheus: Node, path: str, **query: str) -> Any:
    """What its HTTP API answers; None while it does not."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{prometheus.port(9090)}/api/v1/{path}", params=query, timeout=60)
    except httpx.TransportError:
        return None
    return answer.json()["data"] if answer.status_code == 200 else None


def test_prometheus_scrapes_the_mirror_and_has_its_alerts(project: Mapping[str, Node]) -> None:
    mirror, prometheus = project["mirror"], project["prometheus"]
    mirror.wait_healthy()
    mirror.run("mirrorctl", "publish", "debian", "--wait")
    serial = f"mirror_archive_serial == {mirror.serial()}"

    def sample() -> list[dict[str, Any]]:
        return list((ask(prometheus, "query", query=serial) or {}).get("result", ()))

    assert wait_for(sample, 120, "a sample")[0]["metric"]["instance"] == "mirror:8080"
    (group,) = ask(prometheus, "rules")["groups"]
    assert [rule["name"] for rule in group["rules"]] == list(ALERTS)
    assert {rule["health"] for rule in group["rules"]} <= {"ok", "unknown"}
    shown = json.loads((TOP / "rootfs/usr/share/push-mirror/dashboard.json").read_text())["panels"]
    for text in (target["expr"] for panel in shown for target in panel.get("targets", ())):
        plain = text.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$archive", ".*")
        assert ask(prometheus, "query", query=plain) is not None, text


def test_the_image_brings_them(project: Mapping[str, Node]) -> None:
    for name in ("alerts.yml", "dashboard.json"):
        assert project["mirror"].run("cat", f"/usr/share/push-mirror/{name}") == _text(name)


def _text(name: str) -> str:
    return Path(TOP / "rootfs/usr/share/push-mirror" / name).read_text()
