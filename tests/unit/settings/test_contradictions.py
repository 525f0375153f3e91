from __future__ import annotations

import pytest

from tests.unit.samples import HUB_KEY, OTHER_KEY, smallest
from tests.unit.settings.refused import problems


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
        ({"MIRROR_ARCHIVES__DEBIAN__HOSTS_ALLOW": "!10.0.0.1"}, "MIRROR_ARCHIVES__DEBIAN__HOSTS_ALLOW", "exceptions"),
        ({"MIRROR_NAME": "master"}, "MIRROR_NAME", "among trace files"),
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
