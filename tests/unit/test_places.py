from __future__ import annotations

from pathlib import Path

from appliance.places import Places


def every_place(places: Places) -> dict[str, Path]:
    found = {name: getattr(places, name) for name, value in vars(Places).items() if isinstance(value, property)}
    return {name: place for name, place in found.items() if isinstance(place, Path)}


def test_every_place_is_below_its_root() -> None:
    places = Places()
    found = every_place(places)
    assert len(found) > 20
    for name, place in found.items():
        assert {places.run, places.state, places.data} & {*place.parents}, name


def test_no_two_places_are_the_same() -> None:
    paths = list(every_place(Places()).values())
    assert len(set(paths)) == len(paths)


def test_staging_is_on_the_archives_volume_and_in_no_archive() -> None:
    places = Places(data=Path("/data"))
    assert places.archive("debian") == Path("/data/debian")
    assert places.staging("debian") == Path("/data/.staging/debian")
