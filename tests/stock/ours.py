"""The product as a neighbour of stock mirrors."""

from __future__ import annotations

from typing import Final

from tests.harness.node import Node
from tests.stock.mirror import Mirror

HARDENED: Final = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "tmpfs": {"/run": "mode=1777", "/tmp": "mode=1777"},
}


class Ours(Mirror):
    """A mirror that runs the product."""

    ssh_user = "mirror"
    ssh_port = 2222
    rsync_port = 8730
    owner = 10001

    def is_quiet(self, archive: str) -> bool:
        state = self.archive(archive)
        return state.get("state") not in (None, "running") and not state["pending"]

    def announce(self, archive: str, kind: str = "") -> str:
        """As an origin. How a downstream is pushed is said where it is named."""
        before = self.serial_of(archive)
        self.run("mirrorctl", "publish", archive)

        def look(node: Node) -> str:
            serial = self.serial_of(archive)
            return serial if serial != before else ""

        return self.wait_for(look, 60, f"{archive} has a serial behind {before!r}")


def variables(archive: str, **settings: str) -> dict[str, str]:
    """The archive's settings as variables: `variables("one", upstream="rsync://…")`."""
    name = archive.replace("-", "_").upper()
    return {f"MIRROR_ARCHIVES__{name}__{key.upper()}": value for key, value in settings.items()}
