from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.settings import load
from appliance.settings.downstream import Downstream
from appliance.settings.mirrorlist import MirrorList, read


def listed(text: str, directory: Path = Path("/nowhere"), wire_name: str = "") -> MirrorList:
    return read(text, directory, "debian", wire_name)


def only(text: str, directory: Path = Path("/nowhere")) -> Downstream:
    found = listed(text, directory)
    assert found.faults == ()
    (one,) = found.downstreams
    return one


def test_the_plain_form() -> None:
    one = only("staged leaf1 leaf1.example.org archvsync")
    assert (one.push, one.name, one.host, one.user, one.port) == (
        "staged",
        "leaf1",
        "leaf1.example.org",
        "archvsync",
        22,
    )
    assert (one.archives, one.remote_archive, one.key, one.options) == (("debian",), "", None, ())


def test_a_protocol_digit_with_and_without_a_key(tmp_path: Path) -> None:
    (tmp_path / "leaf.key").write_text("key")
    assert only("all leaf leaf.example.org mirror 2 leaf.key", tmp_path).key == tmp_path / "leaf.key"
    assert only("all leaf leaf.example.org mirror 2").key is None


def test_all_options_of_a_host_are_kept() -> None:
    one = only("mhop leaf leaf.example.org mirror -p 2222 -o Compression=no")
    assert one.options == ("-p", "2222", "-o", "Compression=no")


def test_the_url_form() -> None:
    one = only("staged leaf ssh+ftpsync://archvsync@leaf.example.org:2222/security ignored fields")
    assert (one.user, one.host, one.port, one.remote_archive) == ("archvsync", "leaf.example.org", 2222, "security")
    assert only("staged leaf ssh+ftpsync://archvsync@leaf.example.org").remote_archive == ""


def test_of_another_archive_stock_sends_the_name() -> None:
    (one,) = listed("all leaf leaf.example.org mirror", wire_name="security").downstreams
    assert one.remote_archive == "security"


def test_delays_add_up_for_those_below() -> None:
    text = "all a a m\nDELAY 60\nall b b m\nDELAY\nall c c m\nDELAY 30 stage1\nall d d m\n"
    assert [one.delay for one in listed(text).downstreams] == [0, 60, 660, 660]


def test_comments_and_blank_lines() -> None:
    assert listed("# a comment\n\n   \n  # another\n") == MirrorList()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("push leaf leaf mirror", "'push' is not a type"),
        ("all leaf", "missing"),
        ("all leaf leaf.example.org", "user is missing"),
        ("all leaf leaf.example.org mirror 1", "protocol 1"),
        ("all leaf leaf.example.org mirror extra", "'extra'"),
        ("all leaf leaf.example.org mirror 2 missing.key", "missing.key"),
        ("all leaf rsync://leaf.example.org", "wrong scheme"),
        ("all leaf ssh+ftpsync://leaf.example.org", "no user"),
        ("all leaf ssh+ftpsync://m@leaf:port", "not a URL"),
        ("all leaf le;af mirror", "not a user on a host"),
        ("DELAY soon", "not a number"),
        ("DELAY 5 stage2", "stage2"),
        ("all ok ok.example.org mirror", "twice"),
    ],
)
def test_a_bad_line_names_itself_and_stops_no_other(line: str, says: str) -> None:
    found = listed(f"all ok ok.example.org mirror\n{line}\nall last last.example.org mirror\n")
    assert [one.name for one in found.downstreams] == ["ok", "last"]
    (fault,) = found.faults
    assert fault.startswith("line 2: ")
    assert says in fault


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = listed(text)
    assert len({one.name for one in found.downstreams}) == len(found.downstreams)


def test_both_spellings_in_the_settings() -> None:
    settings = load(
        {
            "MIRROR_NAME": "hub",
            "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "none",
            "MIRROR_ARCHIVES__SECURITY__UPSTREAM": "none",
            "MIRROR_DOWNSTREAMS": "leaf1=ssh://mirror@leaf1",
            "MIRROR_ARCHIVES__DEBIAN__RUNMIRRORS": "all leaf2 leaf2.example.org archvsync",
            "MIRROR_ARCHIVES__SECURITY__RUNMIRRORS": "all leaf3 leaf3.example.org archvsync",
        }
    )
    wire = {one.name: one.remote_archive for one in settings.downstreams_of("debian")}
    assert wire == {"leaf1": None, "leaf2": ""}
    assert [(one.name, one.remote_archive) for one in settings.downstreams_of("security")][1:] == [
        ("leaf3", "security")
    ]
