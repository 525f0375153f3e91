"""The mirrors next to us as settings have them: read from what an operator wrote, and written the same way."""

from __future__ import annotations

from itertools import takewhile
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from appliance.settings.addresses import split
from appliance.settings.peers import Downstream, Upstream
from appliance.settings.values import Fault, split_patterns


def _parse_upstream(value: Any) -> Any:
    if value == "none":
        return None
    return Upstream.parse(value) if isinstance(value, str) else value


def _parse_fallback(value: Any) -> Any:
    return Upstream.parse(value) if isinstance(value, str) else value


def _split_downstreams(value: Any) -> Any:
    """Entries in order; a word that begins with `#` begins a comment that lasts to the end of its line."""
    if not isinstance(value, str):
        return value
    lines = (line.split() for line in value.splitlines())
    return tuple(word for words in lines for word in takewhile(lambda word: not word.startswith("#"), words))


def _parse_downstream(value: Any) -> Any:
    return Downstream.parse(value) if isinstance(value, str) else value


def _parse_callback(value: Any) -> Any:
    """A downstream's form without a name: only user, host and port mean anything."""
    if not isinstance(value, str) or not value.strip():
        return value or None
    form = "write ssh://[user@]host[:port]"
    url, host, port = split(value.strip(), ("ssh",), form)
    if url.path.strip("/") or url.query:
        raise Fault(f"{value!r} says more than a host", form)
    return Downstream(name="callback", host=host, user=url.username or "archvsync", port=port or 22)


Callback = Annotated[
    Downstream | None,
    BeforeValidator(_parse_callback),
    PlainSerializer(lambda one: f"ssh://{one.user}@{one.host}:{one.port}" if one else ""),
]
OptionalUpstream = Annotated[
    Upstream | None, BeforeValidator(_parse_upstream), PlainSerializer(lambda upstream: str(upstream or "none"))
]
UpstreamList = Annotated[
    tuple[Annotated[Upstream, BeforeValidator(_parse_fallback), PlainSerializer(str)], ...],
    BeforeValidator(split_patterns),
]
Downstreams = Annotated[
    tuple[Annotated[Downstream, BeforeValidator(_parse_downstream), PlainSerializer(str)], ...],
    BeforeValidator(_split_downstreams),
]
