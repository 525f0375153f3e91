"""The base image: what is here already, else the registry's, else one made by debootstrap."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.ground import packages
from tests.ground.console import StopError, run, step, succeeds

WANTED: Final = "debian:trixie-slim"
LOCAL: Final = "push-mirror-base:trixie"
PULL_DEADLINE: Final = 180.0
ROOT: Final = Path("/var/tmp/push-mirror-base")

ADVICE: Final = (
    f"Cannot get the base image: pull {WANTED}, or run this as root on Debian or Ubuntu, where debootstrap makes one."
)

SLIM: Final = {
    "etc/dpkg/dpkg.cfg.d/slim": "".join(f"path-exclude /usr/share/{name}/*\n" for name in ("doc", "man", "locale")),
    "etc/apt/apt.conf.d/slim": 'Acquire::Languages "none";\nAPT::Install-Recommends "false";\n',
}
"""Files that make later installations as small and quick as in the registry's slim image."""


def ensure() -> str:
    """The tag of a base image that is present now."""
    for tag in (WANTED, LOCAL):
        if succeeds("docker", "image", "inspect", tag):
            return tag
    with step(f"base image: asking the registry for {WANTED}"):
        pulled = succeeds("docker", "pull", "--quiet", WANTED, deadline=PULL_DEADLINE)
    if pulled:
        return WANTED
    if not packages.may_install():
        raise StopError(ADVICE)
    if shutil.which("debootstrap") is None:
        with step("base image: no registry answers, installing debootstrap"):
            packages.refresh()
            packages.install(["debootstrap"])
    with step("base image: no registry answers, making one with debootstrap"):
        _bootstrap()
    return LOCAL


def _bootstrap() -> None:
    _clear()
    run("debootstrap", "--variant=minbase", *_keyring(), "trixie", os.fspath(ROOT))
    for name, text in SLIM.items():
        (ROOT / name).write_text(text)
    sources = ROOT / "etc/apt/sources.list"
    sources.write_text(_with_updates(sources.read_text()))
    for name in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for name in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (ROOT / name).mkdir(parents=True)
    _import()
    _clear()


def _with_updates(sources: str) -> str:
    """debootstrap names the release only; the registry's image has its updates and security fixes beside it."""
    mirror = sources.split()[1].rstrip("/")
    return f"{sources}deb {mirror} trixie-updates main\ndeb {mirror}-security trixie-security main\n"


def _keyring() -> tuple[str, ...]:
    """Ubuntu's debootstrap looks for Debian's keys only where it is told to."""
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    if not keyring.exists():
        packages.install(["debian-archive-keyring"])
    return (f"--keyring={keyring}",)


def _import() -> None:
    aside = (f"--exclude=./{name}/*" for name in ("dev", "proc", "sys"))
    with subprocess.Popen(["tar", "-C", ROOT, "--numeric-owner", *aside, "-c", "."], stdout=subprocess.PIPE) as tar:
        done = subprocess.run(
            ["docker", "import", "--change", 'CMD ["/bin/bash"]', "-", LOCAL],
            stdin=tar.stdout, capture_output=True, text=True,
        )  # fmt: skip
    if tar.returncode or done.returncode:
        succeeds("docker", "image", "rm", LOCAL)
        raise StopError(f"docker import of the base image failed: {done.stderr.strip() or 'tar failed'}")


def _clear() -> None:
    """Removes what a killed debootstrap left, its mounts first: they lead out of the directory."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{ROOT}/")), reverse=True):
        run("umount", "--lazy", mount)
    if ROOT.exists():
        run("rm", "-rf", "--one-file-system", os.fspath(ROOT))
