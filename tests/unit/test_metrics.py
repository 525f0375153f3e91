"""The text that Prometheus gets: what it is made of, and that it says what the store knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from appliance import metrics
from appliance.controller import Controller, new_request
from appliance.records import Sighting
from appliance.settings import load
from appliance.tree.kin import MOST
from tests.unit.house import House, until

LABELS = {
    "archive", "cause", "code", "condition", "content", "downstream", "freshness", "kind", "le", "mirror", "planner",
    "reason", "result", "stage", "state", "tier", "version", "volume",
}  # fmt: skip
"""Nothing else may tell series apart: no path, no address, no error."""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    house = House(tmp_path / "house", downstreams="told=ssh://told mute=ssh://mute")
    house.record_ssh(monkeypatch)
    house.answer("told", f"sed -n 's/^Archive serial:/serial/p' {house.tree}/project/trace/leaf")
    house.extra = {"MIRROR_REGISTRY": '["far.example.org"]\nurls = ["http://127.0.0.1:9/*/"]\n'}
    yield house
    house.store.close()


def told(controller: Controller) -> dict[str, Metric]:
    return {one.name: one for one in text_string_to_metric_families(metrics.text(controller).decode())}


def values(family: Metric, ending: str = "", **labels: str) -> list[float]:
    """Those of a family's samples with these labels, among others."""
    wanted = labels.items()
    name = f"{family.name}{ending}"
    return [one.value for one in family.samples if one.name == name and wanted <= one.labels.items()]


def test_who_tells_of_ever_new_mirrors_fills_no_label(house: House) -> None:
    """Prometheus forgets no name that it has heard for weeks."""
    controller = Controller(load(house.environ), house.places, house.store)
    labelled: set[str] = set()
    for hour in range(4):
        others = [Sighting(f"m{hour}-{number}", "debian", None, "report") for number in range(MOST // 2)]
        controller.watch._gathered.before = {(one.mirror, one.archive): one for one in others}
        labelled |= {one.labels["mirror"] for one in told(controller)["mirror_watched_freshness"].samples}
    assert {"far.example.org", "told", "mute"} <= labelled
    assert len(labelled) == 3 + MOST


def played(house: House) -> dict[str, Metric]:
    """Three publications, of which one downstream tells that it has them; then one more request."""

    def is_told(number: int) -> bool:
        told = house.store.deliveries()
        return {(one.publication, one.state) for one in told} == {(number, "delivered")} and len(told) == 2

    async def play() -> dict[str, Metric]:
        async with house.open() as controller:
            for number in range(1, 4):
                controller.accept([new_request("debian", "all", "cli", "test")])
                await until(partial(is_told, number))
                await until(lambda: controller.lanes["debian"].figures is None)
            return told(controller)

    return asyncio.run(play())


def test_what_was_done_is_told(house: House) -> None:
    found = played(house)
    run = {"archive": "debian", "kind": "publish", "result": "success"}
    assert values(found["mirror_runs"], "_total", **run) == [3]
    assert values(found["mirror_run_duration_seconds"], "_count", **run) == [3]
    assert values(found["mirror_run_duration_seconds"], "_bucket", le="+Inf", **run) == [3]
    (publishing,) = values(found["mirror_run_stage_seconds"], "_total", stage="publish")
    assert 0 < publishing <= values(found["mirror_run_duration_seconds"], "_sum", **run)[0] + 1
    # The first sight of a mirror counts nothing; of who says nothing there is nothing to tell.
    assert values(found["mirror_propagation_seconds"], "_count", mirror="told", tier="1") == [2]
    assert not values(found["mirror_propagation_seconds"], "_count", mirror="mute")
    assert values(found["mirror_watched_freshness"], mirror="far.example.org", freshness="unknown") == [1]
    assert values(found["mirror_archive_serial"]) == [float(house.store.archive("debian").serial or 0)]


def test_histograms_survive_the_process(house: House) -> None:
    before = played(house)
    now = told(Controller(load(house.environ), house.places, house.store))
    for name in ("mirror_run_duration_seconds", "mirror_propagation_seconds", "mirror_run_stage_seconds"):
        assert before[name].samples == now[name].samples


def test_names_and_labels_keep_the_rules(house: House) -> None:
    for name, family in played(house).items():
        assert name.startswith("mirror_")
        assert family.documentation.endswith(".")
        assert not name.endswith(("_total", "_milliseconds", "_ms", "_kilobytes"))
        assert "timestamp" not in name or name.endswith("_timestamp_seconds")
        for sample in family.samples:
            assert set(sample.labels) <= LABELS, sample


def test_of_states_there_is_one(house: House) -> None:
    found = played(house)
    for name, label in (("mirror_delivery_state", "state"), ("mirror_watched_freshness", "freshness")):
        groups: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for sample in found[name].samples:
            key = tuple(sorted((key, value) for key, value in sample.labels.items() if key != label))
            groups.setdefault(key, []).append(sample.value)
        assert groups
        assert all(sorted(ones) == [0] * (len(ones) - 1) + [1] for ones in groups.values())


def test_how_old_the_oldest_request_is(house: House) -> None:
    controller = Controller(load(house.environ), house.places, house.store)
    assert not told(controller)["mirror_archive_oldest_request_timestamp_seconds"].samples
    old, young = new_request("debian", "all", "ssh", "hub"), new_request("debian", "all", "ssh", "hub")
    house.store.add([old, young, new_request("debian", "all", "retry", "ourselves", due=1)])
    assert values(told(controller)["mirror_archive_oldest_request_timestamp_seconds"]) == [
        pytest.approx(min(old.received, young.received))
    ]
