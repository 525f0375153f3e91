"""Whatever comes over the network, a parser says what it is or that it is nothing: never anything else, never for long.

Each parser gets valid texts that were cut, doubled, shuffled and littered, and plain noise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance import tracefile, words
from appliance.doors import asked, inbox, webtrigger
from appliance.records import Sighting
from appliance.settings import mirrorlist
from appliance.sync import reader as plans
from appliance.sync import trace
from appliance.sync.debian import release, stanzas
from appliance.sync.entry import Reference
from appliance.sync.journal.delta import Delta, Head, Step
from appliance.sync.profile import Profile
from appliance.sync.rpm import repomd
from appliance.sync.rpm.repomd import Repomd
from appliance.tree import reports
from tests.unit.examples import examples

TRACE: Final = b"""Sat Nov 21 09:00:00 UTC 2026
Date: Sat, 21 Nov 2026 09:00:00 +0000
Archive serial: 2026112101
Creator: ftpsync 20180513
Running on host: hub.example.org
Upstream-mirror: master.example.org
Total time spent in stage1 rsync: 12
"""
HIERARCHY: Final = b"""origin origin origin-host origin
hub.example.org hub.example.org hub1 origin
"""
SIGHTING: Final = Sighting("leaf", "debian", "hub", "downstream", serial="2026112101", consistent=True)
RELEASE: Final = b"""Origin: Debian
Suite: stable
Date: Sat, 21 Nov 2026 08:00:00 UTC
Valid-Until: Sat, 28 Nov 2026 08:00:00 UTC
Acquire-By-Hash: yes
SHA256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-all/Packages
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-all/Packages.xz
"""
PACKAGES: Final = b"""Package: hello
Filename: pool/h/hello.deb
Size: 12
SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

