"""Tell a downstream by HTTP: load its URL, look at nothing but the status."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance import calls

if TYPE_CHECKING:
    import httpx

_UNTRUSTED: Final = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")

DEADLINE: Final = 60.0
"""Seconds for one call, redirects and all: the other side answers at once and works afterwards."""

REDIRECTS: Final = 5
"""How often we may be sent on."""


async def call(url: str, method: str, deadline: float = DEADLINE) -> str:
    """Call ``url`` (credentials in it become basic authentication); returns the trouble in one line, empty for none.

    Certificates are checked. The URL is a secret: no text that is returned holds more of it than the host. Of the
    answer nothing but the status is read.
    """
    import httpx  # most mirrors have no such downstream

    host = urlsplit(url).hostname
    try:
        async with asyncio.timeout(deadline), calls.client() as client:
            answer = await _answer(client, client.build_request(method, url))
    except TimeoutError:
        return f"{host} does not answer: no end after {deadline:g} s; see whether its HTTP server is well"
    except httpx.HTTPError as error:
        if untrusted := _UNTRUSTED.search(str(error)):
            return (
                f"{host}: its TLS certificate is refused: {untrusted[1]}; check the host in its URL with its operator"
            )
        return f"{host} not reachable: {str(error).replace(url, '…') or type(error).__name__}"
    except Exception:  # a port that is none, in the URL or where it sends us on to; what it says may quote a secret
        return f"{host}: nobody can be called by its URL, or by where that sends us on to; look at it with its operator"
    if answer.status_code in (401, 403, 404):
        return f"{host} refuses the trigger with status {answer.status_code}; check the credentials in its URL"
    return "" if answer.is_success else f"{host} answers with status {answer.status_code}"


async def _answer(client: httpx.AsyncClient, asking: httpx.Request) -> httpx.Response:
    """The last of the answers, when we are sent on. Nothing is read behind their headers. Raises httpx' errors."""
    for _ in range(1 + REDIRECTS):
        answer = await client.send(asking, stream=True)
        await answer.aclose()
        if answer.next_request is None:
            break
        asking = answer.next_request
    return answer
