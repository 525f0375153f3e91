"""A house whose notices go to a webhook, and what comes there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from appliance import log
from appliance.controller import Controller
from appliance.lanes.requests import new_request
from tests.unit.house import House
from tests.unit.notices.receiver import Receiver
from tests.unit.upstream import DebianTree


@asynccontextmanager
async def opened(house: House) -> AsyncIterator[Controller]:
    """Open, and logging as it would."""
    log.start("human", "info")
    async with house.open() as controller:
        yield controller


async def synced(controller: Controller, stage: str = "all") -> int | None:
    request = new_request("debian", stage, "cli", "somebody")
    controller.accept([request])
    async with asyncio.timeout(60):
        return (await controller.lanes["debian"].answer(request.id)).code


def told(hook: Receiver) -> list[tuple[str, str, str]]:
    return [(one["subject"], one["condition"], one["state"]) for body in hook.came for one in body["notices"]]


def spoil(origin: DebianTree) -> None:
    """An index that is not what its Release file says."""
    packages = next(origin.root.rglob("Packages"))
    packages.write_text(packages.read_text() + "\n")


def state(house: House) -> str | None:
    delivery = house.store.delivery("leaf", "debian")
    return delivery.state if delivery else None


def capsys_text(capsys: pytest.CaptureFixture[str], said: list[str]) -> str:
    """Everything that was logged so far."""
    said.append(capsys.readouterr().out)
    return "".join(said)
