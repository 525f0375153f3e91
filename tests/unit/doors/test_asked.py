from __future__ import annotations

import pytest

from appliance.doors import asked
from appliance.doors.asked import Asked


@pytest.mark.parametrize(
    ("raw", "path", "quoted"),
    [
        (b"/r/debian/pool/c++_1%3a2~rc_all.deb", b"pool/c++_1:2~rc_all.deb", "pool/c++_1:2~rc_all.deb"),
        (b"/r/debian/a%20b/%c3%a4", b"a b/\xc3\xa4", "a%20b/%C3%A4"),
        (b"/r/debian/100%25", b"100%", "100%25"),
        (b"/r/debian/dists/", b"dists/", "dists/"),
        (b"/r/debian/", b"", ""),
        (b"/r/debian/a%ff", b"a\xff", "a%FF"),
    ],
)
def test_a_path_is_written_so_that_it_means_the_same(raw: bytes, path: bytes, quoted: str) -> None:
    assert asked.parse(raw, b"/r/") == Asked("debian", path, quoted)


@pytest.mark.parametrize(
    "raw",
    [
        b"/r/debian", b"/r/", b"/r//etc/passwd", b"/r/debian/../other/x", b"/r/debian/%2e%2e/other", b"/r/debian//x",
        b"/r/debian/a/./b", b"/r/debian/a%0d%0aLocation:%20http://evil/", b"/r/debian/%00", b"/r/debian/%7f",
        b"/r/debian/" + b"a" * asked.LONGEST, b"/r/%c3%a4/x", b"/x/debian/y", b"/r/debian/%2f%2fevil/",
        b"/r/debian/a/..", b"/r/..%2fdebian/x/../..",
    ],
)  # fmt: skip
def test_what_is_no_path_in_an_archive(raw: bytes) -> None:
    assert asked.parse(raw, b"/r/") is None


def test_a_country_is_two_letters_and_a_host_a_host() -> None:
    assert [asked.country(text) for text in (b"DE", "fr", "T1", "", None, "d\n", "\xdf\xdf")] == ["de", "fr"] + [""] * 5
    good = ("a.example.org", "a:8080", "[2001:db8::1]:80", "192.0.2.1")
    assert [asked.host(text) for text in good] == list(good)
    bad = ("a/b", "a\r\nx", "<script>", "a:b", "user@host", "", None, "a" * 300)
    assert not any(asked.host(text) for text in bad)


def test_a_repository_is_a_plain_directory() -> None:
    assert all(map(asked.is_directory, ("", "10/os/x86_64", "releases/10.1/smeos")))
    assert not any(map(asked.is_directory, ("../x", "/x", "a b", "a\nb", "a//b", "ä", "a/../b", "a" * 2000, "a%41")))
