"""What users and downstreams were sent, as the metrics have it and as it arrives there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.harness import Lone, Node
from tests.harness.scrape import scrape
from tests.integration.test_alerts import promtool

pytestmark = pytest.mark.integration

SIZE: Final = 300_000
WRITE: Final = f"mkdir -p /srv/mirror/debian/pool && head -c {SIZE} /dev/urandom >/srv/mirror/debian/pool/file"
LOAD: Final = """
import http.client, sys
line = http.client.HTTPConnection("127.0.0.1", 8080)
for path in sys.argv[1:]:
    line.request("GET", path)
    line.getresponse().read()
"""
MANY: Final = 90_000
"""Lines that make the log one to be begun anew."""
HITS: Final = "/run/mirror/hits"
FULL: Final = f"yes 'debian 200 1 direct' | head -n {MANY} >>{HITS}"


def counted(node: Node, name: str, **labels: str) -> float:
    """The value of a series; 0 while there is none."""
    families = text_string_to_metric_families(scrape(node))
    samples = (one for family in families for one in family.samples if one.name == name)
    return next((one.value for one in samples if one.labels == {"archive": "debian", **labels}), 0.0)


def number(node: Node, code: str) -> float:
    """How many answers of a class there were."""
    return counted(node, "mirror_http_requests_total", code=code)


def test_every_answer_is_counted_also_while_the_log_is_begun_anew(lone: Callable[..., Lone]) -> None:
    mirror = lone()
    mirror.wait_healthy()
    mirror.run("sh", "-c", WRITE)
    mirror.run("mirrorctl", "publish", "debian", "--wait")

    def load(times: int) -> None:
        mirror.run("python3", "-c", LOAD, *["/debian/pool/file"] * times, "/debian/nothing", "/healthz")

    def answers(count: float, loads: int) -> None:
        """So many are counted, and for each load one that found nothing; nginx hands on its lines when it likes."""

        def come(node: Node) -> bool:
            return number(node, "2xx") >= count and number(node, "4xx") >= loads

        mirror.wait_for(come, 60, "counts")
        assert (number(mirror, "2xx"), number(mirror, "4xx")) == (count, loads)

    load(3)
    answers(3, 1)
    sent = counted(mirror, "mirror_http_sent_bytes_total", code="2xx")
    assert 3 * SIZE < sent < 3 * (SIZE + 1000)
    mirror.run("sh", "-c", FULL)
    load(2)
    answers(3 + MANY + 2, 2)
    both = ("test", "-e", HITS, "-a", "-e", f"{HITS}.before")
    mirror.wait_for(lambda node: node.exec(*both).code == 0, 60, "begins anew")
    load(4)
    answers(3 + MANY + 6, 3)
    assert counted(mirror, "mirror_http_sent_bytes_total", code="2xx") == sent * 3 + MANY
    assert int(mirror.run("stat", "-c", "%s", HITS)) < 1000


def test_rsync_clients_are_counted_and_all_of_it_is_clean(lone: Callable[..., Lone]) -> None:
    mirror = lone()
    mirror.wait_healthy()
    mirror.run("sh", "-c", WRITE)
    mirror.run("mirrorctl", "publish", "debian", "--wait")
    for module in ("debian", "debian", "debian_journal"):
        mirror.run("rsync", "-r", f"rsync://127.0.0.1:8730/{module}/", "/tmp/copy/")
        mirror.run("rm", "-r", "/tmp/copy")
    name = "mirror_rsync_connections_total"
    # Each tells of itself when its client may be gone already, and not in their order.
    expected = {"journal": 1.0, "archive": 2.0}
    mirror.wait_for(
        lambda node: all(counted(node, name, content=key) >= expected[key] for key in expected), 60, "hears"
    )
    assert {key: counted(mirror, name, content=key) for key in expected} == expected
    assert 2 * SIZE < counted(mirror, "mirror_rsync_sent_bytes_total", content="archive") < 2 * (SIZE + 5000)
    assert promtool("check", "metrics", given=scrape(mirror)) == ""
