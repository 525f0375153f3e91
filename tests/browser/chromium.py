"""Chromium in a container, spoken to over its standard input and output.

It is the DevTools protocol, with a NUL behind each message.
"""

from __future__ import annotations

import base64
import json
import select
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from tests.ground import sweep
from tests.ground.images import BROWSER

PATIENCE: Final = 60.0
"""Seconds that one answer may take, on a busy machine."""

ARGV: Final = ("docker", "run", "--rm", "--interactive", "--network", "host", "--label", f"{sweep.LONE}=1", BROWSER)


class BrowserError(Exception):
    """The browser refused, or something in the page went wrong."""


class Browser:
    """One browser; it is in this machine's own network, where the scenes are served."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(ARGV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._asked, self._rest = 0, b""
        self._answers: dict[int, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def page(self) -> Page:
        """A new, empty page."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session, target)

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer. Raises BrowserError when it is refused."""
        assert self._process.stdin
        self._asked += 1
        asked, whose = self._asked, {"sessionId": session} if session else {}
        message = {"id": asked, "method": method, "params": parameters, **whose}
        self._process.stdin.write(json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while asked not in self._answers:
            self._read(deadline, method)
        answer = self._answers.pop(asked)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    def _read(self, deadline: float, method: str) -> None:
        assert self._process.stdout
        if not select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
            raise BrowserError(f"{method}: no answer in {PATIENCE} s")
        if not (some := self._process.stdout.read(1 << 16)):
            raise BrowserError(f"{method}: the browser has ended")
        *whole, self._rest = (self._rest + some).split(b"\0")
        for message in map(json.loads, whole):
            if "id" in message:
                self._answers[message["id"]] = message


class Page:
    """One page of a browser."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser, self._session, self._target = browser, session, target
        for domain in ("Page", "Runtime"):
            self.ask(f"{domain}.enable")
        # Whatever the page does wrong is written down in it; an event would be lost between two questions.
        self.ask("Page.addScriptToEvaluateOnNewDocument", source=_NOTES)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command to this page."""
        return self._browser.ask(method, self._session, **parameters)

    def look_like(self, width: int, dark: bool = False, scripts: bool = True, height: int = 900) -> None:
        """How the next page is shown."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)

    def open(self, url: str) -> None:
        """Load a document, to the end. A busy browser loses a navigation now and then, and is asked again."""
        there = f"location.href.split('#')[0] === {json.dumps(url)} && document.readyState === 'complete'"
        for _ in range(2):
            self.ask("Page.navigate", url=url)
            with suppress(BrowserError):
                self.wait_for(there)
                return
        self.ask("Page.navigate", url=url)
        self.wait_for(there)

    def run(self, expression: str) -> Any:
        """What an expression is in the page. Raises BrowserError when it throws."""
        done = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise BrowserError(str(done["exceptionDetails"].get("exception", {}).get("description", done)))
        return done["result"].get("value")

    def wait_for(self, expression: str, deadline: float = 60) -> None:
        """Return as soon as an expression is true in the page."""
        until = time.monotonic() + deadline
        while not self.run(expression):
            if time.monotonic() > until:
                raise BrowserError(f"not in {deadline} s: {expression}")
            time.sleep(0.02)

    def text(self) -> str:
        """What there is to read."""
        return str(self.run("document.body.innerText"))

    def shot(self, path: Path) -> None:
        """The whole page as a picture, however long it is."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}
        taken = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def troubles(self) -> list[str]:
        """What went wrong in the page: errors of its script, and what its own policy forbade."""
        return list(self.run("window.__troubles"))

    def close(self) -> None:
        """The page goes; what it listened to is let go."""
        self._browser.ask("Target.closeTarget", targetId=self._target)


_NOTES: Final = """
window.__troubles = [];
addEventListener("error", (event) => window.__troubles.push(String(event.message)));
addEventListener("unhandledrejection", (event) => window.__troubles.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => window.__troubles.push(event.violatedDirective));
"""
