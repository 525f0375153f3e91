"""`python -m tests.bench.slice`: a real suite of the distribution through the verification, with its time and memory.

The suite is what this machine's own apt holds: every index of Packages with the InRelease that lists it, signed by the
distribution's key. The packages themselves are left out by choice, as an operator would leave them out.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.sync.choice import Choice
from appliance.sync.profile import Profile
from appliance.sync.terms import Terms
from appliance.sync.verify import verify
from appliance.sync.view import View

FORMAT: Final = "$(SITE)|$(RELEASE)|$(METAKEY)|$(FILENAME)"
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
HELPER: Final = "/usr/lib/apt/apt-helper"


def indices() -> Iterator[tuple[str, str, Path]]:
    """Suite, path in it and file of every list of packages that apt holds; the largest one comes first."""
    argv = ["apt-get", "indextargets", "--format", FORMAT, "Created-By: Packages"]
    lines = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()
    found = [line.split("|")[1:] for line in lines]
    for suite, path, file in sorted(found, key=lambda parts: -Path(parts[2]).stat().st_size):
        yield suite, path, Path(file)


def lay_out(root: Path) -> None:
    """Write the largest suite as its archive would."""
    chosen = list(indices())
    largest = chosen[0][0]
    for suite, path, file in chosen:
        if suite == largest:
            target = root / "dists" / suite / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                subprocess.run([HELPER, "cat-file", str(file)], check=True, stdout=out)
            head = file.with_name(file.name[: file.name.index(f"_{path.replace('/', '_')}")] + "_InRelease")
            shutil.copy(head, root / "dists" / suite / "InRelease")
            print(f"{suite} {path}: {target.stat().st_size / 1e6:.0f} MB, {_stanzas(target)} stanzas")


def _stanzas(index: Path) -> int:
    with index.open("rb") as file:
        return sum(line.startswith(b"Package:") for line in file)


def check(root: Path) -> None:
    """Verify everything below ``root`` as a first sync would; prints what that took."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    terms = Terms(KEYRING, payload=True, excluded=Choice.of(["--exclude=/pool/"]).excludes)
    seal = asyncio.run(verify(View(root, root / "nothing"), Profile("debian"), terms))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"signed: {seal.signed}; {time.perf_counter() - started:.2f} s, peak {peak / 1024:.0f} MB "
          f"({before / 1024:.0f} MB before)")  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) == 2:
        check(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory(prefix="push-mirror-slice.", dir="/var/tmp") as place:
            # Another process: what it took to lay it out is not what it takes to verify.
            lay_out(Path(place))
            subprocess.run([sys.executable, "-m", "tests.bench.slice", place], check=True)
