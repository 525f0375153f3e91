from __future__ import annotations

from pathlib import Path

import pytest

from appliance.settings import load
from tests.unit.samples import HUB_KEY, SMALLEST, smallest
from tests.unit.settings.refused import problems


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("MIRROR_ARCHIVES__DEBIAN_SECURITY__UPSTREEM", "MIRROR_ARCHIVES__DEBIAN_SECURITY__UPSTREAM"),
        ("MIRROR_ARCHIVE__DEBIAN__UPSTREAM", "MIRROR_ARCHIVES__DEBIAN__UPSTREAM"),
        ("MIRROR_ARCHIVES__debian__UPSTREAM", "MIRROR_ARCHIVES__DEBIAN__UPSTREAM"),
        ("MIRROR_TRIGGERS__HUB__KEYFILE", "MIRROR_TRIGGERS__HUB__KEY_FILE"),
        ("MIRROR_INFO__SPONSER", "MIRROR_INFO__SPONSOR"),
        ("MIRROR_DOWNSTREAM", "MIRROR_DOWNSTREAMS"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(wrong: str, nearest: str) -> None:
    assert problems({wrong: "x"})[wrong].cure == f"did you mean {nearest}?"


def test_an_unknown_name_near_nothing() -> None:
    assert "variables" in problems({"MIRROR_XYZZY": "x"})["MIRROR_XYZZY"].cure


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MIRROR_ARCHIVES__DEBIAN__PASSWORD", ""),
        ("MIRROR_ARCHIVES__DEBIAN__UPSTREAM", ""),
        ("MIRROR_PUSH_KEY", " \n"),
        ("MIRROR_TRIGGERS__HUB__KEY", ""),
        ("MIRROR_TRIGGERS__HUB__FROM", ""),
        ("MIRROR_HTTP_TRIGGERS__HUB__FROM", ""),
    ],
)
def test_empty_is_a_mistake_where_it_would_be_a_silent_one(name: str, text: str) -> None:
    assert problems({name: text})[name].fact == "is set, but empty"


def test_empty_elsewhere_is_the_default_and_the_archive_exists() -> None:
    settings = smallest(log_level="", archives__other__comment="", rsync_max_connections="")
    assert (settings.log_level, settings.rsync_max_connections) == ("info", 50)
    assert "other" in settings.archives


def test_secrets_from_files(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("s3cret \n")
    archive = load({**SMALLEST, "MIRROR_ARCHIVES__DEBIAN__PASSWORD_FILE": str(password)}).archives["debian"]
    assert archive.password
    assert archive.password.get_secret_value() == "s3cret "
    assert "s3cret" not in repr(archive)


def test_lists_from_files(tmp_path: Path) -> None:
    downstreams, key = tmp_path / "downstreams", tmp_path / "hub.pub"
    downstreams.write_text(
        "# leaves\nleaf1=ssh://leaf1\n\nleaf2=ssh://leaf2 # slow\r\nweb=https://leaf3/#archives=debian #\n"
    )
    key.write_text(f"{HUB_KEY}\n")
    settings = smallest(downstreams_file=str(downstreams), triggers__hub__key_file=str(key))
    assert [downstream.name for downstream in settings.downstreams] == ["leaf1", "leaf2", "web"]
    assert settings.downstreams[2].archives == ("debian",)
    assert settings.triggers["hub"].key == HUB_KEY


@pytest.mark.parametrize("kind", ["missing", "directory", "empty", "binary", "huge"])
def test_a_file_that_cannot_be_used_is_told_once(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "key"
    match kind:
        case "directory":
            file.mkdir()
        case "empty":
            file.write_text("\n")
        case "binary":
            file.write_bytes(b"\xff\xfe")
        case "huge":
            file.write_bytes(b"x" * (1 << 20) + b"y")
    variable = "MIRROR_TRIGGERS__HUB__KEY_FILE"
    assert list(problems({variable: str(file), "MIRROR_TRIGGERS__HUB__FROM": "*"})) == [variable]


def test_a_value_and_a_file_for_it_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    found = problems({"MIRROR_PUSH_KEY": "x", "MIRROR_PUSH_KEY_FILE": str(tmp_path / "key")})
    assert found["MIRROR_PUSH_KEY_FILE"].fact == "is set, and MIRROR_PUSH_KEY too"


def test_a_problem_in_a_file_names_the_variable_that_was_set(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("no colon here")
    assert "MIRROR_RSYNC_SECRETS_FILE" in problems({"MIRROR_RSYNC_SECRETS_FILE": str(tmp_path / "secrets")})
