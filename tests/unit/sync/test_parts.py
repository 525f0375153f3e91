from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from appliance.sync import fetch
from appliance.sync.changes import Change, Changes
from appliance.sync.count import Count
from appliance.sync.parts import deal, place_of, tidy
from appliance.sync.shares import split
from appliance.sync.source import Source
from appliance.sync.staging import Staging
from appliance.sync.transport import Transport
from tests.unit.upstream import daemon


def change(path: str, size: int = 100, leader: str | None = None) -> Change:
    return Change(path, size, new=True, leader=leader)


def leave(parts: Path, share: Changes, name: str, text: str = "half") -> None:
    """What an rsync that was ended in this share leaves."""
    place_of(parts, share).mkdir(exist_ok=True)
    (place_of(parts, share) / name).write_text(text)


def held(parts: Path, shares: list[Changes]) -> dict[str, str]:
    """The parts by the only path of the share that finds it."""
    found = {}
    for share in shares:
        for path in place_of(parts, share).glob("*"):
            (alone,) = share
            found[alone.path] = path.read_text()
    assert len(found) == len(list(parts.glob("*/*")))
    return found


def test_a_part_is_found_again_whatever_the_number_of_streams(tmp_path: Path) -> None:
    plan = [change(f"pool/{number:02}/f{number:02}", 30 << 20) for number in range(8)]
    leave(tmp_path, split(Changes.of(plan), 4)[3], "f06")
    for streams in (1, 8, 3, 2):
        shares = deal(tmp_path, split(Changes.of(plan), streams))
        assert held(tmp_path, shares) == {"pool/06/f06": "half"}
        assert sorted(one.path for share in shares for one in share) == [one.path for one in plan]


def test_parts_of_one_name_stay_with_the_file_that_each_is_of(tmp_path: Path) -> None:
    plan = [change(f"{directory}/same") for directory in "abc"]
    left = {"a/same": "half", "b/same": "more than half"}
    for one in plan[:2]:
        leave(tmp_path, Changes.of([one]), "same", left[one.path])
    for _ in range(2):
        shares = deal(tmp_path, [Changes.of(plan)])
        assert held(tmp_path, shares[:-1]) == left
        assert list(shares[-1]) == plan[2:]


def test_a_part_of_nobody_in_particular_drives_no_other_away(tmp_path: Path) -> None:
    plan = [change(f"{directory}/same") for directory in "abc"]
    leave(tmp_path, Changes.of(plan[:1]), "same", "of a")
    leave(tmp_path, Changes.of([change("0"), *plan]), "same", "of some share")
    shares = deal(tmp_path, [Changes.of(plan)])
    assert held(tmp_path, shares[:-1]) == {"a/same": "of a", "b/same": "of some share"}


def test_a_part_goes_to_a_file_that_it_can_be_of(tmp_path: Path) -> None:
    plan = Changes.of([change("a/same", 5), change("b/same", 100)])
    leave(tmp_path, plan, "same", "too long for a")
    assert held(tmp_path, deal(tmp_path, [plan])) == {"b/same": "too long for a"}


def test_names_of_one_file_are_not_torn_apart_for_a_part(tmp_path: Path) -> None:
    family = Changes.of([change("a/same"), change("b/other", leader="a/same")])
    leave(tmp_path, family, "same")
    leave(tmp_path, family, "other")
    assert deal(tmp_path, [family]) == [family]
    assert held(tmp_path, [family]) == {}


def test_what_nobody_wants_is_dropped(tmp_path: Path) -> None:
    leave(tmp_path, Changes.of([change("a/gone")]), "gone")
    deal(tmp_path, [Changes.of([change("a/new")])])
    assert list(tmp_path.glob("*/*")) == []


def test_a_part_that_two_files_would_take_is_not_kept_for_the_next_try(tmp_path: Path) -> None:
    share = Changes.of(map(change, ("a/same", "b/same", "b/other")))
    leave(tmp_path, share, "same")
    leave(tmp_path, share, "other")
    tidy(place_of(tmp_path, share), share)
    assert [path.name for path in tmp_path.glob("*/*")] == ["other"]


@pytest.mark.parametrize("streams", [1, 3])
def test_files_of_one_name_are_fetched_though_one_was_left_half(tmp_path: Path, streams: int) -> None:
    plan = [change(f"{directory}/same", 1 << 20) for directory in "abcd"]
    for one in plan:
        (tmp_path / "upstream" / one.path).parent.mkdir(parents=True)
        (tmp_path / "upstream" / one.path).write_bytes(os.urandom(one.size))
    staging = Staging(tmp_path / "staging")
    staging.prepare()
    (tmp_path / "tree").mkdir()
    place_of(staging.partial, Changes.of(plan)).mkdir()
    half = (tmp_path / "upstream/a/same").read_bytes()[: 1 << 19]
    (place_of(staging.partial, Changes.of(plan)) / "same").write_bytes(half)
    with daemon(tmp_path, {"m": tmp_path / "upstream"}) as port:
        source = Source(Transport(f"rsync://127.0.0.1:{port}/m"), own_name="leaf", streams=streams)
        received = asyncio.run(fetch.payload(source, staging, tmp_path / "tree", Changes.of(plan), Count()))
    assert received < (4 << 20) - (1 << 18)
    for one in plan:
        assert (tmp_path / "tree" / one.path).read_bytes() == (tmp_path / "upstream" / one.path).read_bytes()
