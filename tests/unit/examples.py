"""How many examples a property has."""

from __future__ import annotations

from hypothesis import settings

FEW = 5
"""With `--hypothesis-profile=few` there is one example in so many: where the same ones run elsewhere in full."""
MANY = settings.get_profile("default").max_examples

settings.register_profile("few", max_examples=MANY // FEW)


def examples(count: int) -> int:
    """`count` in full, with few of them one at least."""
    return max(1, count * settings().max_examples // MANY)
