from __future__ import annotations

from pathlib import Path

import pytest

from appliance.sync.standing import Ground, Standing


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    (tmp_path / "directory/file").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("directory")
    return Ground(tmp_path)


@pytest.mark.parametrize(
    ("path", "standing", "barred"),
    [
        ("directory", Standing.DIRECTORY, False),
        ("directory/file", Standing.DIRECTORY, False),
        ("file", Standing.OTHER, False),
        ("link", Standing.OTHER, False),
        ("nothing", Standing.NOTHING, False),
        ("nothing/x/y", Standing.NOTHING, False),
        ("file/x", Standing.OTHER, True),
        ("link/file", Standing.OTHER, True),
        ("link/x/y", Standing.OTHER, True),
    ],
)
def test_what_stands_at_a_path(ground: Ground, path: str, standing: Standing, barred: bool) -> None:
    assert (ground.at(path), ground.bars(path)) == (standing, barred)
