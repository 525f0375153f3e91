"""What a mirror tells Prometheus."""

from __future__ import annotations

from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from tests.harness.node import Node

_FETCH: Final = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/metrics').read().decode(), end='')"
_PROPAGATION: Final = "mirror_propagation_seconds"


def scrape(node: Node) -> str:
    """The text as it is now."""
    return node.run("python3", "-c", _FETCH)


def propagation(node: Node, mirror: str, tier: int, archive: str = "debian") -> tuple[float, float]:
    """How many publications were seen to arrive at a mirror of this tier, and the seconds that took in all."""
    wanted = {"mirror": mirror, "archive": archive, "tier": str(tier)}
    (family,) = (one for one in text_string_to_metric_families(scrape(node)) if one.name == _PROPAGATION)
    found = {one.name: one.value for one in family.samples if one.labels == wanted}
    return found.get(f"{_PROPAGATION}_count", 0), found.get(f"{_PROPAGATION}_sum", 0)
