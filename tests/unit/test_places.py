from __future__ import annotations

from pathlib import Path

from appliance.places import Places


def test_every_place_is_below_its_root() -> None:
    places = Places()
    roots = (places.run, places.state, places.data)
    names = [name for name, value in vars(Places).items() if isinstance(value, property)]
    assert len(names) > 20
    for name in names:
        assert any(root in getattr(places, name).parents for root in roots), name


def test_no_two_places_are_the_same() -> None:
    places = Places()
    paths = [getattr(places, name) for name, value in vars(Places).items() if isinstance(value, property)]
    assert len(set(paths)) == len(paths)


def test_staging_is_on_the_archives_volume_and_in_no_archive() -> None:
    places = Places(data=Path("/data"))
    assert places.archive("debian") == Path("/data/debian")
    assert places.staging("debian") == Path("/data/.staging/debian")
