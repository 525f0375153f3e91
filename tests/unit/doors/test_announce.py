"""A release tool's `mirrorctl publish`: the same request as from the whole program, or none at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.doors import inbox
from appliance.doors.announce import announced

HERE = {"MIRROR_ARCHIVES__DEBIAN_PORTS__UPSTREAM": "none", "MIRROR_ARCHIVES__FAR__UPSTREAM": "rsync://far.example/far"}


def test_it_leaves_the_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert announced(["publish", "debian-ports"], HERE, str(tmp_path), str(tmp_path / "no-door"))
    (request,) = tmp_path.iterdir()
    fields = inbox.read(request.read_text())
    assert (fields["archive"], fields["stage"], fields["source"], fields["by"]) == (
        "debian-ports",
        "all",
        "cli",
        "mirrorctl",
    )
    assert capsys.readouterr().out == "accepted\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["publish"],
        ["publish", "far"],
        ["publish", "unknown"],
        ["publish", "DEBIAN-PORTS"],
        ["publish", "debian_ports"],
        ["publish", "debian-ports", "--wait"],
        ["publish", "--help"],
        ["sync", "debian-ports"],
    ],
)
def test_everything_else_is_for_the_whole_program(tmp_path: Path, words: list[str]) -> None:
    assert not announced(words, HERE, str(tmp_path), str(tmp_path / "no-door"))
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_accepted_is_told_by_the_whole_program(tmp_path: Path) -> None:
    assert not announced(["publish", "debian-ports"], HERE, str(tmp_path / "no-inbox"), str(tmp_path / "no-door"))


def test_it_imports_little() -> None:
    shown = "import sys, appliance.doors.announce; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True).stdout.split()
    assert not {"typer", "rich", "pydantic", "asyncio", "sqlite3"} & set(loaded)
