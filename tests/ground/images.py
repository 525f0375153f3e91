"""Our images: the product, the tools of the topology, and the product with a test runner in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from tests.ground.console import run, step

TOP: Final = Path(__file__).resolve().parents[2]
NAMESPACE: Final = os.environ.get("PUSH_MIRROR_NAMESPACE", "push-mirror")
"""What the names of our images, projects and labels begin with; two checkouts on one engine need two."""

PRODUCT: Final = f"{NAMESPACE}:latest"
TOOLS: Final = f"{NAMESPACE}-tools:latest"
PEER: Final = f"{NAMESPACE}-stock:latest"
RUNNER: Final = f"{NAMESPACE}-unit:latest"
PROMETHEUS: Final = f"{NAMESPACE}-prometheus:latest"
HANDS: Final = f"{NAMESPACE}-hands:latest"
BROWSER: Final = f"{NAMESPACE}-browser:latest"


def product(base: str) -> None:
    """The image as an operator would build it."""
    _build(PRODUCT, TOP, base)


def tools(base: str) -> None:
    """apt's client, a release tool and real packages for the topology."""
    _build(TOOLS, TOP / "tests/topology/tools", base)


def peer(base: str) -> None:
    """The peer: a mirror that runs Debian's own scripts."""
    _build(PEER, TOP / "tests/stock/image", base)


def prometheus(base: str) -> None:
    """Prometheus as the product's compose file builds it."""
    _build(PROMETHEUS, TOP, base, TOP / "rootfs/usr/share/push-mirror/prometheus/Dockerfile")


def runner() -> None:
    """The product with pytest, so that unit tests meet the libraries the product meets."""
    _build(RUNNER, TOP / "tests/topology/runner", PRODUCT)


def hands() -> None:
    """What injects faults into mirrors: the product with iptables and a false clock."""
    _build(HANDS, TOP / "tests/chaos/image", PRODUCT)


def browser(base: str) -> None:
    """Chromium, for those who look at the status page."""
    _build(BROWSER, TOP / "tests/browser/image", base)


def _build(tag: str, context: Path, base: str, file: Path | None = None) -> None:
    with step(f"image {tag.partition(':')[0]}"):
        # Without the progress display BuildKit's output, shown on failure only, is as plain as the classic builder's.
        run(
            "docker", "build", "--build-arg", f"BASE_IMAGE={base}", "--tag", tag,
            "--file", os.fspath(file or context / "Dockerfile"), os.fspath(context),
            environment={"BUILDKIT_PROGRESS": "plain"},
        )  # fmt: skip
