"""What is where after each stage: stock's ftpsync with both of its option sets, and ours, below the same upstream.

After stage 2 the trees are the same. After stage 1 ours holds less, on purpose: what stock fetches early although a
Release file or a reader refers to it, we publish with the indices (PROTOCOL sections 2.1, 3.2 and 8, item 9).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Final

import pytest

from tests.stock import Mirror, Sample, Stock, World, variables

pytestmark = pytest.mark.integration

UPSTREAM: Final = "debian"
CHOICES: Final[Mapping[str, dict[str, str]]] = {
    "everything": {},
    "include": {"ARCH_INCLUDE": "amd64"},
    "exclude": {"ARCH_EXCLUDE": "i386 source"},
}
OPTIONS: Final[Mapping[str, dict[str, str]]] = {
    "2018": {},
    "master": {
        "RSYNC_OPTIONS1": "--include=*.diff/ --include=by-hash/ --exclude=*.diff/Index --exclude=Contents* "
        "--exclude=Packages* --exclude=Sources* --exclude=Release* --exclude=InRelease --exclude=i18n/* "
        "--exclude=dep11/* --exclude=installer-*/current --exclude=ls-lR*"
    },
}
"""The package's own, and what the scripts' authors have used since 2021."""

NOT_TRACES: Final = "--exclude=/project/trace/"
OWN: Final = re.compile(r"project/trace/|Archive-Update-")

SUITE: Final = r"(InRelease|/Release|/Packages|/Packages\.gz|/Sources\.gz|/Translation-en\.gz|/Packages\.diff/Index)$"
LATE: Final = {
    "2018": re.compile(rf"dists/.*{SUITE}|ls-lR"),
    "master": re.compile(rf"dists/.*{SUITE}|ls-lR|/installer-\w+/current$|/Contents-\w+\.gz$|/Components-"),
    "ours": re.compile(r"dists/(?!.*/by-hash/)|indices/|ls-lR"),
}
"""What each leaves for stage 2 (PROTOCOL section 2.1). We: whatever is below dists/ and not named by its hash."""
CONTENTS: Final = re.compile(r"/Contents-\w+\.gz$")
"""Brought early even by master's options when rules for architectures stand in front of them."""
REWRITTEN: Final = "pool/main/r/rewritten/rewritten_1_all.deb"


Held = dict[str, set[str]]
"""The paths in each archive."""


class Leaves:
    """A stock leaf with an archive for each choice and option set, and ours with one for each choice."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self.origin = stack.enter_context(world.stock("origin-stock"))
        self.stock = stack.enter_context(world.stock("leaf-stock"))
        settings: dict[str, str] = {}
        source = {"upstream": Stock.upstream(self.origin.name, UPSTREAM), "poll": "off", "grace": "0"}
        for choice, rules in CHOICES.items():
            for options, more in OPTIONS.items():
                archive = f"{choice}-{options}"
                self.stock.ftpsync(archive, Stock, self.origin.name, RSYNC_PATH=UPSTREAM, **rules, **more)
                self.stock.module(archive)
            settings |= variables(choice, **source, **{key.lower(): value for key, value in rules.items()})
        self.ours = stack.enter_context(world.ours("leaf-ours", settings))
        # Its own first syncs come to nothing while the upstream has no such module; the stages are for us to call.
        self.ours.wait_begun(*CHOICES)
        self.origin.module(UPSTREAM)
        self.all: list[tuple[Mirror, str]] = [
            *((self.ours, choice) for choice in CHOICES),
            *((self.stock, f"{choice}-{options}") for choice in CHOICES for options in OPTIONS),
        ]

    def change(self, version: int) -> None:
        """Another version at the upstream."""
        self.origin.write(UPSTREAM, Sample(version))
        self.origin.next_serial(UPSTREAM)

    def run(self, stage: str) -> Held:
        """Has everybody do a stage; what each archive holds then."""
        for leaf, archive in self.all:
            assert self.origin.trigger(leaf, f" sync:archive:{archive} sync:{stage}").code == 0
        return {archive: listing(leaf, archive) for leaf, archive in self.all}


def listing(node: Mirror, archive: str) -> set[str]:
    """Every path that is no directory, traces aside."""
    found = node.run("find", node.tree(archive), "-not", "-type", "d", "-printf", r"%P\n").splitlines()
    return {path for path in found if not OWN.match(path)}


def differences(leaves: Leaves) -> list[str]:
    """Paths in which our trees are not the stock leaf's, in content, links, modes, times or at all."""
    return [
        f"{choice}-{options}: {path}"
        for choice in CHOICES
        for options in OPTIONS
        for path in leaves.ours.compare(choice, leaves.stock, NOT_TRACES, module=f"{choice}-{options}")
    ]


@pytest.fixture(scope="module")
def leaves(world: World) -> Iterator[Leaves]:
    with ExitStack() as stack:
        yield Leaves(world, stack)


@pytest.fixture(scope="module")
def first(leaves: Leaves) -> tuple[Held, Held]:
    """What everybody holds after each stage of the first version."""
    leaves.change(1)
    return leaves.run("stage1"), leaves.run("stage2")


def test_the_first_version(leaves: Leaves, first: tuple[Held, Held]) -> None:
    early, late = first
    for choice in CHOICES:
        assert late[choice] - early[choice] == {path for path in late[choice] if LATE["ours"].search(path)}
        for options in OPTIONS:
            archive = f"{choice}-{options}"
            assert late[archive] == late[choice]
            assert late[archive] - early[archive] == expected_late(late[archive], choice, options)
            assert early[choice] <= early[archive]
    assert differences(leaves) == []
    assert carried(late["everything"]) == {"amd64", "i386", "all", "source"}
    assert carried(late["include"]) == {"amd64", "all"}
    assert carried(late["exclude"]) == {"amd64", "all"}


def expected_late(paths: set[str], choice: str, options: str) -> set[str]:
    """What stock leaves for stage 2, of these paths."""
    found = {path for path in paths if LATE[options].search(path)}
    return {path for path in found if not CONTENTS.search(path)} if choice != "everything" else found


def carried(paths: set[str]) -> set[str]:
    """The architectures of the packages in a tree."""
    binary = {match[1] for path in paths if (match := re.search(r"_(\w+)\.u?deb$", path)) and "hello" in path}
    return {name.rpartition("_")[2] for name in binary} | {"source" for path in paths if path.endswith(".dsc")}


@pytest.mark.usefixtures("first")
def test_the_next_version(leaves: Leaves) -> None:
    leaves.change(2)
    before = {archive: leaf.run("cat", f"{leaf.tree(archive)}/{REWRITTEN}") for leaf, archive in leaves.all}
    early = leaves.run("stage1")
    for leaf, archive in leaves.all:
        assert "pool/main/h/hello/hello_2_amd64.deb" in early[archive]
        assert "pool/main/g/gone-1/gone_1_all.deb" in early[archive], "nothing is deleted in stage 1"
        now = leaf.run("cat", f"{leaf.tree(archive)}/{REWRITTEN}")
        # A file that readers have under its name is not changed before the index that describes it: not by us.
        assert (now == before[archive]) == (leaf is leaves.ours)
    late = leaves.run("stage2")
    assert not any("gone-1" in path for paths in late.values() for path in paths)
    assert differences(leaves) == []
