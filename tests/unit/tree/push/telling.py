"""What is published to be told of, and how far telling has come."""

from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.controller import Controller, new_request
from tests.unit.house import House


async def publish(controller: Controller) -> None:
    request = new_request("debian", "all", "cli", "mirrorctl")
    controller.accept([request])
    async with asyncio.timeout(60):
        await controller.lanes["debian"].answer(request.id)


def states(house: House) -> dict[str, str]:
    return {told.downstream: told.state for told in house.store.deliveries()}


def hold(house: House, gates: Path) -> None:
    """The downstream "leaf" lets each attempt wait for a file of its number, which says how that ends."""
    gates.mkdir()
    number = f"{gates}/$(wc -l <{house.log})"
    house.answer("leaf", f"while [ ! -s {number} ]; do sleep 0.01; done; exit $(cat {number})")
