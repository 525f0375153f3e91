from __future__ import annotations

from xml.etree import ElementTree

from appliance.tree.metalink import Edition, metalink
from tests.unit.tree.seen import found, mirror, us

NEW = Edition.of(b"<repomd>new</repomd>", 1_800_000_000, 2026112102)
OLD = Edition.of(b"<repomd>old</repomd>", 1_799_990_000, 2026112001)
SPACE = {"": "http://www.metalinker.org/", "mm0": "http://fedorahosted.org/mirrormanager"}
SEEN = (
    us(),
    mirror("here", country="de"),
    mirror("late", "2026112101", "stale"),
    mirror("older", "2026111901", "stale"),
    mirror("ahead", "2026112103"),
    mirror("mixed", consistent=False),
)


def urls(text: str) -> list[tuple[str, str | None, int]]:
    found = ElementTree.fromstring(text).iterfind(".//resources/url", SPACE)
    return [(one.text or "", one.get("location"), int(one.get("preference", "0"))) for one in found]


def test_the_checksum_is_that_of_what_is_published() -> None:
    root = ElementTree.fromstring(metalink(found(us()), "10/os", [NEW], secure=False))
    file = root.find("files/file", SPACE)
    assert file is not None
    assert file.get("name") == "repomd.xml"
    assert file.findtext("size", namespaces=SPACE) == "20"
    assert file.findtext("mm0:timestamp", namespaces=SPACE) == "1800000000"
    hashes = {one.get("type"): one.text for one in file.iterfind("verification/hash", SPACE)}
    assert hashes == {"sha256": NEW.sha256, "sha512": NEW.sha512}
    assert file.find("mm0:alternates", SPACE) is None


def test_who_carries_what_was_before_is_named_when_that_is_known() -> None:
    assert urls(metalink(found(*SEEN), "10/os", [NEW], secure=False)) == [
        ("https://here.example.org/debian/10/os/repodata/repomd.xml", "DE", 100),
        ("http://us/debian/10/os/repodata/repomd.xml", None, 99),
    ]
    text = metalink(found(*SEEN), "10/os", [NEW, OLD], secure=False)
    assert [url.split("/")[2] for url, _, _ in urls(text)] == ["here.example.org", "late.example.org", "us"]
    alternate = ElementTree.fromstring(text).findall(".//mm0:alternates/mm0:alternate", SPACE)
    assert [one.findtext("verification/hash[@type='sha256']", namespaces=SPACE) for one in alternate] == [OLD.sha256]


def test_a_repository_at_the_top_of_the_archive() -> None:
    assert urls(metalink(found(us()), "", [NEW], secure=False)) == [
        ("http://us/debian/repodata/repomd.xml", None, 100)
    ]  # fmt: skip
