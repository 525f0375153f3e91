from __future__ import annotations

from appliance.settings import Settings, load
from appliance.tree.family import aliases, members

REGISTRY = """
["leaf.example.net"]
urls = ["https://www.leaf.example.net/*/"]
country = "fr"
["plain.example.org"]
archives = ["debian"]
parent = "leaf.example.net"
urls = ["http://plain.example.org/*/"]
listed = false
["mirror.example.org"]
urls = ["http://mirror.example.org/*"]
"""


def settings(downstreams: str, **more: str) -> Settings:
    return load(
        {
            "MIRROR_NAME": "mirror.example.org",
            "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "rsync://up.example.org/debian",
            "MIRROR_ARCHIVES__OTHER__UPSTREAM": "none",
            "MIRROR_DOWNSTREAMS": downstreams,
            "MIRROR_REGISTRY": REGISTRY,
            **more,
        }
    )


def test_everybody_is_there_once_under_one_name() -> None:
    given = settings(
        "leaf=ssh://leaf.example.net?archives=debian&site=rsync://leaf.example.net/* two=ssh://two.example.org"
    )
    found = {member.key: member for member in members(given, {})}
    assert [key for key in found if key[1] == "debian"] == [
        ("mirror.example.org", "debian"), ("leaf.example.net", "debian"), ("two", "debian"),
        ("plain.example.org", "debian"),
    ]  # fmt: skip
    ours, leaf = found["mirror.example.org", "debian"], found["leaf.example.net", "debian"]
    assert (ours.listed, ours.urls) == (True, ("http://mirror.example.org/debian",))
    assert (ours.source, ours.parent, found["mirror.example.org", "other"].parent) == ("self", "up.example.org", None)
    assert (leaf.source, leaf.parent, leaf.told, leaf.listed, leaf.country) == (
        "downstream", "mirror.example.org", "leaf", True, "fr",
    )  # fmt: skip
    assert leaf.urls == ("https://www.leaf.example.net/debian", "rsync://leaf.example.net/debian")
    assert found["leaf.example.net", "other"].source == "registered"
    plain = found["plain.example.org", "debian"]
    assert (plain.parent, plain.listed, plain.told) == ("leaf.example.net", False, "")
    assert ("plain.example.org", "other") not in found


def test_names_of_hosts_are_other_names() -> None:
    known = aliases(settings("one=ssh://shared:22 two=ssh://shared:23 three=ssh://three.example.org"))
    assert known["www.leaf.example.net"] == "leaf.example.net"
    assert known["three.example.org"] == "three"
    assert "shared" not in known


def test_where_a_downstream_says_that_it_is_counts_when_nobody_told_us() -> None:
    given = settings("leaf=ssh://leaf.example.net?archives=debian two=ssh://two.example.org")
    claims = {(name, "debian"): "http://elsewhere.example.org/debian" for name in ("leaf", "two")}
    found = {member.key: member for member in members(given, claims)}
    two, leaf = found["two", "debian"], found["leaf.example.net", "debian"]
    assert (two.urls, two.claimed) == (("http://elsewhere.example.org/debian",), True)
    assert (leaf.urls, leaf.claimed) == (("https://www.leaf.example.net/debian",), False)
    assert found["two", "other"].urls == ()
