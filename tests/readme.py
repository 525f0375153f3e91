"""The README's examples, taken out of its text by whoever tests them."""

from __future__ import annotations

import re

from tests.ground.images import TOP


def pasted(name: str) -> str:
    """The code block behind an `<!-- example: NAME -->` mark of the README."""
    found = re.search(rf"<!-- example: {name} -->\n```\w*\n(.*?)```", (TOP / "README.md").read_text(), re.DOTALL)
    assert found, f"the README has no example {name}"
    return found[1]
