"""The virtual environment of the tests, made or mended."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

from tests.ground import packages
from tests.ground.console import StopError, output, run, step, succeeds
from tests.ground.images import TOP

WHERE: Final = TOP / ".venv"
STAMP: Final = WHERE / ".complete"
AXE: Final = "axe-playwright-python>=0.1.8"
"""The checker of accessibility, as a package of Python's."""

OLDEST: Final = (3, 11)
NEWER: Final = ("python3.14", "python3.13", "python3.12", "python3.11")


def ensure() -> None:
    """A complete environment; the stamp is written last, so a half-made one is never taken for complete."""
    inside = os.fspath(WHERE / "bin/python")
    with step("python: virtual environment with the test dependencies"):
        STAMP.unlink(missing_ok=True)
        if not (_new_enough(inside) and succeeds(inside, "-m", "pip", "--version")):
            _make(_interpreter())
        run(inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", f"{TOP}[test]")
        # Of this one only its copy of axe is wanted, not the browsers and drivers that it depends on.
        run(inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", AXE)
        STAMP.touch()


def _make(interpreter: str) -> None:
    if not succeeds(interpreter, "-c", "import ensurepip"):
        if not packages.may_install():
            raise StopError("Python's venv module is missing: install the package python3-venv")
        packages.refresh()
        packages.install(["python3-venv"])
    run(interpreter, "-m", "venv", "--clear", os.fspath(WHERE))


def _interpreter() -> str:
    for name in (sys.executable, *NEWER):
        if shutil.which(name) and _new_enough(name):
            return name
    raise StopError(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed for the tests and the demo: install it")


def _new_enough(interpreter: str) -> bool:
    return output(interpreter, "-c", f"import sys; print(sys.version_info[:2] >= {OLDEST})") == "True"
