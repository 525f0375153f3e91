from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.board.drawing import draw
from appliance.board.paper import NARROW, STYLES, WIDE, Drawing
from appliance.board.tree import Station, grow

OURS = "mirror"
ARCHIVE: dict[str, Any] = {
    "upstream": "rsync://hub:873/debian", "upstreams": [], "serial": "2", "state": "idle", "stage": None,
    "progress": None, "next_try_at": None,
}  # fmt: skip


def seen(name: str, parent: str | None, fresh: str = "fresh", **more: Any) -> dict[str, Any]:
    unknown = {
        "serial": "2",
        "missed": 0,
        "lag": 0,
        "error": "",
        "consistent": True,
        "activity": None,
        "changed_at": None,
    }
    return {"mirror": name, "parent": parent, "fresh": fresh, **unknown, **more}


def shape(station: Station) -> Any:
    """Names, those with somebody below them with these."""
    return {station.name: [shape(one) for one in station.below]} if station.below else station.name


def grown(*mirrors: dict[str, Any], archive: Mapping[str, Any] = ARCHIVE) -> list[Any]:
    return [shape(root) for root in grow(OURS, archive, mirrors, 100)]


def test_who_fetches_from_whom() -> None:
    tree = grown(seen(OURS, "hub"), seen("b", "a"), seen("a", OURS), seen("c", OURS))
    assert tree == [{"hub": [{OURS: [{"a": ["b"]}, "c"]}]}]


def test_an_origin_is_the_root() -> None:
    assert grown(seen(OURS, None), seen("a", OURS), archive={**ARCHIVE, "upstream": None}) == [{OURS: ["a"]}]


def test_who_is_above_our_upstream_and_beside_us_is_shown_where_it_is() -> None:
    tree = grown(seen(OURS, "hub"), seen("hub", "top"), seen("top", None), seen("beside", "hub"))
    assert tree == [{"top": [{"hub": ["beside", OURS]}]}]


def test_of_whom_nobody_knows_more_comes_last() -> None:
    assert grown(seen("stray", "who-is-that"), seen("other", None)) == [{"hub": [OURS]}, "other", "stray"]


def test_a_loop_is_cut() -> None:
    assert grown(seen("a", "b"), seen("b", "a")) == [{"hub": [OURS]}, {"a": ["b"]}]
    assert grown(seen(OURS, "a"), seen("a", OURS)) == [{"a": [OURS]}]


def test_words_are_about_what_is_wrong() -> None:
    (root,) = grow(
        OURS, ARCHIVE,
        [
            seen("late", OURS, "bad", missed=3, lag=200000),
            seen("mute", OURS, "unknown", serial=None, error="no such host"),
            seen("odd", OURS, consistent=False),
        ],
        100,
    )  # fmt: skip
    late, mute, odd = root.below[0].below
    assert (late.line, late.short) == ("2, 2 d 7 h behind", "2 d")
    assert (mute.line, mute.detail) == ("not seen yet", "no such host")
    assert odd.detail == "its indices are older than its trace says"


NAMES = st.sampled_from([OURS, "hub", *(f"m{number}" for number in range(40))])
MIRRORS = st.dictionaries(NAMES, st.one_of(st.none(), NAMES), max_size=40)


@given(MIRRORS)
def test_everybody_has_one_place_whatever_they_say_of_each_other(parents: dict[str, str | None]) -> None:
    roots = grow(OURS, ARCHIVE, [seen(name, parent) for name, parent in parents.items()], 100)
    placed = [station.name for root in roots for station in root.all()]
    assert len(placed) == len(set(placed))
    assert set(placed) >= {*parents, OURS}


@given(MIRRORS)
def test_a_drawing_shows_everybody_inside_its_frame_and_nobody_twice_in_a_place(parents: dict[str, str | None]) -> None:
    roots = grow(OURS, ARCHIVE, [seen(name, parent) for name, parent in parents.items()], 100)
    for style in STYLES:
        drawing = draw(roots, style)
        assert len(drawing.spots) == sum(1 for root in roots for _ in root.all())
        assert all(0 < spot.x < style.width and 0 < spot.y < drawing.height for spot in drawing.spots)
        assert len({(spot.x, spot.y) for spot in drawing.spots}) == len(drawing.spots)
        assert_nothing_overlaps(drawing)


def assert_nothing_overlaps(drawing: Drawing) -> None:
    """In one column, nobody is nearer to another than cells are."""
    columns: dict[float, list[float]] = {}
    for spot in drawing.spots:
        columns.setdefault(spot.x, []).append(spot.y)
    for spots in columns.values():
        spots.sort()
        assert all(later - sooner >= 21 for sooner, later in pairwise(spots))


def test_a_hundred_leaves_are_cells_in_a_box() -> None:
    leaves = [seen(f"leaf{number:03}.example.org", OURS, "stale" if number == 7 else "fresh") for number in range(100)]
    for style, columns in ((WIDE, 4), (NARROW, 1)):
        drawing = draw(grow(OURS, ARCHIVE, leaves, 100), style)
        assert [box.caption for box in drawing.boxes] == ["100 mirrors: 1 stale"]
        cells = [spot for spot in drawing.spots if spot.cell]
        assert (len(cells), len({spot.x for spot in cells}) >= columns) == (100, True)
        assert all(re.fullmatch(r"leaf\d{3}\.example\.org", spot.name) for spot in cells)
