"""Hosts, addresses and networks, as sshd, rsyncd and nginx read them."""

from __future__ import annotations

import ipaddress
import re
import socket
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator

from appliance import tracefile
from appliance.settings.faults import Fault
from appliance.settings.values import NAME, split_words

HOST_PATTERN = re.compile(r"!?[A-Za-z0-9.:/*?_%-]+")


def host_name(text: str) -> str:
    """The name of one host. Raises Fault."""
    if not NAME.fullmatch(text):
        raise Fault(f"{text!r} is not a host name", "use letters, digits, dots, dashes and underscores only")
    return text


def mirror_name(text: str) -> str:
    """The name of a mirror, which its trace file has as well. Raises Fault."""
    if not tracefile.is_trace(host_name(text)):
        fact = f"{text!r} cannot be a mirror's name: among trace files it means something else"
        raise Fault(fact, "write the host name that others know this mirror by")
    return text


def host_pattern(text: str) -> str:
    """An address, a network or a wild-carded name, as sshd and rsyncd both read it."""
    cure = "write addresses (192.0.2.7), networks (192.0.2.0/24) or host names, separated by commas"
    if not HOST_PATTERN.fullmatch(text):
        raise Fault(f"{text!r} is not an address or host pattern", cure)
    if "/" in text:
        try:
            ipaddress.ip_network(text.removeprefix("!"))
        except ValueError as error:
            raise Fault(str(error), cure) from None
    return text


def allowed_host(text: str) -> str:
    """A host pattern of rsyncd's ``hosts allow``, which has no word for an exception (rsyncd.conf(5)). Raises Fault."""
    if text.startswith("!"):
        cure = "name those alone who may fetch; somebody among them is kept out by a firewall in front of the mirror"
        raise Fault(f"{text!r}: an rsync daemon does not know exceptions, and would let him in", cure)
    return host_pattern(text)


def names_host(pattern: str) -> bool:
    """Whether a host pattern is about a name, and not about an address."""
    return re.fullmatch(r"!?([0-9.*?]+(/\d+)?|[0-9A-Fa-f:.*?]*:[0-9A-Fa-f:.*?]*([/%]\w+)?)", pattern) is None


def network(text: str) -> str:
    """An address, or a network of them."""
    try:
        return str(ipaddress.ip_network(text)).removesuffix("/32").removesuffix("/128")
    except ValueError as error:
        raise Fault(str(error), "write addresses (192.0.2.7) and networks (192.0.2.0/24, 2001:db8::/32)") from None


def host_address(text: str) -> str:
    """An address of one of our own interfaces."""
    try:
        return str(ipaddress.ip_address(text)) if text else text
    except ValueError:
        raise Fault(f"{text!r} is not an address", "write one address, such as 192.0.2.7") from None


def proxy_address(text: str) -> str:
    """A host and a port, as RSYNC_PROXY wants them."""
    host, colon, port = text.rpartition(":")
    if text and not (colon and NAME.fullmatch(host) and port.isdigit()):
        raise Fault(f"{text!r} is not host:port", "write the proxy as host:port, without a scheme")
    return text


_OURSELVES: Final = {"localhost", "ip6-localhost", "ip6-loopback"}
"""As the hosts file of Debian and of container engines has them."""


def leads_inward(host: str) -> bool:
    """Whether an address means whoever uses it; a name could lead there as well, which nobody knows before he looks."""
    found = _address(host)
    if found is None:
        name = host.lower()
        return name in _OURSELVES or name.endswith(".localhost")
    return found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that is written so; None for a name."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))  # `127.1` and `0x7f000001` are addresses to a resolver
        except OSError:
            return None
    return (found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found


HostName = Annotated[str, AfterValidator(host_name)]
MirrorName = Annotated[str, AfterValidator(mirror_name)]
HostPatterns = Annotated[tuple[Annotated[str, AfterValidator(host_pattern)], ...], BeforeValidator(split_words)]
AllowedHosts = Annotated[tuple[Annotated[str, AfterValidator(allowed_host)], ...], BeforeValidator(split_words)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(network)], ...], BeforeValidator(split_words)]
HostAddress = Annotated[str, AfterValidator(host_address)]
ProxyAddress = Annotated[str, AfterValidator(proxy_address)]
