from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from appliance.errors import ConfigurationError, Problem
from appliance.settings import Downstream, Upstream, explain, load, read
from tests.unit.samples import HUB_KEY, LARGE, OTHER_KEY, SMALLEST, smallest


def problems(changes: dict[str, str | None]) -> dict[str, Problem]:
    """What is wrong with the smallest mirror after these changes, by variable."""
    environ = {**SMALLEST, **changes}
    with pytest.raises(ConfigurationError) as caught:
        load({name: value for name, value in environ.items() if value is not None})
    assert all(problem.fact and problem.cure for problem in caught.value.problems)
    return {problem.variable: problem for problem in caught.value.problems}


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


@pytest.mark.parametrize(
    ("changes", "variable", "fact"),
    [
        ({"MIRROR_DEFAULT_ARCHIVE": "x"}, "MIRROR_DEFAULT_ARCHIVE", "no archive 'x'"),
        (
            {"MIRROR_TRIGGERS__HUB__KEY": HUB_KEY, "MIRROR_TRIGGERS__HUB__ARCHIVES": "x"},
            "MIRROR_TRIGGERS__HUB__ARCHIVES",
            "no archive 'x'",
        ),
        (
            {"MIRROR_TRIGGERS__HUB__KEY": HUB_KEY, "MIRROR_TRIGGERS__TWO__KEY": HUB_KEY + "2"},
            "MIRROR_TRIGGERS__TWO__KEY",
            "the key of trigger 'hub' too",
        ),
        ({"MIRROR_DOWNSTREAMS": "a=ssh://b a=ssh://c"}, "MIRROR_DOWNSTREAMS", "a: is there twice"),
        ({"MIRROR_DOWNSTREAMS": "a=ssh://b?archives=x"}, "MIRROR_DOWNSTREAMS", "a: there is no archive 'x'"),
        (
            {"MIRROR_DOWNSTREAMS": "a=ssh://b/x", "MIRROR_ARCHIVES__OTHER__PROFILE": "rpm"},
            "MIRROR_DOWNSTREAMS",
            "several archives",
        ),
        (
            {"MIRROR_ARCHIVES__DEBIAN__AUTH_USERS": "*", "MIRROR_RSYNC_SECRETS": "# nobody yet"},
            "MIRROR_ARCHIVES__DEBIAN__AUTH_USERS",
            "no user '*'",
        ),
        ({"MIRROR_ARCHIVES__DEBIAN__KEYRING": "/nowhere"}, "MIRROR_ARCHIVES__DEBIAN__KEYRING", "No such file"),
        ({"MIRROR_ARCHIVES__DEBIAN__INDEX": "*.db --exclude=x"}, "MIRROR_ARCHIVES__DEBIAN__INDEX", "is not a pattern"),
        ({"MIRROR_ARCHIVES__DEBIAN__COMMENT": "a\nb"}, "MIRROR_ARCHIVES__DEBIAN__COMMENT", "control character"),
        ({"MIRROR_ARCHIVES__DEBIAN__DEADLINE": "off"}, "MIRROR_ARCHIVES__DEBIAN__DEADLINE", "greater than 0"),
        (
            {"MIRROR_ARCHIVES__OTHER__FALLBACKS": "rsync://b/x"},
            "MIRROR_ARCHIVES__OTHER__FALLBACKS",
            "the archive begins here",
        ),
        (
            {"MIRROR_ARCHIVES__DEBIAN__FALLBACKS": "rsync://b/x rsync://b/x"},
            "MIRROR_ARCHIVES__DEBIAN__FALLBACKS",
            "twice",
        ),
        ({"MIRROR_ARCHIVES__DEBIAN__FALLBACKS": "none"}, "MIRROR_ARCHIVES__DEBIAN__FALLBACKS", "no scheme"),
        (
            {"MIRROR_ARCHIVES__DEBIAN__FALLBACKS": "rsync://b/x", "MIRROR_ARCHIVES__DEBIAN__FALLBACK_PASSWORDS": "c d"},
            "MIRROR_ARCHIVES__DEBIAN__FALLBACK_PASSWORDS",
            "no fallback at c",
        ),
        (
            {"MIRROR_ARCHIVES__DEBIAN__FALLBACKS": "rsync://b/x", "MIRROR_ARCHIVES__DEBIAN__FALLBACK_PASSWORDS": "b"},
            "MIRROR_ARCHIVES__DEBIAN__FALLBACK_PASSWORDS",
            "line 1 is not a host and its password",
        ),
        ({"MIRROR_NOTIFY_URLS": "mailto"}, "MIRROR_NOTIFY_URLS", "number 1 is not a URL"),
        ({"MIRROR_NOTIFY_WEBHOOK": "ftp://x/y"}, "MIRROR_NOTIFY_WEBHOOK", "is not an http"),
        ({"MIRROR_PUSH_CONCURRENCY": "many"}, "MIRROR_PUSH_CONCURRENCY", "'many'"),
        ({"MIRROR_NAME": "a b"}, "MIRROR_NAME", "not a host name"),
    ],
)
def test_what_contradicts_is_told(changes: dict[str, str | None], variable: str, fact: str) -> None:
    found = problems(changes)
    assert list(found) == [variable]
    assert fact in found[variable].fact


def test_every_user_of_the_secrets_may_be_meant() -> None:
    settings = smallest(archives__debian__auth_users="*", rsync_secrets="leaf1:x")
    assert settings.archives["debian"].auth_users == ("*",)


def test_two_upstreams_may_trigger() -> None:
    assert list(smallest(triggers__b__key=HUB_KEY, triggers__a_b__key=OTHER_KEY).triggers) == ["a-b", "b"]


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
