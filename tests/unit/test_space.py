from __future__ import annotations

from pathlib import Path

import pytest

from appliance import space
from appliance.errors import ConfigurationError
from appliance.settings import load
from appliance.space import Reserve
from tests.unit import filesystems
from tests.unit.samples import SMALLEST


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1%", Reserve(share=0.01)), ("0.5%", Reserve(share=0.005)), ("20G", Reserve(bytes=20 << 30)), ("0", Reserve())],
)
def test_a_reserve_as_people_write_it(text: str, expected: Reserve) -> None:
    assert space.reserve(text) == expected
    assert space.reserve(str(expected)) == expected


@pytest.mark.parametrize("text", ["100%", "-1", "1 GB", "half", "1%%"])
def test_what_is_no_reserve(text: str) -> None:
    with pytest.raises(ConfigurationError, match="neither a share nor a size"):
        load({**SMALLEST, "MIRROR_RESERVE": text})


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_949, "99.9 kB"), (3.4e12, "3.4 TB")]
)
def test_sizes_for_people(size: float, text: str) -> None:
    assert space.spell(size) == text


def test_the_fullest_has_no_byte_left_or_no_inode(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with (
        filesystems.small(tmp_path / "roomy", "size=4m") as roomy,
        filesystems.small(tmp_path / "full", "size=1m") as full,
        filesystems.small(tmp_path / "used", "size=8m,nr_inodes=2") as used,
    ):
        filesystems.fill(full)
        assert space.fullest((missing, roomy, full)) == full
        (used / "last").touch()
        assert space.fullest((missing, roomy, used)) == used
