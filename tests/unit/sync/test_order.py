from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from appliance.sync.order import in_publish_order, roots_of
from appliance.sync.profile import Profile

SHA = "a" * 64
DEBIAN = Profile("debian")


def test_a_components_release_file_makes_no_suite() -> None:
    names = ["dists/s/InRelease", "dists/s/main/binary-all/Release", "dists/s/main/binary-all/Packages"]
    assert in_publish_order(DEBIAN, names) == [names[2], names[1], names[0]]
    assert roots_of(DEBIAN, names) == ["dists/s/InRelease"]
    assert roots_of(DEBIAN, ["flat/Release", "flat/Packages"]) == ["flat/Release"]


def test_fifty_thousand_names_are_sorted_in_no_time() -> None:
    names = [f"dists/s{n % 50}/main/c{n}/Packages" for n in range(50_000)] + [
        f"dists/s{n}/InRelease" for n in range(50)
    ]
    started = time.process_time()
    in_publish_order(DEBIAN, names)
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
    order = in_publish_order(DEBIAN, names[:count])
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


def test_a_repositorys_hashed_names_first_and_its_repomd_xml_last() -> None:
    hashed = f"os/repodata/{SHA}-primary.xml.gz"
    names = [f"os/repodata/{name}" for name in ("comps.xml", "repomd.xml.key", "repomd.xml.asc", "repomd.xml")]
    other = ["other/repodata/primary.xml.gz", "other/repodata/repomd.xml"]
    expected = [hashed, "os/Packages/a.rpm", *names, *other, "os/.treeinfo", "project/trace/master"]
    assert in_publish_order(Profile("rpm"), sorted(expected, reverse=True)) == expected
    assert roots_of(Profile("rpm"), expected) == [*names[1:], other[1]]


PACMAN = Profile.of("generic", ["*.db", "*.db.sig", "/lastupdate", "/lists/"])


def test_the_operators_index_comes_in_the_order_of_his_patterns() -> None:
    expected = [
        "pool/replaced.pkg", "core/os/core.db", "extra/os/extra.db", "core/os/core.db.sig", "extra/os/extra.db.sig",
        "lastupdate", "lists/a/b", "project/trace/leaf", "project/trace/master",
    ]  # fmt: skip
    assert in_publish_order(PACMAN, sorted(expected, reverse=True)) == expected
    assert roots_of(PACMAN, expected) == expected[1:-2]


def test_what_the_profile_knows_keeps_its_place_whatever_the_patterns_say() -> None:
    profile = Profile.of("debian", ["*.gz", "/dists/", "*by-hash*", "/lastupdate"])
    expected = [
        f"dists/s/main/by-hash/SHA256/{SHA}", "dists/s/main/Packages.gz", "dists/s/InRelease", "doc/x.gz", "lastupdate",
        "project/trace/master",
    ]  # fmt: skip
    assert in_publish_order(profile, sorted(expected, reverse=True)) == expected
    assert roots_of(profile, expected) == ["dists/s/InRelease", "doc/x.gz", "lastupdate"]


def test_a_link_from_one_suite_to_another_comes_behind_both() -> None:
    expected = ["dists/new/main/Packages", "dists/new/InRelease", "dists/stable"]
    assert in_publish_order(DEBIAN, sorted(expected, reverse=True)) == expected
