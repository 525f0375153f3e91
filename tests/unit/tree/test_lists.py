from __future__ import annotations

from dataclasses import replace

from appliance.settings.registered import RegisteredMirror
from appliance.tree import lists
from tests.unit.tree.seen import NOW, found, mirror, us

SEEN = (
    us(),
    mirror("big", country="de", weight=900),
    mirror("small", country="fr"),
    mirror("late", "2026112101", "stale", country="fr"),
    mirror("mixed", consistent=False),
    mirror("old", "2026101001", "unlisted"),
    mirror("dead", error="no route to host\n\tat all"),
    mirror("private", listed=False),
)


def test_plain() -> None:
    lines = lists.plain(found(*SEEN), secure=False).splitlines()
    assert lines == [
        "https://big.example.org/debian/",
        "https://small.example.org/debian/",
        "https://late.example.org/debian/",
        "https://mixed.example.org/debian/",
        "http://us/debian/",
    ]


def test_one_s_own_country_comes_first() -> None:
    lines = lists.plain(found(*SEEN), secure=False, country="fr").splitlines()
    assert lines[:3] == [f"https://{name}.example.org/debian/" for name in ("small", "late", "big")]


def test_apt_gets_indices_only_from_who_is_current() -> None:
    assert lists.apt(found(*SEEN), secure=False, country="de").splitlines() == [
        "https://big.example.org/debian/\tpriority:1",
        "https://small.example.org/debian/\tpriority:2",
        "https://late.example.org/debian/\tpriority:2 type:deb type:deb-src",
        "https://mixed.example.org/debian/\tpriority:2 type:deb type:deb-src",
        "http://us/debian/\tpriority:9",
    ]


def test_yum_and_pacman_get_current_mirrors_only() -> None:
    assert lists.yum(found(*SEEN), "10/os/x86_64", secure=False).splitlines() == [
        "https://big.example.org/debian/10/os/x86_64/",
        "https://small.example.org/debian/10/os/x86_64/",
        "http://us/debian/10/os/x86_64/",
    ]
    assert lists.yum(found(us()), "", secure=False) == "http://us/debian/\n"
    assert lists.pacman(found(*SEEN[:2]), secure=False).splitlines() == [
        "Server = https://big.example.org/debian/$repo/os/$arch",
        "Server = http://us/debian/$repo/os/$arch",
    ]


def test_a_mirror_has_the_url_that_suits_the_client() -> None:
    both = RegisteredMirror("a.example.org", ("http://a.example.org/*", "https://a.example.org/*", "rsync://a/x"))
    known = found(us(), mirror("a", url="http://{}.example.org/debian"), registry=[both])
    assert lists.plain(known, secure=False).splitlines()[0] == "http://a.example.org/debian/"
    assert lists.plain(known, secure=True).splitlines()[0] == "https://a.example.org/debian/"


def test_programs_are_told_of_all_that_want_users_and_of_no_others() -> None:
    rows = {row["name"].partition(".")[0]: row for row in lists.table(found(*SEEN), SEEN)}
    assert list(rows) == ["us", "big", "small", "late", "mixed", "old", "dead"]
    assert rows["late"]["lag_seconds"] == 40_000
    assert rows["late"]["missed"] == 2
    assert (rows["old"]["listed"], rows["old"]["reason"]) == (False, "is unlisted")
    assert (rows["big"]["listed"], rows["big"]["current"], rows["late"]["current"]) == (True, True, False)


def test_mirmon_reads_seven_words_a_mirror() -> None:
    text = lists.mirmon(found(*SEEN), SEEN, {2026112102: NOW - 500})
    lines = {line.split()[0]: line.split() for line in text.splitlines()}
    now = int(NOW)
    assert all(len(words) == 7 for words in lines.values())
    assert lines["https://big.example.org/debian/"][1:] == [
        str(now - 500), "ok", str(now), "s", f"{now}-s", str(now),
    ]  # fmt: skip
    assert lines["https://dead.example.org/debian/"][1:] == [
        str(now - 500), "no_route_to_host_at_all", str(now - 60), "f", f"{now}-s", str(now),
    ]  # fmt: skip
    assert lines["https://late.example.org/debian/"][1] == "undef"
    never = replace(mirror("never", None, "unknown"), looked_at=None, seen_at=None)
    assert lists.mirmon(found(us(), never), (us(), never), {}).split()[1:] == ["undef"] * 6
