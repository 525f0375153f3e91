from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.sync import comparison, itemized, plan
from appliance.sync.changes import Change, Changes
from appliance.sync.plan import Plan
from appliance.sync.profile import Profile
from appliance.sync.source import Source
from appliance.sync.transport import Transport

DEBIAN = Profile("debian")


def source(upstream: Path, **settings: object) -> Source:
    return Source(Transport(str(upstream)), own_name="leaf", **settings)  # type: ignore[arg-type]


def walk(upstream: Path, tree: Path, profile: Profile = DEBIAN, **settings: object) -> Plan:
    return asyncio.run(comparison.walk(source(upstream, **settings), tree, profile))


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    root = tmp_path / "upstream"
    for path in ("pool/a.deb", "pool/b.deb", "dists/s/InRelease", "project/trace/master"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def test_three_lists(upstream: Path, tree: Path) -> None:
    (tree / "gone").write_text("gone")
    work = walk(upstream, tree)
    assert [p for p in plan.paths(work.payload) if (upstream / p).is_file()] == ["pool/a.deb", "pool/b.deb"]
    assert plan.paths(work.index) == ["dists/s/InRelease", "project/trace/master"]
    assert work.delete == ("gone",)
    assert work.upstream_files == 9  # five directories, four files
    assert work.bytes == len("pool/a.debpool/b.debdists/s/InReleaseproject/trace/master")


def test_a_walk_touches_nothing(upstream: Path, tree: Path) -> None:
    walk(upstream, tree)
    assert list(tree.iterdir()) == []


def test_payload_that_exists_and_changes_counts_as_index(upstream: Path, tree: Path) -> None:
    (tree / "pool").mkdir()
    (tree / "pool/a.deb").write_text("an older one")
    assert "pool/a.deb" in plan.paths(walk(upstream, tree).index)


def test_own_traces_are_neither_fetched_nor_deleted(upstream: Path, tree: Path) -> None:
    for root in (upstream, tree):
        (root / "project/trace").mkdir(parents=True, exist_ok=True)
        for name in ("leaf", "leaf-stage1", "_traces", "_hierarchy"):
            (root / "project/trace" / name).write_text(f"{name} of {root.name}")
    (tree / "project/trace/_hierarchy.mirror").write_text("ours")
    work = walk(upstream, tree)
    assert not [path for path in plan.paths(work.index) if "leaf" in path or "/_" in path]
    assert work.delete == ()


def test_flags_of_other_mirrors_are_not_fetched(upstream: Path, tree: Path) -> None:
    (upstream / "Archive-Update-in-Progress-hub").write_text("1")
    (upstream / "Archive-Update-Required-hub").write_text("")
    work = walk(upstream, tree)
    assert not [change for change in (*work.payload, *work.index) if "Archive" in change.path]
    assert work.updating == ("Archive-Update-in-Progress-hub",)
    assert asyncio.run(comparison.updating(source(upstream)))
    (upstream / "Archive-Update-in-Progress-hub").unlink()
    assert not asyncio.run(comparison.updating(source(upstream)))


def test_what_is_excluded_is_not_fetched_and_what_we_hold_of_it_goes(upstream: Path, tree: Path) -> None:
    (upstream / "obsolete").mkdir()
    (upstream / "obsolete/x").write_text("x")
    (tree / "obsolete").mkdir()
    (tree / "obsolete/y").write_text("y")
    work = walk(upstream, tree, choice=("--exclude=obsolete/",))
    assert not [change for change in work.payload if "obsolete" in change.path]
    assert work.delete == ("obsolete", "obsolete/y")


def test_a_hard_link_brings_its_leader_along(upstream: Path, tree: Path) -> None:
    (tree / "pool").mkdir()
    os.link(upstream / "pool/a.deb", upstream / "pool/link.deb")
    stat = (upstream / "pool/a.deb").stat()
    (tree / "pool/a.deb").write_text("pool/a.deb")
    os.utime(tree / "pool/a.deb", ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    paths = plan.paths(walk(upstream, tree).payload)
    assert {"pool/a.deb", "pool/link.deb"} <= set(paths)


@pytest.mark.parametrize(
    "name",
    [
        "arrow -> x",
        "back\\#101slash",
        "ünï",
        "a b",
        b"raw\xe9".decode("utf-8", "surrogateescape"),
    ],
)
def test_names_survive_the_way_through_rsync(upstream: Path, tree: Path, name: str) -> None:
    (upstream / "pool" / name).write_text("x")
    assert f"pool/{name}" in plan.paths(walk(upstream, tree).payload)


def test_nothing_to_do(upstream: Path) -> None:
    assert walk(upstream, upstream).empty


def test_only_the_hierarchy_is_nothing_to_do(upstream: Path, tree: Path) -> None:
    (upstream / "project/trace/_hierarchy.mirror").write_text("origin")
    assert not walk(upstream, tree).empty
    assert Plan(index=Changes.of([Change("project/trace/_hierarchy.mirror", 1, new=False)])).empty


def test_an_upstream_that_is_not_there(tmp_path: Path, tree: Path) -> None:
    with pytest.raises(SyncError) as caught:
        walk(tmp_path / "nowhere", tree)
    assert caught.value.verdict is Verdict.MOVED
    assert "nowhere" in str(caught.value)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_unescape_undoes_what_rsync_does(name: str) -> None:
    raw = "".join(f"\\#{byte:03o}" for byte in name.encode())
    assert itemized.unescape(raw) == name


def test_an_index_that_is_one_file_with_its_by_hash_name_stays_an_index(upstream: Path, tree: Path) -> None:
    (tree / "dists/s").mkdir(parents=True)
    (tree / "dists/s/Packages").write_text("old")
    (upstream / "dists/s/by-hash").mkdir()
    (upstream / "dists/s/Packages").write_text("a new one")
    os.link(upstream / "dists/s/Packages", upstream / "dists/s/by-hash/0")
    work = walk(upstream, tree)
    assert "dists/s/Packages" not in plan.paths(work.payload)
    assert "dists/s/Packages" in plan.paths(work.index)


def test_what_becomes_another_kind_of_thing_waits_for_the_publication(upstream: Path, tree: Path) -> None:
    (upstream / "pool/sub").mkdir()
    (upstream / "pool/sub/x").write_text("x")
    (upstream / "tools").symlink_to("pool")
    (tree / "pool").mkdir()
    (tree / "other").mkdir()
    (tree / "pool/sub").symlink_to("../other")
    (tree / "tools").mkdir()
    work = walk(upstream, tree)
    assert {"pool/sub", "pool/sub/x", "tools"} <= set(plan.paths(work.index))


def test_what_the_upstream_has_of_some_files(upstream: Path, tree: Path) -> None:
    (tree / "pool").mkdir()
    for name in ("a", "gone"):
        (tree / f"pool/{name}.deb").write_text(f"pool/{name}.deb")
    os.utime(tree / "pool/a.deb", ns=((upstream / "pool/a.deb").stat().st_mtime_ns,) * 2)
    (tree / "linked").symlink_to("pool")
    work = walk(upstream, tree)
    # The same on both sides, and not here; gone upstream, nowhere, a directory, by way of a link.
    asked = ["pool/b.deb", "pool/a.deb", "pool/gone.deb", "nowhere", "pool", "linked/a.deb"]
    assert work.offered(tree, asked) == ["pool/a.deb", "pool/b.deb"]


def test_the_first_walk_gets_the_list_in_one_piece(upstream: Path, tree: Path) -> None:
    def option() -> bool:
        return "--no-inc-recursive" in comparison.walk_argv(source(upstream), tree)

    assert option()
    first = walk(upstream, tree)
    (tree / "pool").mkdir()
    assert not option()
    later = walk(upstream, tree)
    assert {*plan.paths(first.payload)} - {*plan.paths(later.payload)} == {"pool"}
    assert plan.paths(first.index) == plan.paths(later.index)
    tree.rename(tree.with_name("away"))
    assert option()