Package: world
Filename: pool/w/world.deb
Size: 99999999999
"""
SOURCES: Final = b"""Package: hello
Directory: pool/h
Checksums-Sha256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 12 hello.dsc
"""
REPOMD: Final = b"""<?xml version="1.0"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1750000000</revision>
<data type="primary"><checksum type="sha256">e3b0c442</checksum><open-checksum type="sha256">e3b0</open-checksum>
<location href="repodata/primary.xml.gz"/><timestamp>1750000000</timestamp><size>12</size></data></repomd>
"""
PRIMARY: Final = b"""<?xml version="1.0"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" packages="1"><package type="rpm"><name>hello</name>
<checksum type="sha256" pkgid="YES">e3b0c442</checksum><size package="12" installed="3" archive="4"/>
<location href="Packages/hello.rpm"/></package></metadata>
"""
DELTA: Final = Delta("e" * 32, 7, "d" * 64, (Step("+", "pool/a", 3, None, 5), Step("l", "b", 0, "a"), Step("-", "c")))
LIST: Final = b"""# our leaves
staged leaf1 leaf1.example.org archvsync -p 2222 -o Compression=no
DELAY 600 stage1
all leaf2 ssh+ftpsync://mirror@leaf2.example.org:22/debian
mhop leaf3 leaf3.example.org mirror 2 leaf3.key
"""
ITEMS: Final = b""">f+++++++++ 12 pool/a\\#012b\x01
cd+++++++++ 4096 pool/\x01
hf+++++++++ 0 pool/c\x01 => pool/a
cL+++++++++ 0 dists/stable\x01 -> trixie
*deleting   0 pool/gone\x01
Number of files: 12 (reg: 3, dir: 9)
"""


def blocks(data: bytes) -> Iterable[bytes]:
    """In two pieces, the way files are read."""
    return [data[: len(data) // 2], data[len(data) // 2 :]]


def read_trace(data: bytes, scratch: Path) -> None:
    (scratch / "project/trace").mkdir(parents=True, exist_ok=True)
    (scratch / "project/trace/master").write_bytes(data)
    serial = trace.serial_of(scratch)
    trace.next_serial(serial, 1.0)


def read_traces(data: bytes, scratch: Path) -> None:
    text = data.decode("utf-8", "replace")
    found = [*tracefile.names(text), *(tier.name for tier in tracefile.hierarchy(text))]
    one = tracefile.parse("leaf", text)
    for name in filter(None, (*found, one.host, one.upstream)):
        assert "/" not in name
        assert not name.startswith((".", "-"))
    assert one.serial is None or int(one.serial) < 10**18
    assert len(found) <= 2 * tracefile.MOST


def read_report(data: bytes, scratch: Path) -> None:
    with suppress(ValueError):
        found = reports.parse(data.decode("utf-8", "replace"), 0.0)
        assert all("/" not in told.mirror for told in found.told)


def read_walk(data: bytes, scratch: Path) -> None:
    reader = plans.Reader(Profile.of("debian"), scratch)
    for line in data.split(b"\n"):
        reader.line(line)
    found = reader.plan()
    for change in (*found.payload, *found.index):
        assert ".." not in change.path.split("/")
        assert not change.path.startswith("/")


def read_list(data: bytes, scratch: Path) -> None:
    found = mirrorlist.read(data.decode("utf-8", "replace"), scratch, "debian", "")
    for one in found.downstreams:
        assert not one.host.startswith("-")
        assert not one.user.startswith("-")


def read_trigger(data: bytes, scratch: Path) -> None:
    order = words.parse(data.decode("utf-8", "surrogateescape"))
    assert order.stage in ("all", "stage1", "stage2")


def read_header(data: bytes, scratch: Path) -> None:
    user, password = webtrigger._credentials(data.decode("latin-1"))
    assert isinstance(user + password, str)


def read_redirect(data: bytes, scratch: Path) -> None:
    raw, _, header = data.partition(b" ")
    wanted = asked.parse(raw, b"/r/")
    assert len(asked.country(header)) in (0, 2)
    assert not set(asked.host(header)) & set('/\\ \r\n@<>"')
    if wanted:
        assert wanted.quoted.isascii()
        assert wanted.quoted.isprintable()
        assert not set(wanted.quoted) & set(' <>"\\?#')
        assert not {b"..", b".", b""} & set(wanted.path.removesuffix(b"/").split(b"/")) or not wanted.path
        assert asked.parse(f"/r/{wanted.archive}/{wanted.quoted}".encode(), b"/r/") == wanted or "%" in wanted.archive


def read_stanzas(parse: Callable[[bytes], Iterator[Reference]], data: bytes) -> None:
    for stanza in chain.from_iterable(stanzas.split(blocks(data))):
        assert all(isinstance(reference.path, str) for reference in parse(stanza))


def read_primary(data: bytes, scratch: Path) -> None:
    for reference in repomd.packages(blocks(data), ""):
        assert reference.size is None or reference.size >= 0


def read_repomd(data: bytes, scratch: Path) -> None:
    assert isinstance(repomd.parse(blocks(data), ""), Repomd)


PARSERS: Final[dict[str, tuple[bytes, Callable[[bytes, Path], object]]]] = {
    "trigger": (b" sync:archive:debian sync:mhop sync:stage1 sync:callback", read_trigger),
    "basic authentication": (b"Basic YXJjaGl2ZTpzZWNyZXQ=", read_header),
    "redirect": (b"/r/debian/pool/main/c/c%2b%2b/c++_1%3a2~rc1_all.deb mirror.example.org:8080", read_redirect),
    "request": (
        "".join(f"{name} 1\n" for name in inbox.FIELDS).encode(),
        lambda data, _: inbox.read(data.decode("utf-8", "replace")),
    ),
    "trace": (TRACE, read_trace),
    "trace of a mirror": (TRACE, read_traces),
    "hierarchy": (HIERARCHY, read_traces),
    "page of traces": (
        b"<html><a href='./leaf'>leaf</a> <A HREF=\"hub.example.org\">x</A><a href=master>",
        read_traces,
    ),
    "report": (json.dumps(reports.write("hub", {"debian": {"activity": "syncs"}}, [SIGHTING])).encode(), read_report),
    "journal's delta": (DELTA.data, lambda data, _: Delta.parse(data)),
    "journal's head": (Head("e" * 32, 7, 3, "d" * 64, 100).data, lambda data, _: Head.parse(data)),
    "mirror list": (LIST, read_list),
    "Release": (RELEASE, lambda data, _: release.parse(data.decode("utf-8", "replace"))),
    "Packages": (PACKAGES, lambda data, _: read_stanzas(stanzas.packages, data)),
    "Sources": (SOURCES, lambda data, _: read_stanzas(stanzas.sources, data)),
    "repomd.xml": (REPOMD, read_repomd),
    "primary.xml": (PRIMARY, read_primary),
    "rsync's items": (ITEMS, read_walk),
}

LITTER: Final = (
    b"\0",
    b"\xff",
    b"\n",
    b"..",
    b"/",
    b"-",
    b":",
    b" ",
    b"9" * 400,
    b"\xf0\x9f\x98\x80",
    b"[" * 50,
    b"\\#777",
)


@st.composite
def harmed(draw: st.DrawFn, valid: bytes) -> bytes:
    """The text with some harm done to it."""
    data = valid
    for _ in range(draw(st.integers(0, 4))):
        at, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        match draw(st.sampled_from(("cut", "litter", "double", "noise", "move"))):
            case "cut":
                data = data[:at] + data[end:]
            case "litter":
                data = data[:at] + draw(st.sampled_from(LITTER)) + data[at:]
            case "double":
                data = data[:end] + data[at:]
            case "noise":
                data = data[:at] + draw(st.binary(max_size=8)) + data[at + 1 :]
            case "move":
                data = data[end:] + data[at:end] + data[:at]
    return data


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=examples(400), deadline=None, suppress_health_check=[*HealthCheck])
@given(choice=st.data())
def test_a_parser_answers_or_says_that_it_is_nothing(name: str, choice: st.DataObject, tmp_path: Path) -> None:
    valid, parser = PARSERS[name]
    data = choice.draw(harmed(valid) | st.binary(max_size=200))
    with suppress(ValueError):
        parser(data, tmp_path)


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_harmed_here_is_valid_to_begin_with(name: str, tmp_path: Path) -> None:
    valid, parser = PARSERS[name]
    parser(valid, tmp_path)


def test_a_delta_that_was_cut_is_none_or_another_one() -> None:
    """The chain of digests tells one that ends early, between two lines, from the whole."""
    for end in range(len(DELTA.data)):
        with suppress(ValueError):
            assert Delta.parse(DELTA.data[:end]).digest != DELTA.digest


def test_numbers_that_are_none_and_nesting_without_end() -> None:
    head = DELTA.data.partition(b"\n\n")[0] + b"\n\n"
    for line in ('["+","a",1e400,1]', json.dumps([[]] * 3), "[" * 100_000, '["+","a",NaN,1]'):
        with pytest.raises(ValueError, match=r"."):
            Delta.parse(head + line.encode() + b"\n")
