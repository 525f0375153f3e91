"""The ways to who runs the mirror: Apprise's hundred services, and a webhook of their own.

Where a message goes is a secret: it is in no argv, no log line and no text that is returned.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol
from urllib.parse import urlsplit

from appliance import calls, commands
from appliance.notices.message import Message
from appliance.settings import Settings

DEADLINE: Final = 60.0
"""Seconds for one message to one channel."""

_APPRISE: Final = "import apprise.cli; apprise.cli.main()"


class Channel(Protocol):
    """One way."""

    @property
    def id(self) -> str:
        """What the store knows it by; says nothing of the secret."""

    @property
    def title(self) -> str:
        """What people may know of it."""

    async def send(self, message: Message) -> str:
        """Send, once; returns the trouble in one line, empty for none."""


def of(settings: Settings) -> Iterator[Channel]:
    """Every channel that is configured."""
    if settings.notify_urls:
        yield from map(Apprise, settings.notify_urls.get_secret_value().split())
    if settings.notify_webhook:
        yield Webhook(settings.notify_webhook.get_secret_value())


@dataclass(frozen=True, slots=True)
class _Address:
    url: str

    @property
    def id(self) -> str:
        """See ``Channel``."""
        return sha256(self.url.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Apprise(_Address):
    """One of Apprise's URLs. It is a process of its own: a library of a hundred services stays out of ours."""

    @property
    def title(self) -> str:
        """See ``Channel``."""
        return f"{self.url.partition(':')[0]}://…"

    async def send(self, message: Message) -> str:
        """See ``Channel``."""
        outcome = await commands.run(
            [sys.executable, "-I", "-c", _APPRISE, "-SM", "memory", "-n", message.kind, "-t", message.title],
            deadline=DEADLINE,
            env={"APPRISE_URLS": self.url},
            feed=message.text.encode(),
        )
        return "" if outcome.ok else f"{self.title} was not delivered by Apprise: {_said(outcome, self.url)}"


def _said(outcome: commands.Outcome, secret: str) -> str:
    said = next((line for line in outcome.stderr.splitlines() if " - ERROR - " in line), outcome.last_words)
    return said.rpartition(" - ")[2].replace(secret, "…")


@dataclass(frozen=True, slots=True)
class Webhook(_Address):
    """A URL that gets the facts as JSON, by POST."""

    @property
    def title(self) -> str:
        """See ``Channel``."""
        return f"the webhook at {urlsplit(self.url).hostname}"

    async def send(self, message: Message) -> str:
        """See ``Channel``."""
        import httpx  # most mirrors have no webhook

        try:
            # What it says beside the status is not even read.
            async with (
                asyncio.timeout(DEADLINE),
                calls.client() as client,
                client.stream("POST", self.url, json=message.facts) as answer,
            ):
                pass
        except TimeoutError:
            return f"{self.title} does not answer: no end after {DEADLINE:g} s"
        except httpx.HTTPError as error:
            return f"{self.title} is not reachable: {str(error).replace(self.url, '…') or type(error).__name__}"
        return "" if answer.is_success else f"{self.title} answers with status {answer.status_code}"
