"""Our side of HTTP with others, whom we tell, ask or look at: what all such clients share."""

from __future__ import annotations

import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

from appliance import names

if TYPE_CHECKING:
    import httpx  # most mirrors call nobody by HTTP: who does imports it then


def client(**more: Any) -> httpx.AsyncClient:
    """A client with no deadline of its own, because httpx' begin anew with every byte: the caller has one for all.

    The environment has no say in it. It is sent on by nobody: httpx would take in and unpack all of an answer that
    does, and six hundred bytes unpack to what no memory holds. So nobody is asked to pack what he says, and what may
    come packed nevertheless is read raw. ``more`` is what httpx' own takes.
    """
    import httpx

    options = {"event_hooks": {"request": [_look_up]}, "verify": _authorities(), **more}
    options["headers"] = {"Accept-Encoding": "identity", **more.get("headers", {})}
    return httpx.AsyncClient(timeout=None, trust_env=False, **options)


async def _look_up(request: httpx.Request) -> None:
    """Its host, beside the threads that all else is done in. Raises httpx' own error for one without an address."""
    import httpx

    try:
        await names.known(str(request.url))
    except OSError as error:
        raise httpx.ConnectError(str(error), request=request) from None


@cache
def _authorities() -> ssl.SSLContext:
    """Those whose certificates are trusted. To read them all takes 20 ms, in which nobody else is served."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)
