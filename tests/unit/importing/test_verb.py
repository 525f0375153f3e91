"""`mirrorctl import`, in a running container and as the only thing that a container does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

OLD = Path(__file__).parent / "old"
MIRRORCTL = (sys.executable, "-c", "from appliance.doors.cli import main; main()")
CONTAINER = (sys.executable, "-m", "appliance")


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()}
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("program", [MIRRORCTL, CONTAINER], ids=["mirrorctl", "container"])
def test_without_any_setting_and_without_a_controller(program: tuple[str, ...]) -> None:
    done = run(*program, "import", str(OLD / "debian"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nMIRROR_NAME=mirror.example.org\n" in done.stdout
    assert "a_password" not in done.stdout


def test_with_secrets(tmp_path: Path) -> None:
    done = run(*CONTAINER, "import", str(OLD / "debian"), "--with-secrets", str(tmp_path))
    assert done.returncode == 0
    assert (tmp_path / "password-debian").read_text() == 'it is "secret"\n'
    said = " ".join(done.stdout.replace("\n# ", " ").split())  # a long path goes over two lines
    assert f"{tmp_path}/password-debian holds RSYNC_PASSWORD of ftpsync.conf, line 8" in said
    assert 'it is "secret"' not in done.stdout


def test_a_wrong_directory_is_one_fact_and_one_cure(tmp_path: Path) -> None:
    done = run(*CONTAINER, "import", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 2
    assert "no ftpsync*.conf" in done.stderr
