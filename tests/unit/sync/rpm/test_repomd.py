from __future__ import annotations

import pytest

from appliance.sync.entry import Entry, Reference
from appliance.sync.rpm.repomd import Data, Repomd, packages, parse

SHA = "AB" * 32
OLD = """<repomd xmlns="http://linux.duke.edu/metadata/repo">
  <data type="primary"><location href="repodata/primary.xml.gz"/><checksum type="sha">0a</checksum>
    <timestamp>1100000000.5</timestamp><open-checksum type="sha">0b</open-checksum></data>
</repomd>"""


def repomd(*data: str, revision: str = "") -> Repomd:
    text = f"<repomd>{revision and f'<revision>{revision}</revision>'}{''.join(data)}</repomd>"
    return parse([text.encode()], "os")


def data(href: str = "repodata/x.xml", more: str = "", kind: str = "primary") -> str:
    return f'<data type="{kind}"><checksum type="sha256">{SHA}</checksum><location href="{href}"/>{more}</data>'


def package(*parts: str) -> list[Reference]:
    return list(packages([f"<metadata><package><name>a</name>{''.join(parts)}</package></metadata>".encode()], "os"))


CHECKSUM = f'<checksum type="sha256" pkgid="YES">{SHA}</checksum>'
SIZE = '<size package="5"/>'


def test_what_a_repomd_xml_says() -> None:
    more = f'<size>7</size><open-size>9</open-size><open-checksum type="sha512">{SHA}</open-checksum>'
    found = repomd(
        data(more=f"{more}<timestamp>1700000000</timestamp>"), data("y", kind="group"), revision="1700000001"
    )
    assert found == Repomd(
        {
            "os/repodata/x.xml": Data("primary", Entry(7, SHA.lower()), Entry(9, SHA.lower(), "sha512")),
            "os/y": Data("group", Entry(None, SHA.lower())),
        },
        1700000001,
        1700000000,
    )
    assert found.primary == "os/repodata/x.xml"


def test_an_old_one() -> None:
    found = parse([OLD.encode()], "")
    primary = Data("primary", Entry(None, "0a", "sha1"), Entry(None, "0b", "sha1"))
    assert found == Repomd({"repodata/primary.xml.gz": primary}, None, 1100000000.5)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (data("../../x"), "'../x' leads out of the archive"),
        (data("/etc/passwd"), "'/etc/passwd' leads out of the archive"),
        (data(""), "the data primary has no location"),
        ('<data type="primary"/>', "the data primary has no location"),
        ('<data type="group"><location href="x"/></data>', "the data group has no checksum"),
        (data().replace("sha256", "crc32"), "a checksum of the unknown type 'crc32'"),
        (data(more="<size>-1</size>"), "the data primary has the size '-1'"),
        (data(more=f"<size>{'9' * 5000}</size>"), "has the size '999"),
    ],
)
def test_a_repomd_xml_that_cannot_be_used(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        repomd(text)


def test_data_elsewhere_on_the_net_is_not_ours() -> None:
    assert repomd(data("https://example.org/x.xml"), data().replace("href", 'xml:base="ftp://a/" href')).data == {}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (Repomd({}, 1, 9), Repomd({}, 2, 1)),
        (Repomd({}, 5, 1), Repomd({}, 5, 2)),
        (Repomd({}, None, 1), Repomd({}, None, 2)),
        (Repomd({}, 7, 1), Repomd({}, None, 2)),
    ],
)
def test_which_one_is_older(older: Repomd, newer: Repomd) -> None:
    assert older.is_before(newer)
    assert not newer.is_before(older)
    assert not older.is_before(older)


def test_what_tells_no_age_is_not_older() -> None:
    assert not Repomd({}).is_before(Repomd({}, 5, 5))
    assert repomd(revision="8.2.2004").revision is None


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ('href="Packages/a.rpm"', "os/Packages/a.rpm"),
        ('href="./a+b~1.rpm"', "os/a+b~1.rpm"),
        ('href="../noarch/a.rpm"', "noarch/a.rpm"),
        ('href="a.rpm" xml:base="../x"', "x/a.rpm"),
        ('href="../../a.rpm"', "../a.rpm"),
        ('href="a:1.rpm"', "os/a:1.rpm"),
    ],
)
def test_where_a_package_is(location: str, path: str) -> None:
    assert package(CHECKSUM, SIZE, f"<location {location}/>") == [Reference(path, 5, SHA.lower())]


def test_a_package_elsewhere_on_the_net_is_not_ours() -> None:
    assert package(CHECKSUM, SIZE, '<location href="a.rpm" xml:base="http://example.org/x"/>') == []
    assert package(CHECKSUM, SIZE, '<location href="media://1/a.rpm"/>') == []


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ((CHECKSUM, SIZE), "the package a has no location"),
        ((CHECKSUM, '<location href="a"/>'), "the package a has no size"),
        ((SIZE, '<location href="a"/>'), "the package a has no size or no checksum"),
        ((CHECKSUM, "<size/>", '<location href="a"/>'), "the package a has no size or no checksum"),
        ((CHECKSUM, '<size package="many"/>', '<location href="a"/>'), "the package a has the size 'many'"),
    ],
)
def test_a_package_of_which_something_is_not_told(parts: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        package(*parts)
