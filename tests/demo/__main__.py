"""`make demo` and `make demo-update`: the topology with real content, and what a reader wants to see of it."""

from __future__ import annotations

import sys
from typing import Final

from tests.ground.console import StopError, step
from tests.ground.images import TOP
from tests.ground.sweep import DEMO
from tests.harness import Project, Topology
from tests.harness.project import FILE

TREE: Final = ("origin", "hub:origin:mhop", "leaf1:hub:staged", "leaf2:hub:staged")
TIERS: Final = {"origin": "origin", "hub": "hub", "leaf1": "leaf", "leaf2": "leaf"}


def demo() -> Topology:
    """The demo's topology, whether it runs or not."""
    return Topology(Project(DEMO, (FILE, TOP / "tests/demo/compose.yaml"), TREE))


def show() -> None:
    """Starts it, fills it, and says where everything is. Run again, it repairs what is missing."""
    topology = demo()
    with step("starting origin → hub → leaf1, leaf2"):
        topology.up()
    with step("writing a signed archive of real packages at the origin"):
        topology.release("init")
    with step("publishing it, until both leaves have it"):
        topology.wait_serial(topology.publish())
    print(f"\n{table(topology)}\n")
    print("\n".join(_urls(topology)))
    print(f"\n{_next(topology)}")


def update() -> None:
    """A changed package, announced at the origin; shows when it arrived where."""
    topology = demo()
    with step("a changed version of hello at the origin"):
        version = topology.release("update")
    with step(f"publishing {version}, until both leaves have it"):
        topology.wait_serial(topology.publish())
    print(f"\n{table(topology)}\n\nSee it arrive at the user:\n{_install(topology)}")


def table(topology: Topology) -> str:
    """Node, tier, serial, and how many seconds after the origin it had that serial."""
    seen = {name: topology.node(name).archive() for name in TIERS}
    began = seen["origin"]["published_at"]
    rows = [("node", "tier", "serial", "lag")]
    for name, tier in TIERS.items():
        rows.append((name, tier, seen[name]["serial"] or "none", f"{seen[name]['published_at'] - began:.1f} s"))
    return "\n".join(f"  {node:<8}{tier:<8}{serial:<12}{lag:>7}" for node, tier, serial, lag in rows)


def _urls(topology: Topology) -> list[str]:
    return [f"  {name:<8}http://127.0.0.1:{topology.node(name).port(8080)}/debian/" for name in TIERS]


def _next(topology: Topology) -> str:
    hub = topology.node("hub").container.name
    return "\n".join(
        (
            "Try next:",
            _install(topology),
            f"  docker exec {hub} mirrorctl status",
            "  make demo-update                                  # make down removes it all",
        )
    )


def _install(topology: Topology) -> str:
    client = topology.node("client").container.name
    return f"  docker exec -u root {client} sh -c 'apt-get update && apt-get install -y hello && hello'"


def main(words: list[str]) -> int:
    """One verb; an exit status for the shell."""
    try:
        {"show": show, "update": update}[words[0]]()
    except (StopError, AssertionError) as error:
        print(error, file=sys.stderr)
        print(
            f"`docker logs` of the containers named {DEMO} tells more; `make down demo` begins anew.", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
