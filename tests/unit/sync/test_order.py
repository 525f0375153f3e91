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
