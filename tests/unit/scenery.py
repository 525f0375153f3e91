"""A controller in a scene, and what it answers."""

from __future__ import annotations

import asyncio

import httpx

from appliance.controller import Controller, new_request
from appliance.doors import http
from appliance.settings import load
from tests.browser.scenes import Scene
from tests.unit.house import House

SECRETS = {
    "MIRROR_ARCHIVES__DEBIAN__PASSWORD": "SECRET-upstream",
    "MIRROR_HTTP_TRIGGERS__ARCHIVE__PASSWORD": "SECRET-password-of-a-trigger",
    "MIRROR_HTTP_TRIGGERS__OTHER__TOKEN": "SECRET-token-of-a-trigger-that-is-long",
    "MIRROR_NOTIFY_URLS": "json://127.0.0.1:9/SECRET-path",
    "MIRROR_NOTIFY_WEBHOOK": "https://hook.example.org/SECRET-hook",
    "MIRROR_RSYNC_SECRETS": "leaf:SECRET-leaf",
}

ALONE = {"MIRROR_NAME": "alone", "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "none"}


def asked(house: House, scene: Scene | None, *paths: str, secrets: bool = False) -> list[httpx.Response]:
    """The answers of a controller in a scene; in none, it has what is in the store."""

    async def ask() -> list[httpx.Response]:
        controller = made(house, scene, secrets) if scene else Controller(load(ALONE), house.places, house.store)
        transport = httpx.ASGITransport(http.application(controller, list))
        async with httpx.AsyncClient(transport=transport, base_url="http://mirror") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


def made(house: House, scene: Scene, secrets: bool = False) -> Controller:
    """The controller of a scene, with a request that waits."""
    scene.fill(house.store)
    controller = Controller(load({**scene.settings, **(SECRETS if secrets else {})}), house.places, house.store)
    scene.act(controller)
    house.store.add([new_request("debian", "all", "cli", "mirrorctl")])
    return controller
