"""An upstream that does not want us: one clear line, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness import Lone, Topology

pytestmark = pytest.mark.integration

MIRROR = {
    "MIRROR_NAME": "lone",
    "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "rsync://leaf1@hub:8730/debian",
    "MIRROR_ARCHIVES__DEBIAN__PASSWORD": "wrong",
    "MIRROR_ARCHIVES__DEBIAN__VERIFY": "off",
}


@pytest.mark.parametrize(
    ("changed", "fact", "cure"),
    [
        ({}, "auth failed on module debian", "MIRROR_ARCHIVES__DEBIAN__PASSWORD"),
        ({"MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "rsync://hub:8730/ubuntu"}, "Unknown module", "module name"),
        (
            {"MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "rsync://hub:99/debian"},
            "refused",
            "MIRROR_ARCHIVES__DEBIAN__UPSTREAM",
        ),
    ],
    ids=["password", "module", "port"],
)
def test_a_refusal_is_one_clear_line(
    topology: Topology, lone: Callable[..., Lone], changed: dict[str, str], fact: str, cure: str
) -> None:
    node = lone({**MIRROR, **changed}, network=f"{topology.project.name}_default")
    node.wait_healthy()
    answer = node.exec("mirrorctl", "sync", "debian", "--wait")
    assert (answer.code, answer.out) == (3, "")
    *_, said, advice = answer.err.splitlines()
    assert fact in said
    assert cure in advice
    error = node.archive()["error"]
    assert fact in error
    assert cure in error
    assert node.paths("/srv/mirror/debian", ("-type", "f")) == []
