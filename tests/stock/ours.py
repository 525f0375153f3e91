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
        """As an origin. How a downstream is pushed is said where it is named.

        Not the trace is looked at: `master`, the journal and the record are written behind it, and readers want them.
        """
        before = self.wait_for(lambda node: node.archive(archive), 60, "answers")["serial"]
        self.run("mirrorctl", "publish", archive)

        def look(node: Node) -> str:
            serial = node.serial(archive)
            return serial if serial and serial != before else ""

        return self.wait_for(look, 60, f"{archive} has a serial behind {before!r}")

    def wait_begun(self, *archives: str) -> None:
        """Returns when the first syncs, which nobody asks for, are over: what happens then is for the test to say."""

        def look(_: Node) -> bool:
            return all(self.archive(name).get("last_run") and self.is_quiet(name) for name in archives)

        self.wait_for(look, 60, f"has looked for {', '.join(archives)}")


def variables(archive: str, **settings: str) -> dict[str, str]:
    """The archive's settings as variables: `variables("one", upstream="rsync://…")`."""
    name = archive.replace("-", "_").upper()
    return {f"MIRROR_ARCHIVES__{name}__{key.upper()}": value for key, value in settings.items()}
