"""Programs that the tests on this machine run: without them the unit tests would prove little, the linters nothing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Final

from tests.ground import packages
from tests.ground.console import StopError, step

PACKAGES: Final[Mapping[str, str]] = {
    "gpg": "gnupg",
    "gpgv": "gpgv",
    "openssl": "openssl",
    "rsync": "rsync",
    "shellcheck": "shellcheck",
    "ssh": "openssh-client",
}
"""Program and Debian's package for it. No daemons: those are tested in the image."""


def ensure() -> None:
    """Returns when all of them are there."""
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if not missing:
        return
    if not packages.may_install():
        raise StopError(f"The tests need some programs: install {', '.join(missing)}")
    with step(f"programs of the tests: installing {', '.join(missing)}"):
        packages.refresh()
        packages.install(missing)
