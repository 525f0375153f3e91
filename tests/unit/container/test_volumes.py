from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appliance.container import volumes
from appliance.places import Places

TOP = Path(__file__).parents[3]


def everything(places: Places) -> list[Path]:
    return sorted(path for root in (places.run, places.state, places.data) for path in root.rglob("*"))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A directory on another filesystem than the volumes."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second filesystem to write to")
    with TemporaryDirectory(dir=shared) as directory:
        yield Path(directory)


def test_a_fresh_volume_is_good_and_stays_as_it_is(places: Places) -> None:
    assert volumes.check(places, ("debian",)) == ()
    assert everything(places) == []


def test_a_used_volume_is_good_and_stays_as_it_is(places: Places) -> None:
    volumes.prepare(places, ("debian",))
    (places.archive("debian") / "file").write_text("x")
    before = everything(places)
    assert volumes.check(places, ("debian",)) == ()
    assert everything(places) == before


def test_roots_are_made(tmp_path: Path) -> None:
    places = Places(tmp_path / "a/run", tmp_path / "b/state", tmp_path / "c/data")
    assert volumes.check(places, ()) == ()
    volumes.prepare(places, ("debian", "alma"))
    assert places.staging("alma").is_dir()
    assert places.inbox.is_dir()


def test_every_root_that_cannot_be_written_is_told(places: Places, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bad = replace(places, state=tmp_path / "file", data=tmp_path / "file" / "data", run=Path("/proc/mirror"))
    found = volumes.check(bad, ("debian",))
    assert [problem.variable for problem in found] == [str(bad.run), str(bad.state), str(bad.data)]
    assert all("cannot write here" in problem.fact and problem.cure for problem in found)


@pytest.mark.parametrize("which", ["archive", "staging", "staging without archive"])
def test_another_filesystem_is_told_and_left_clean(places: Places, elsewhere: Path, which: str) -> None:
    if which == "archive":
        places.archive("debian").symlink_to(elsewhere)
    else:
        places.all_staging.symlink_to(elsewhere)
        if which == "staging":
            places.archive("debian").mkdir()
    before = everything(places)
    (problem,) = volumes.check(places, ("debian",))
    assert "not on the filesystem of" in problem.fact
    assert everything(places) == before
    assert list(elsewhere.iterdir()) == []


def test_a_file_where_an_archive_should_be_is_told(places: Places) -> None:
    places.archive("debian").touch()
    (problem,) = volumes.check(places, ("debian",))
    assert problem.variable == str(places.archive("debian"))


def test_checking_does_not_walk(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a volume was walked")

    for name in ("scandir", "listdir", "walk", "chown", "lchown"):
        monkeypatch.setattr(f"os.{name}", refuse)
    assert volumes.check(places, ("debian",)) == ()
    volumes.prepare(places, ("debian",))


LOOK = """
import os, sys; from pathlib import Path; from appliance.container import volumes; from appliance.places import Places
os.setuid(int(sys.argv[1]))
for one in volumes.check(Places(*map(Path, sys.argv[2:])), ("debian",)): print(one)
"""


def test_what_an_earlier_life_with_another_uid_has_left_is_told() -> None:
    """A volume's top directory may be everybody's, what is in it is not."""
    with TemporaryDirectory() as directory:  # others may look into it, as they may not into tmp_path
        places = Places(*(Path(directory, name) for name in ("run", "state", "data")))
        for place in (Path(directory), places.run, places.state, places.data):
            place.mkdir(exist_ok=True)
            place.chmod(0o777)
        places.all_staging.mkdir()
        places.all_staging.chmod(0o777)
        kept = (places.inbox, places.state_host_key.parent, places.staging("debian"))
        for place in kept:
            place.mkdir(mode=0o500)
        other = os.getuid() or 65534
        argv = [sys.executable, "-c", LOOK, str(other), *map(str, (places.run, places.state, places.data))]
        found = subprocess.run(argv, cwd=TOP, capture_output=True, text=True, check=True).stdout
    assert [line.partition(":")[0] for line in found.splitlines()[::2]] == list(map(str, kept))
    assert f"belongs to uid {os.getuid()}, and uid {other} cannot write to it" in found
