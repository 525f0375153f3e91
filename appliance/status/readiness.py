"""Whether this mirror should get traffic now."""

from __future__ import annotations

from appliance.controller import Controller
from appliance.volume import gone


def not_ready(controller: Controller) -> list[str]:
    """Why this mirror should not get traffic now; empty when it should."""
    return [
        reason
        for name in controller.lanes
        if (reason := _reason(controller, name))
    ]  # fmt: skip


def _reason(controller: Controller, name: str) -> str | None:
    state = controller.store.archive(name)
    if controller.lanes[name].is_gone:
        return gone(name).fact
    if state.published is None:
        return f"{name}: nothing published yet"
    return f"{name}: the last {state.failures} runs failed" if state.failures else None
