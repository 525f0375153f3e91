"""What needs nobody else: settings, keys, disks, and whether anything runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.doctor import configuration, disks, keys, running
from appliance.doctor.finding import Level, worst
from appliance.places import Places
from appliance.store import Store
from tests.unit.doctor.room import everything, look, only
from tests.unit.samples import HUB_KEY, SMALLEST


@pytest.fixture(autouse=True)
def as_somebody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's container often runs as root, and of that the doctor complains first; tmp_path is root's."""
    monkeypatch.setattr(os, "getuid", lambda: 1234)


WELL = {"ARCHIVES__DEBIAN__VERIFY": "off", "TRIGGERS__HUB__KEY": HUB_KEY}
"""With this nothing is to be said of the smallest mirror."""


@pytest.mark.parametrize(
    ("changes", "about", "fact"),
    [
        ({"ARCHIVES__DEBIAN__PASSWORD": "x"}, "MIRROR_ARCHIVES__DEBIAN__PASSWORD", "names no user"),
        ({"ARCHIVES__DEBIAN__VERIFY": "full"}, "MIRROR_ARCHIVES__DEBIAN__KEYRING", "signatures are not"),
        ({"TRIGGERS__HUB__ARCHIVES": ""}, "", ""),
        ({"RSYNC_SECRETS": "leaf:x"}, "MIRROR_RSYNC_SECRETS", "leaf, whom no archive asks"),
    ],
)
def test_what_has_no_effect(places: Places, changes: dict[str, str], about: str, fact: str) -> None:
    findings = look(configuration.examine, places, **WELL | changes)
    if not about:
        assert worst(findings) is Level.OK
        return
    found = only(findings)
    assert (found.about, fact in found.fact, bool(found.cure)) == (about, True, True)


@pytest.mark.parametrize(
    ("files", "level", "fact"),
    [
        (None, Level.ERROR, "No such file or directory; no hook is run"),
        ({"hook1.sh": 0o755}, Level.WARNING, "holds none of hook1, "),
        ({"hook1": 0o755, "hook3": 0o644}, Level.ERROR, "hook3 cannot be run"),
    ],
)
def test_hooks_that_are_not_run(
    places: Places, tmp_path: Path, files: dict[str, int] | None, level: Level, fact: str
) -> None:
    directory = tmp_path / "hooks"
    for name, mode in (files or {}).items():
        directory.mkdir(exist_ok=True)
        (directory / name).touch(mode)
    found = only(look(configuration.examine, places, **WELL, HOOKS=str(directory)))
    assert (found.level, found.about, fact in found.fact, bool(found.cure)) == (level, "MIRROR_HOOKS", True, True)


def test_hooks_that_are_run(places: Places, tmp_path: Path) -> None:
    (tmp_path / "hook4").touch(0o755)
    assert worst(look(configuration.examine, places, **WELL, HOOKS=str(tmp_path))) is Level.OK


def test_a_mirror_that_nobody_triggers(places: Places) -> None:
    found = only(look(configuration.examine, places, ARCHIVES__DEBIAN__VERIFY="off"))
    assert (found.about, "every 6h only" in found.fact) == ("MIRROR_ARCHIVES__DEBIAN__SCHEDULE", True)


def test_what_is_refused_is_all_that_is_said_of_the_settings(places: Places) -> None:
    findings = look(configuration.examine, places, LOG_LEVEL="loud", NAME="a b")
    assert {(one.level, one.about) for one in findings} == {
        (Level.ERROR, "MIRROR_LOG_LEVEL"),
        (Level.ERROR, "MIRROR_NAME"),
    }


def test_nothing_is_made_by_a_look(places: Places) -> None:
    def files() -> list[str]:
        roots = (places.run, places.state, places.data)
        return sorted(str(path) for root in roots for path in root.rglob("*") if places.users not in path.parents)

    before = files()
    everything(places, SMALLEST)
    assert [path for path in files() if path != str(places.users)] == before


def test_every_family_has_its_say(places: Places) -> None:
    found = everything(places, SMALLEST)
    assert not [one for one in found if "could not be looked at" in one.fact]
    assert any(one.about.startswith("rsync ") for one in found)


def test_a_broken_configuration_keeps_nobody_from_looking(places: Places) -> None:
    found = {one.about for one in everything(places, {"MIRROR_NAME": "a b", "MIRROR_FOO": "x"})}
    assert {"MIRROR_NAME", "MIRROR_FOO", "container", "volumes", "MIRROR_PUSH_KEY"} <= found


def test_a_key_of_ours_that_cannot_be_used(places: Places) -> None:
    places.state_push_key.parent.mkdir()
    places.state_push_key.write_text("no key")
    assert only(look(keys.examine, places), Level.ERROR).about == str(places.state_push_key)


def test_our_own_key_among_those_that_may_trigger(places: Places, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    changes = {"PUSH_KEY": key.read_text(), "TRIGGERS__HUB__KEY": key.with_suffix(".pub").read_text()}
    found = only(look(keys.examine, places, **changes), Level.ERROR)
    assert (found.about, "our own" in found.fact) == ("MIRROR_TRIGGERS__HUB__KEY", True)


def test_too_little_room(places: Places) -> None:
    found = only(look(disks.examine, places, RESERVE="900T"), Level.ERROR)
    assert (found.about, "MIRROR_RESERVE" in found.fact, "MIRROR_RESERVE" in found.cure) == (
        str(places.data),
        True,
        True,
    )


def test_a_volume_that_is_not_mounted(places: Places) -> None:
    store = Store(places.store)
    store.published("debian", "1", 1)
    store.close()
    found = only(look(disks.examine, places), Level.ERROR)
    assert (found.about, "not mounted" in found.fact) == (str(places.archive("debian")), True)


def test_a_volume_that_belongs_to_another(places: Places) -> None:
    places.data.rmdir()
    places.data.write_text("no directory")
    assert only(look(disks.examine, places), Level.ERROR).about == str(places.data)


def test_root_is_told_before_all_else(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert [one.about for one in look(disks.examine, places)] == ["user"]


def picture(**changes: Any) -> dict[str, Any]:
    archive = {"paused_at": None, "state": "idle", "published_at": 1.0, "role": "mirror", "error": None, **changes}
    return {"name": "leaf", "archives": {"debian": archive}}


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"paused_at": 1.0}, Level.NOTE, "mirrorctl resume debian"),
        ({"state": "failing", "error": "the fact\n  the cure"}, Level.ERROR, "the cure"),
        ({"published_at": None}, Level.WARNING, "mirrorctl sync debian"),
    ],
)
def test_what_the_controller_says_of_an_archive(
    places: Places, changes: dict[str, Any], level: Level, words: str
) -> None:
    (found,) = (one for one in look(running.examine, places, picture(**changes)) if one.about == "debian")
    assert (found.level, words in found.cure) == (level, True)


def test_a_controller_that_is_down(places: Places) -> None:
    places.controller_pid.write_text("1\n")
    found = {one.about: one for one in look(running.examine, places)}
    assert (found["controller"].level, "nobody is there" in found["controller"].fact) == (Level.ERROR, True)


def test_a_core_process_that_has_ended(places: Places) -> None:
    places.failed.write_text("sshd\n")
    assert "core process sshd" in look(running.examine, places)[0].fact


def test_a_container_in_which_nothing_runs_is_no_fault(places: Places) -> None:
    assert [one.level for one in look(running.examine, places)] == [Level.NOTE]
