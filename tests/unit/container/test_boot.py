from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.container.boot import boot
from appliance.errors import ConfigurationError
from appliance.places import Places
from appliance.store import Store
from tests.unit.samples import LARGE, SMALLEST


@pytest.fixture
def as_somebody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Boot refuses root, which a developer's container often is; and whose the directory for tests is."""
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    monkeypatch.setattr(os, "getgid", lambda: 5678)


def variables(environ: dict[str, str], places: Places) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        boot(environ, places)
    assert caught.value.exit_code == 78
    return [problem.variable for problem in caught.value.problems]


@pytest.mark.usefixtures("as_somebody")
def test_boot_makes_everything_ready(places: Places) -> None:
    boot(LARGE, places)
    assert places.archive("debian-security").is_dir()
    assert places.staging("debian").is_dir()
    assert places.supervisord_conf.is_file()
    assert places.state_host_key.read_text() == places.host_key.read_text()
    assert (places.users / "passwd").read_text() == f"mirror:x:1234:5678::{places.run}:/bin/sh\n"
    # `!*` would be a locked account to sshd.
    assert (places.users / "shadow").read_text().startswith("mirror:*:")


@pytest.mark.usefixtures("as_somebody")
def test_a_second_boot_keeps_keys_and_archives_and_sweeps_old_marks(places: Places) -> None:
    boot(SMALLEST, places)
    (places.archive("debian") / "file").write_text("x")
    places.failed.write_text("sshd\n")
    places.door.touch()
    (places.inbox / ".1234-1-abcd").write_text("cut sh")
    (places.inbox / "1234-1-abcd").write_text("accepted")
    before = places.push_key.read_text()
    boot(SMALLEST, places)
    assert places.push_key.read_text() == before
    assert (places.archive("debian") / "file").read_text() == "x"
    assert not places.failed.exists()
    assert not places.door.exists()
    assert [path.name for path in places.inbox.iterdir()] == ["1234-1-abcd"]


@pytest.mark.usefixtures("as_somebody")
def test_problems_of_settings_keys_and_volumes_come_together(places: Places) -> None:
    (places.state / "file").touch()
    bad = replace(places, data=places.state / "file")
    changes = {"MIRROR_LOG_LEVEL": "loud", "MIRROR_HOST_KEY": "no key"}
    assert variables(SMALLEST | changes, bad) == ["MIRROR_LOG_LEVEL", str(bad.data), "MIRROR_HOST_KEY"]


@pytest.mark.usefixtures("as_somebody")
def test_a_bad_environment_changes_no_volume(places: Places) -> None:
    variables({}, places)
    assert not any(places.state.iterdir())
    assert not any(places.data.iterdir())


def test_root_is_refused_and_changes_nothing(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert variables(SMALLEST, places) == ["user"]
    assert not any(places.run.iterdir())


def main(*verbs: str, **environ: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "appliance", *verbs]
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], **environ}
    )


def test_the_process_tells_every_problem_and_exits_78() -> None:
    done = main("boot", MIRROR_NAME="a b", MIRROR_FOO="x")
    assert done.returncode == 78
    assert done.stderr.startswith("push-mirror cannot start, ")
    assert {"MIRROR_NAME:", "MIRROR_FOO:", "MIRROR_ARCHIVES__<NAME>__UPSTREAM:"} <= set(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_programs_that_read_the_log_get_a_line_for_each_problem() -> None:
    done = main("boot", MIRROR_NAME="a b", MIRROR_LOG_FORMAT="json")
    told = {line["variable"]: line for line in map(json.loads, done.stderr.splitlines())}
    assert told["MIRROR_NAME"]["cure"]
    assert {line["level"] for line in told.values()} == {"error"}


@pytest.mark.parametrize("verbs", [(), ("explode",), ("boot", "now")])
def test_an_unknown_verb_is_told(verbs: tuple[str, ...]) -> None:
    done = main(*verbs)
    assert (done.returncode, done.stderr.startswith("usage: ")) == (64, True)


@pytest.mark.usefixtures("as_somebody")
def test_a_store_of_a_newer_appliance_is_refused(places: Places) -> None:
    places.store.parent.mkdir(parents=True, exist_ok=True)
    store = sqlite3.connect(places.store)
    store.execute("pragma user_version = 1000")
    store.close()
    assert variables(SMALLEST, places) == [os.fspath(places.store)]


@pytest.mark.usefixtures("as_somebody")
def test_nothing_is_made_where_a_volume_should_be(places: Places) -> None:
    boot(LARGE, places)
    store = Store(places.store)
    store.published("debian", "1", 1)
    store.close()
    shutil.rmtree(places.data)
    places.data.mkdir()
    boot(LARGE, places)
    assert not places.archive("debian").exists()
    assert not places.staging("debian").exists()
    assert places.archive("debian-security").is_dir(), "it was never published: it begins here"
