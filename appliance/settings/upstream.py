"""Where an archive comes from, as one URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from appliance.settings.addresses import authority, split
from appliance.settings.faults import Fault
from appliance.settings.values import split_patterns

UPSTREAM_FORM = "write rsync://[user@]host[:port]/module[/path] (or rsync+tls://, rsync+ssh://), or none for an origin"
TRANSPORTS = {"rsync": 873, "rsync+tls": 1873, "rsync+ssh": 22}
"""How an upstream can be reached, and where it usually listens."""

STEP = re.compile(r"[A-Za-z0-9._~+@%=:-]+")


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where an archive comes from: a module of an rsync daemon, or a directory in one."""

    host: str
    path: str
    user: str = ""
    port: int = 873
    scheme: str = "rsync"

    @classmethod
    def parse(cls, text: str) -> Upstream:
        """Raises Fault."""
        url, host, port = split(text.strip(), TRANSPORTS, UPSTREAM_FORM)
        path = url.path.strip("/")
        steps = path.split("/")
        if url.query or not all(STEP.fullmatch(step) and step not in (".", "..") for step in steps):
            raise Fault(f"{url.path or '/'!r} is not a module or a path in one", UPSTREAM_FORM)
        usual = TRANSPORTS[url.scheme]
        return cls(host=host, path=path, user=url.username or "", port=port or usual, scheme=url.scheme)

    @property
    def url(self) -> str:
        """As it was written, without a slash at the end and never with a password."""
        place = authority(self.user, self.host, self.port, TRANSPORTS[self.scheme])
        return f"{self.scheme}://{place}/{self.path}"

    @property
    def daemon_url(self) -> str:
        """What rsync takes for a daemon it reaches by TCP or TLS."""
        return f"rsync://{authority(self.user, self.host, self.port, 873)}/{self.path}"

    @property
    def ssh_target(self) -> str:
        """What rsync takes for a daemon at the end of an ssh connection; the port is ssh's affair."""
        return f"{authority(self.user, self.host, 0, 0)}::{self.path}"

    def __str__(self) -> str:
        return self.url


def _parse_upstream(value: Any) -> Any:
    if value == "none":
        return None
    return Upstream.parse(value) if isinstance(value, str) else value


def _parse_fallback(value: Any) -> Any:
    return Upstream.parse(value) if isinstance(value, str) else value


OptionalUpstream = Annotated[
    Upstream | None, BeforeValidator(_parse_upstream), PlainSerializer(lambda upstream: str(upstream or "none"))
]
UpstreamList = Annotated[
    tuple[Annotated[Upstream, BeforeValidator(_parse_fallback), PlainSerializer(str)], ...],
    BeforeValidator(split_patterns),
]
