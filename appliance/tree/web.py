"""Tell a downstream by HTTP: load its URL, look at nothing but the status."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

DEADLINE: Final = 60.0
"""Seconds for one call: the other side answers at once and works afterwards."""


async def call(url: str, method: str) -> str:
    """Call ``url`` (credentials in it become basic authentication); returns the trouble in one line, empty for none.

    Certificates are checked. The URL is a secret: no text that is returned holds more of it than the host.
    """
    import httpx  # most mirrors have no such downstream

    host = urlsplit(url).hostname
    try:
        async with httpx.AsyncClient(timeout=DEADLINE, follow_redirects=True, trust_env=False) as client:
            answer = await client.request(method, url)
    except httpx.HTTPError as error:
        return f"{host} not reachable: {str(error).replace(url, '…') or type(error).__name__}"
    if answer.status_code in (401, 403, 404):
        return f"{host} refuses the trigger with status {answer.status_code}; check the credentials in its URL"
    return "" if answer.is_success else f"{host} answers with status {answer.status_code}"
