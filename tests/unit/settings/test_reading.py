from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from appliance.errors import ConfigurationError
from appliance.settings import Downstream, Upstream, explain, load, read
from tests.unit.samples import LARGE, SMALLEST
from tests.unit.settings.refused import problems


def test_two_variables_make_a_mirror() -> None:
    settings = load(SMALLEST)
    archive = settings.archives["debian"]
    assert settings.name == "mirror.example.org"
    assert settings.default_archive == "debian"
    assert archive.upstream == Upstream("hub.example.org", "debian")
    assert (archive.timeout, archive.deadline, archive.poll, archive.grace) == (120, 21600, 21600, 86400)
    assert (settings.downstreams, settings.triggers, settings.push_key) == ((), {}, None)


def test_everything_at_once() -> None:
    settings = load(LARGE)
    assert list(settings.archives) == ["debian", "debian-security"]
    assert settings.archives["debian"].auth_users == ("leaf1.example.net", "leaf2.example.net")
    assert settings.archives["debian-security"].upstream is None
    assert not settings.archives["debian-security"].transfer_logging
    assert settings.triggers["hub"].from_ == ("192.0.2.7", "hub.example.org")
    assert settings.triggers["security-master"].archives == ("debian-security",)
    assert settings.triggers["security-master"].from_ == ("*",)
    assert settings.downstreams[0] == Downstream("leaf1", "leaf1.example.net", port=2222)
    assert settings.rsync_timeout == 300


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        load(SMALLEST).name = "other"  # type: ignore[misc]


def test_the_process_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRROR_LOG_LEVEL", "debug")
    monkeypatch.setenv("MIRROR_NONSENSE", "x")
    assert load(SMALLEST).log_level == "info"


def test_other_variables_are_not_ours() -> None:
    assert load({**SMALLEST, "PATH": "/bin", "MIRRORS": "x", "mirror_name": "y"}).name == "mirror.example.org"


@pytest.mark.parametrize(
    ("others", "default"),
    [
        ({}, "debian"),
        ({"MIRROR_ARCHIVES__ALMA__UPSTREAM": "none"}, "debian"),
        ({"MIRROR_ARCHIVES__ALMA__UPSTREAM": "none", "MIRROR_DEFAULT_ARCHIVE": "alma"}, "alma"),
    ],
)
def test_default_archive(others: dict[str, str], default: str) -> None:
    assert load({**SMALLEST, **others}).default_archive == default


def test_default_archive_without_debian_is_the_first_by_name() -> None:
    environ = {"MIRROR_NAME": "m", "MIRROR_ARCHIVES__ROCKY__PROFILE": "rpm", "MIRROR_ARCHIVES__ALMA__PROFILE": "rpm"}
    assert load(environ).default_archive == "alma"


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    found = problems(
        {
            "MIRROR_NAME": None,
            "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "http://hub",
            "MIRROR_ARCHIVES__DEBIAN__POLL": "weekly",
            "MIRROR_ARCHIVES__DEBIAN__AUTH_USERS": "leaf9",
            "MIRROR_ARCHIVES__API__UPSTREAM": "none",
            "MIRROR_DEFAULT_ARCHIVE": "ubuntu",
            "MIRROR_TRIGGERS__HUB__FROM": "192.0.2.1/24",
            "MIRROR_DOWNSTREAMS": "leaf1=ssh://leaf1?push=hard",
            "MIRROR_LOG_LEVEL": "loud",
            "MIRROR_LOG_FORMATS": "json",
            "MIRROR_PUSH_KEY_FILE": str(tmp_path / "none"),
        }
    )
    assert set(found) == {
        "MIRROR_NAME",
        "MIRROR_ARCHIVES__DEBIAN__UPSTREAM",
        "MIRROR_ARCHIVES__DEBIAN__POLL",
        "MIRROR_ARCHIVES__DEBIAN__AUTH_USERS",
        "MIRROR_ARCHIVES__API",
        "MIRROR_DEFAULT_ARCHIVE",
        "MIRROR_TRIGGERS__HUB__KEY",
        "MIRROR_TRIGGERS__HUB__FROM",
        "MIRROR_DOWNSTREAMS",
        "MIRROR_LOG_LEVEL",
        "MIRROR_LOG_FORMATS",
        "MIRROR_PUSH_KEY_FILE",
    }


def test_an_error_prints_itself() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({**SMALLEST, "MIRROR_NAMES": "x", "MIRROR_LOG_LEVEL": "loud"})
    assert caught.value.exit_code == 78
    assert str(caught.value) == (
        "MIRROR_NAMES: there is no such variable\n"
        "  did you mean MIRROR_NAME?\n"
        "MIRROR_LOG_LEVEL: 'loud': input should be 'debug', 'info' or 'warning'\n"
        "  choose 'debug', 'info' or 'warning'"
    )


def test_nothing_at_all_names_what_is_needed() -> None:
    assert [problem.variable for problem in read({}).problems] == ["MIRROR_NAME", "MIRROR_ARCHIVES__<NAME>__UPSTREAM"]


@given(st.text(min_size=1))
@example("123")
@example("null")
@example("{}")
@example("[1")
def test_a_text_stays_the_text_it_is(text: str) -> None:
    if text.strip() and text.isprintable() and not text.endswith("\\"):
        settings = load({**SMALLEST, "MIRROR_ARCHIVES__DEBIAN__PASSWORD": text, "MIRROR_INFO__SPONSOR": text})
        password = settings.archives["debian"].password
        assert password
        assert (password.get_secret_value(), settings.info.sponsor) == (text, text)


@given(st.dictionaries(st.sampled_from(sorted(LARGE)), st.text(max_size=20)))
def test_no_environment_makes_it_stumble(changes: dict[str, str]) -> None:
    reading = read({**LARGE, **changes})
    assert reading.settings.archives or reading.problems


def test_explain_tells_value_and_source(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("topsecret")
    effective = {
        one.variable: (one.value, one.source)
        for one in explain({**LARGE, "MIRROR_PUSH_KEY_FILE": str(tmp_path / "key")})
    }
    assert effective["MIRROR_NAME"] == ("mirror.example.org", "environment")
    assert effective["MIRROR_LOG_LEVEL"] == ("info", "default")
    assert effective["MIRROR_RSYNC_TIMEOUT"] == ("5m", "environment")
    assert effective["MIRROR_ARCHIVES__DEBIAN_SECURITY__UPSTREAM"] == ("none", "environment")
    assert effective["MIRROR_TRIGGERS__SECURITY_MASTER__FROM"] == ("*", "default")
    assert effective["MIRROR_PUSH_KEY"] == ("**********", f"file {tmp_path / 'key'}")
    assert not any("secret" in value or "password" in value for value, _ in effective.values())


def test_explain_refuses_what_load_refuses() -> None:
    with pytest.raises(ConfigurationError):
        explain({})
