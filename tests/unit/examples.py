"""How many examples a property has."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

FEW = 5
"""With `--hypothesis-profile=few` there is one example in so many: where the same ones run elsewhere in full."""
MANY = settings.get_profile("default").max_examples

# How long an example takes says something of the machine, and nothing of a property.
settings.register_profile("many", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("few", settings.get_profile("many"), max_examples=MANY // FEW)
settings.load_profile("many")


def examples(count: int) -> int:
    """`count` in full, with few of them one at least."""
    return max(1, count * settings().max_examples // MANY)
