"""Where others reach us: what a container cannot know of itself, because ports are published outside of it."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from appliance import ports
from appliance.settings.addresses import authority, split
from appliance.settings.faults import Fault
from appliance.settings.frozen import Frozen

RSYNC: Final = 873
"""Of rsync daemons (IANA); compose.yaml publishes ours there."""

NOWHERE: Final = "none"
"""What is written for a way in that others do not have."""


def host_port(text: str) -> tuple[str, int]:
    """The two parts of `host:port`, an IPv6 address without its brackets; raises Fault."""
    form = "write host:port, such as mirror.example.org:2222, an IPv6 address in brackets"
    if "@" in text or "/" in text or "?" in text:
        raise Fault(f"{text!r} is more than a host and a port", form)
    _, host, port = split(f"tcp://{text}", ("tcp",), form)
    if port is None:
        raise Fault(f"{text!r} has no port", form)
    return host, port


def spelled(host: str, port: int) -> str:
    """What `host_port` reads as these."""
    return authority("", host, port, 0)


def _host_port(text: str) -> str:
    return spelled(*host_port(text)) if text else text


def _base_url(text: str) -> str:
    form = "write http://host[:port] or https://host[:port], without a path, or none"
    if text in ("", NOWHERE):
        return text
    url, _, _ = split(text.rstrip("/"), ("http", "https"), form)
    if url.path or url.query or url.username:
        raise Fault(f"{text!r} is more than a host and a port", form)
    return text.rstrip("/")


def _sshd(text: str) -> str:
    return text if text == NOWHERE else _host_port(text)


HostPort = Annotated[str, AfterValidator(_host_port)]
Sshd = Annotated[str, AfterValidator(_sshd)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]


class Public(Frozen):
    """Our addresses as others have to write them. What is empty is told from our name, and from how we are served."""

    rsync: HostPort = Field("", description="`host:port` where others reach our rsync daemon; empty: `MIRROR_NAME:873`")
    rsync_tls: HostPort = Field(
        "", description="where they reach it by TLS; empty: `MIRROR_NAME:1873` with a certificate"
    )
    ssh: Sshd = Field(
        "",
        description="where they reach our sshd, or `none`: who fetches by `SCHEDULE` alone; empty: `MIRROR_NAME:2222`",
    )
    http: BaseUrl = Field(
        "",
        description="where they reach us by HTTP, or `none`; empty: `http://MIRROR_NAME`, with a certificate"
        " `https://MIRROR_NAME`",
    )

    def of(self, name: str, has_certificate: bool) -> Public:
        """The same with everything in it, for a mirror of that name; of TLS nothing without a certificate."""
        return Public.model_construct(
            rsync=self.rsync or spelled(name, RSYNC),
            rsync_tls=(self.rsync_tls or spelled(name, ports.RSYNCD_TLS)) if has_certificate else self.rsync_tls,
            ssh=self.ssh or spelled(name, ports.SSHD),
            http=self.http or f"http{'s' * has_certificate}://{name}",
        )
