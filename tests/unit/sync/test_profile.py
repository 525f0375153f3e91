from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sync.profile import Kind, in_publish_order, kind_of, roots_of

SHA = "a" * 64


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("pool/main/h/hello/hello_1_all.deb", Kind.PAYLOAD),
        ("dists/trixie/InRelease", Kind.INDEX),
        ("dists/trixie/main/binary-amd64/Packages.xz", Kind.INDEX),
        (f"dists/trixie/main/binary-amd64/by-hash/SHA256/{SHA}", Kind.PAYLOAD),
        ("dists/stable", Kind.INDEX),
        ("dists/trixie/main/installer-amd64/current/images/SHA256SUMS", Kind.INDEX),
        ("indices/files/arch-amd64.files", Kind.INDEX),
        ("ls-lR.gz", Kind.INDEX),
        ("Packages.gz", Kind.INDEX),
        ("project/trace/master", Kind.TRACE),
        ("pool/main/r/release/Releaser_1.deb", Kind.PAYLOAD),
    ],
)
def test_debian(path: str, kind: Kind) -> None:
    assert kind_of("debian", path) is kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("os/x86_64/repodata/repomd.xml", Kind.INDEX),
        (f"os/x86_64/repodata/{SHA}-primary.xml.gz", Kind.PAYLOAD),
        ("os/x86_64/Packages/a/a-1.rpm", Kind.PAYLOAD),
        ("project/trace/mirror.example.org", Kind.TRACE),
    ],
)
def test_rpm(path: str, kind: Kind) -> None:
    assert kind_of("rpm", path) is kind


def test_generic_is_all_payload_but_the_traces() -> None:
    assert kind_of("generic", "dists/trixie/InRelease") is Kind.PAYLOAD
    assert kind_of("generic", "project/trace/master") is Kind.TRACE


def test_a_components_release_file_makes_no_suite() -> None:
    names = ["dists/s/InRelease", "dists/s/main/binary-all/Release", "dists/s/main/binary-all/Packages"]
    assert in_publish_order(names) == [names[2], names[1], names[0]]
    assert roots_of(names) == ["dists/s/InRelease"]
    assert roots_of(["flat/Release", "flat/Packages"]) == ["flat/Release"]


def test_fifty_thousand_names_are_sorted_in_no_time() -> None:
    names = [f"dists/s{n % 50}/main/c{n}/Packages" for n in range(50_000)] + [
        f"dists/s{n}/InRelease" for n in range(50)
    ]
    started = time.process_time()
    in_publish_order(names)
    assert time.process_time() - started < 5


NAMES = [
    "project/trace/master",
    "project/trace/origin",
    "dists/a/InRelease",
    "dists/a/Release",
    "dists/a/Release.gpg",
    "dists/a/main/Packages.xz",
    f"dists/a/main/by-hash/SHA256/{SHA}",
    "dists/b/InRelease",
    "dists/b/main/Packages.xz",
    "ls-lR.gz",
]


@given(st.permutations(NAMES), st.integers(0, len(NAMES)))
def test_publish_order(names: list[str], count: int) -> None:
    order = in_publish_order(names[:count])
    assert sorted(order) == sorted(names[:count])
    place = {name: at for at, name in enumerate(order)}

    def before(first: str, second: str) -> bool:
        return first not in place or second not in place or place[first] < place[second]

    assert before(f"dists/a/main/by-hash/SHA256/{SHA}", "ls-lR.gz")
    assert before("dists/a/main/Packages.xz", "dists/a/InRelease")
    assert before("dists/a/Release", "dists/a/InRelease")
    assert before("dists/a/InRelease", "project/trace/origin")
    assert before("dists/b/InRelease", "project/trace/origin")
    assert before("project/trace/origin", "project/trace/master")
    # A suite is published in one go: nothing of another one in between.
    if "dists/a/InRelease" in place and "dists/b/InRelease" in place:
        suites = [name.split("/")[1] for name in order if name.startswith("dists/") and "by-hash" not in name]
        assert suites == sorted(suites)
