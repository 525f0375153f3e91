"""Linters are tests: one command is the whole gate."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PYTHON = (
    "appliance",
    "tests",
    "rootfs/usr/bin/mirror-health",
    "rootfs/usr/bin/mirror-trigger",
    "rootfs/usr/bin/mirrorctl",
)

pytestmark = pytest.mark.linters


def tool(name: str, cure: str) -> str:
    """The program next to this Python, or on the PATH; without it the test fails, for nobody would notice a skip."""
    beside = Path(sys.executable).with_name(name)
    path = str(beside) if beside.is_file() else shutil.which(name)
    return path or pytest.fail(f"{name} is not installed: {cure}")


def check(*argv: str) -> None:
    done = subprocess.run(argv, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}\n{done.stdout}"


def shell_scripts() -> list[str]:
    """Every shell script that git knows, by its name or its first line."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (TOP / name).is_file() and _is_shell(TOP / name)]


def _is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(80)
    return path.suffix == ".sh" or (first.startswith(b"#!") and first.split(b"/")[-1].split()[-1] in (b"sh", b"bash"))


VENV = "pip install -e '.[test]' in the virtual environment"


def test_ruff() -> None:
    check(tool("ruff", VENV), "check", *PYTHON)


def test_format() -> None:
    check(tool("ruff", VENV), "format", "--check", *PYTHON)


def test_types() -> None:
    check(tool("mypy", VENV))


def test_shell() -> None:
    check(tool("shellcheck", "apt-get install shellcheck"), *shell_scripts())
