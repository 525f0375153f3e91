"""Programs from the distribution, where we may install them: as root on Debian or Ubuntu."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from tests.ground.console import output, run, succeeds


def may_install() -> bool:
    """Whether this is a machine on which `install` can work."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def known(name: str) -> bool:
    """Whether the package lists have a version of `name` that can be installed."""
    candidate = output("apt-cache", "policy", name).partition("Candidate:")[2].split()
    return bool(candidate) and candidate[0] != "(none)"


def refresh() -> None:
    """Package lists as fresh as this machine can get them; stale ones may still do, so no failure is final."""
    succeeds("apt-get", "-qq", "update", deadline=300)


def install(names: Iterable[str]) -> None:
    """Installs without questions and without recommendations."""
    run(
        "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0",
        "install", "--yes", "--no-install-recommends", *names,
        environment={"DEBIAN_FRONTEND": "noninteractive"},
    )  # fmt: skip
