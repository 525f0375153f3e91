from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ConfigurationError
from appliance.settings import RegisteredMirror, explain, load
from tests.unit.samples import SMALLEST

WHOLE = """
["mirror.example.org"]
contact = "Ann <ann@example.org>"
country = "DE"
bandwidth = "1 Gbit/s"
sponsor = "Example Ltd"
weight = 50
parent = "hub.example.net"
archives = ["debian"]
urls = ["https://mirror.example.org/debian/", "rsync://mirror.example.org/debian"]
listed = false

["plain.example.org"]
urls = ["http://plain.example.org:8080/*/"]
"""


def registry(text: str, **more: str) -> tuple[RegisteredMirror, ...]:
    return load({**SMALLEST, **more, "MIRROR_REGISTRY": text}).registry


def facts(text: str, **more: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        registry(text, **more)
    assert {problem.variable for problem in caught.value.problems} == {"MIRROR_REGISTRY"}
    assert all(problem.cure for problem in caught.value.problems)
    return [problem.fact for problem in caught.value.problems]


def test_a_registration_has_everything_that_is_asked_for() -> None:
    whole, plain = registry(WHOLE)
    assert whole == RegisteredMirror(
        "mirror.example.org",
        ("https://mirror.example.org/debian", "rsync://mirror.example.org/debian"),
        ("debian",),
        "Ann <ann@example.org>",
        "de",
        "1 Gbit/s",
        "Example Ltd",
        "hub.example.net",
        50,
        False,
    )
    assert (plain.listed, plain.weight, plain.archives) == (True, 100, ())
    assert plain.urls_of("debian") == ("http://plain.example.org:8080/debian",)
    assert whole.urls_of("other") == ()


def test_it_may_be_a_file_and_is_shown_by_its_names(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(WHOLE)
    environ = {**SMALLEST, "MIRROR_REGISTRY_FILE": str(file)}
    assert [one.name for one in load(environ).registry] == ["mirror.example.org", "plain.example.org"]
    shown = {one.variable: one for one in explain(environ)}["MIRROR_REGISTRY"]
    assert (shown.value, shown.source) == ("mirror.example.org plain.example.org", f"file {file}")


def test_every_problem_at_once() -> None:
    found = facts(
        """
        stray = 1
        ["no name"]
        urls = ["ftp://a/", 1]
        ["a.example"]
        urls = ["https://user:secret@a.example/debian"]
        country = "Germany"
        weight = -1
        listed = "yes"
        colour = "blue"
        parent = "two words"
        archives = "debian"
        contact = "two\\nlines"
        ["b.example"]
        """
    )
    expected = (
        "stray is not a table", "'no name' is not the name", "no name: urls has 'ftp://a/'", "a.example: urls has",
        "country is 'Germany'", "weight is -1", "listed is 'yes'", "there is no 'colour'", "parent is 'two words'",
        "archives is 'debian'", "contact is", "b.example has no urls",
    )  # fmt: skip
    for words in expected:
        assert [fact for fact in found if words in fact], (words, found)
    assert len(found) == len(expected)


@pytest.mark.parametrize(
    "url",
    ["https://a.example:0/x", "https:///x", "rsync://a.example", "http://a.example/?q", "http://a/#f", "http://a b/"],
)
def test_what_is_no_url(url: str) -> None:
    assert len(facts(f'["a.example"]\nurls = ["{url}"]')) == 1


def test_what_is_no_toml_and_what_does_not_fit_the_archives() -> None:
    assert "is not TOML" in facts("[")[0]
    more = {"MIRROR_ARCHIVES__OTHER__UPSTREAM": "none"}
    text = '["a.example"]\nurls = ["http://a.example/debian"]\n["b.example"]\narchives = ["no"]\nurls = ["http://b/*"]'
    assert facts(text, **more) == [
        "a.example: a URL without * would be that of several archives",
        "b.example: there is no archive 'no'",
    ]


def test_a_name_without_quotation_marks_is_told_as_that() -> None:
    """What TOML makes of it is a table in a table."""
    assert facts('[a.example]\nurls = ["http://a.example/*"]') == [
        "a has a table in it: a name with dots stands in quotation marks"
    ]
