"""How the bytes travel between rsync and its upstream: plain TCP, TLS, or a daemon at the end of an ssh connection."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

Family = Literal["any", "ipv4", "ipv6"]
"""Which addresses of the upstream are used."""

_FAMILY: Final[Mapping[str, Sequence[str]]] = {"any": (), "ipv4": ("-4",), "ipv6": ("-6",)}

CONNECT_TIMEOUT: Final = 45
"""Seconds for one address of an upstream to let us in; the kernel alone would wait for more than two minutes."""

_PORT: Final = 873

_TCP: Final = ("--sockopts=TCP_NODELAY", f"--contimeout={CONNECT_TIMEOUT}")

_TUNNEL: Final = Path(__file__).with_name("tunnel.py")
_UNTRUSTED: Final = re.compile(r"^verify error:num=\d+:(.+)$", re.MULTILINE)
_FAILED: Final = re.compile(
    r"^[0-9A-F]+:error:[0-9A-F]+:[^:\n]*:[^:\n]*:(?P<reason>[^:\n]*):.*:(?P<data>.*)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a daemon listens, and how we get there."""

    host: str
    port: int
    family: Family = "any"
    bind: str = ""


@dataclass(frozen=True, slots=True)
class Transport:
    """``url`` is what rsync is given, without a slash at the end; ``word`` is what traces call it (PROTOCOL 4.1).

    With a ``place`` rsync only opens a TCP connection there, which somebody else may do as well.
    """

    url: str
    word: str = "undefined"
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    proxy: str = ""
    place: Place | None = None

    @property
    def direct(self) -> Transport:
        """The same, and rsync opens its own connection in any case."""
        return replace(self, place=None)


def plain(url: str, family: Family = "any", bind: str = "") -> Transport:
    """rsync's own TCP connection; without waits for more to send, which made a small transfer four times as long."""
    options = (*_TCP, *_FAMILY[family], *([f"--address={bind}"] if bind else []))
    there = urlsplit(url)
    place = Place(there.hostname or "", there.port or _PORT, family, bind)
    return Transport(url, "undefined", options, place=place)


def relayed(transport: Transport, port: int) -> Transport:
    """The same by way of who listens on this port here."""
    scheme, _, rest = transport.url.partition("://")
    place, _, path = rest.partition("/")
    user, at, _ = place.rpartition("@")
    return Transport(f"{scheme}://{user}{at}127.0.0.1:{port}/{path}", transport.word, _TCP)


def proxied(
    url: str, host: str, port: int, proxy: str, timeout: int, family: Family = "any", bind: str = ""
) -> Transport:
    """TCP through the HTTP proxy at ``proxy`` (HOST:PORT), which must allow CONNECT and answer in ``timeout`` seconds.

    All that a shell sees of it has been validated, as for ``tls``.
    """
    argv = [sys.executable, "-IS", str(_TUNNEL), proxy, _place(host, port), str(timeout), family, bind]
    return Transport(url, "undefined", (), {"RSYNC_CONNECT_PROG": shlex.join(argv)}, proxy)


def tls(
    url: str, host: str, port: int, authorities: Path, family: Family = "any", bind: str = "", proxy: str = ""
) -> Transport:
    """The daemon's protocol inside TLS, the certificate checked against ``authorities`` and the host's name.

    Nothing is said to a host that is not trusted. ``host`` and ``proxy`` have been validated: rsync hands the
    connecting program to a shell (rsync(1), RSYNC_CONNECT_PROG).
    """
    name = "-verify_ip" if _is_address(host) else "-verify_hostname"
    argv = [
        "openssl", "s_client", "-quiet", "-verify_quiet", "-verify_return_error", "-min_protocol", "TLSv1.2",
        *_FAMILY[family],
        "-CAfile", str(authorities), name, host,
        *([] if _is_address(host) else ["-servername", host]),
        *(["-bind", bind] if bind else []),
        *(["-proxy", proxy] if proxy else []),
        "-connect", _place(host, port),
    ]  # fmt: skip
    return Transport(url, "ssl", (), {"RSYNC_CONNECT_PROG": shlex.join(argv)}, proxy)


def ssh(target: str, argv: Sequence[str]) -> Transport:
    """A daemon started at the end of an ssh connection; ``target`` is user@host::module, ``argv`` the ssh to use."""
    return Transport(target, "ssh", (f"--rsh={shlex.join(argv)}",))


def openssl_said(stderr: str) -> str:
    """Why the connecting program gave up, in OpenSSL's words; empty when it did not."""
    if untrusted := _UNTRUSTED.search(stderr):
        return f"its TLS certificate is refused: {untrusted[1]}"
    failed = _FAILED.search(stderr)
    return (failed["data"] if failed["reason"].startswith("system") else failed["reason"]) if failed else ""


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
