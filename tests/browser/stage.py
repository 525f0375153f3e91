"""A scene, served: a real controller around a filled store, behind a port of this machine."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import uvicorn

from appliance.controller import Controller
from appliance.doors import http
from appliance.places import Places
from appliance.settings import load
from appliance.store import Store
from tests.browser.scenes import Scene

PATIENCE: Final = 60.0
"""Seconds that anything may take, on a busy machine."""


class Stage:
    """Serves one scene from a thread of its own; the controller's own work does not run, so that nothing moves."""

    def __init__(self, scene: Scene, root: Path) -> None:
        self._scene, self._root = scene, root
        self._up: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._up.result(PATIENCE)}"

    def change(self, act: Callable[[Controller], object]) -> None:
        """Have something done by the controller, in its own thread."""
        done: Future[None] = Future()

        def do() -> None:
            try:
                act(self.controller)
                done.set_result(None)
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(do)
        done.result(PATIENCE)

    def end(self) -> None:
        """Nobody answers any more."""
        self._loop.call_soon_threadsafe(setattr, self._server, "should_exit", True)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the scene does not end"

    async def _serve(self) -> None:
        try:
            self._loop, places = asyncio.get_running_loop(), self._places()
            store = Store(places.store)
            self._scene.fill(store)
            self.controller = Controller(load(self._scene.settings), places, store)
            self._scene.act(self.controller)
            options: dict[str, Any] = {"log_config": None, "lifespan": "off", "timeout_graceful_shutdown": 1}
            config = uvicorn.Config(http.application(self.controller, list), port=0, **options)
            self._server = uvicorn.Server(config)
            async with asyncio.TaskGroup() as both:
                serving = both.create_task(self._server.serve())
                await self._tell(serving)
            store.close()
        except BaseException as error:
            if not self._up.done():
                self._up.set_exception(error)
            raise

    async def _tell(self, serving: asyncio.Task[None]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not (self._server.started or serving.done()):
                await asyncio.sleep(0.01)
        self._up.set_result(self._server.servers[0].sockets[0].getsockname()[1])

    def _places(self) -> Places:
        places = Places(self._root / "run", self._root / "state", self._root / "data")
        for directory in (places.run, places.archive("debian") / "dists", places.archive("security")):
            directory.mkdir(parents=True)
        return places


@contextmanager
def staged(scene: Scene) -> Iterator[Stage]:
    """A scene, as long as somebody looks."""
    root = Path(tempfile.mkdtemp(prefix="scene"))
    stage = Stage(scene, root)
    try:
        yield stage
    finally:
        stage.end()
        shutil.rmtree(root)
