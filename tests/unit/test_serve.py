"""The controller as a process of its own: its doors, its signals, and mirrorctl talking to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from appliance.container import render
from appliance.doors import cli, program
from appliance.errors import ApplianceError
from appliance.settings import load
from appliance.store import Store
from tests.unit.house import House
from tests.unit.service import Service
from tests.unit.upstream import PATIENCE, eventually


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    # A socket's path must be short, which pytest's directories are not.
    root = Path(tempfile.mkdtemp(prefix="house"))
    house = House(root)
    (root / "downstreams").touch()
    house.extra["MIRROR_DOWNSTREAMS_FILE"] = str(root / "downstreams")
    house.store.close()
    service = Service(house)
    monkeypatch.setattr(program, "PLACES", house.places)
    for name, value in house.environ.items():
        monkeypatch.setenv(name, value)
    yield service
    service.process.kill()
    service.process.wait()
    shutil.rmtree(root)


def mirrorctl(*words: str) -> str:
    result = CliRunner().invoke(cli.app, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def test_the_way_of_an_operator(service: Service) -> None:
    assert service.get("/healthz").status_code == 200
    unready = service.get("/readyz")
    assert (unready.status_code, unready.json()["reasons"]) == (503, ["debian: nothing published yet"])
    assert "serial 20" in mirrorctl("publish", "debian", "--wait")
    assert service.get("/readyz").status_code == 200
    picture = json.loads(mirrorctl("status", "--json"))
    debian = picture["archives"]["debian"]
    assert (picture["name"], debian["role"], debian["state"], debian["publication"]) == ("leaf", "origin", "idle", 1)
    assert debian["last_run"]["result"] == "success"
    assert debian["serial"] in mirrorctl("status")
    assert debian["serial"] in service.get("/").text


def test_a_state_volume_that_cannot_be_written_is_told_of(service: Service) -> None:
    with closing(sqlite3.connect(service.house.places.store)) as db:
        db.execute("create trigger full before insert on pause begin select raise(abort, 'full'); end")
    said = CliRunner().invoke(cli.app, ["pause", "debian"]).exception
    assert isinstance(said, ApplianceError)
    assert "the state volume cannot be written" in said.fact


def test_what_was_refused_is_shown(service: Service) -> None:
    with closing(Store(service.house.places.store)) as store:
        store.refuse("debian", 5, [f"pool/{number}\\x1b: a reason" for number in range(5)])
    shown = mirrorctl("status").splitlines()[-5:]
    assert shown[0] == "debian: 5 paths of the upstream are refused"
    assert shown[1] == r"debian: pool/0\x1b: a reason"
    assert shown[-1] == "debian: 2 more, see mirrorctl status --json"
    assert len(json.loads(mirrorctl("status", "--json"))["archives"]["debian"]["refused"]["paths"]) == 5


def test_metrics_are_metrics(service: Service) -> None:
    mirrorctl("publish", "debian", "--wait")
    families = {family.name: family for family in text_string_to_metric_families(service.get("/metrics").text)}
    (runs,) = families["mirror_runs"].samples
    assert (runs.labels, runs.value) == ({"archive": "debian", "kind": "publish", "result": "success"}, 1)
    assert families["mirror_archive_published_timestamp_seconds"].samples[0].value > 1.7e9


def test_term_ends_it_in_order(service: Service) -> None:
    assert service.end() == 0
    assert "controller stops" in service.log.read_text()
    assert not service.house.places.controller_pid.exists()


def test_who_listens_holds_up_no_end(service: Service) -> None:
    with service.listening() as lines:
        assert next(lines) == "retry: 3000"
        assert service.end() == 0
    assert "controller stops in the middle" not in service.log.read_text(), "it was waited for, and then left"


def test_a_second_controller_is_refused(service: Service) -> None:
    other = Service(service.house)
    assert other.process.wait(PATIENCE) == 1
    assert "another controller uses" in other.log.read_text()
    assert service.get("/healthz").status_code == 200


def test_a_request_without_wait_is_accepted_and_served(service: Service) -> None:
    assert mirrorctl("publish", "debian") == "accepted\n"
    eventually(lambda: service.get("/api/v1/status").json()["archives"]["debian"]["publication"] == 1)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("sync", "other"), 78, "there are: debian"),
        (("sync", "debian"), 1, "mirrorctl publish debian"),
        (("push", "debian"), 1, "never published"),
        (("push", "other"), 1, "there are: debian"),
    ],
)
def test_what_mirrorctl_refuses(service: Service, words: tuple[str, ...], code: int, says: str) -> None:
    environ = {**os.environ, "ROOT": str(service.house.root), "PYTHONPATH": os.getcwd()}
    program = (
        "import os; from pathlib import Path; from appliance.doors import cli, program as shared;"
        "from appliance.places import Places;"
        "root = Path(os.environ['ROOT']); shared.PLACES = Places(root / 'run', root / 'state', root / 'data');"
        "cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_hup_takes_over_mounted_files_and_keeps_the_old_settings_when_they_are_broken(service: Service) -> None:
    render.apply(load(service.house.environ), service.house.places)
    mounted = service.house.root / "downstreams"
    for text, logged in (("leaf1=ssh://mirror@leaf1", "reloaded"), ("leaf1=gopher://leaf1", "not reloaded")):
        mounted.write_text(text)
        service.process.send_signal(signal.SIGHUP)
        eventually(lambda logged=logged: f" {logged}" in service.log.read_text())  # type: ignore[misc]
        assert list(service.get("/api/v1/status").json()["downstreams"]) == ["leaf1"]
    assert "MIRROR_DOWNSTREAMS" in service.log.read_text()
