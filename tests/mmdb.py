"""Writes small databases in MaxMind's format (MaxMind DB File Format Specification 2.0): a binary tree of networks."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Network, ip_network
from typing import Any, Final

_MARKER: Final = b"\xab\xcd\xefMaxMind.com"
_GAP: Final = bytes(16)
"""Between the tree and the records."""

_Node = list[Any]


def database(networks: Mapping[str, Mapping[str, Any]], kind: str = "Test-Country") -> bytes:
    """A database of IPv4 and IPv6 networks, none of them inside another, with the record of each."""
    nodes: list[_Node] = [[None, None]]
    records = b""
    for network, record in networks.items():
        _insert(nodes, _bits(network), len(records))
        records += _encoded(record)
    tree = b"".join(_pointer(side, len(nodes)) for node in nodes for side in node)
    about = {
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1, "database_type": kind,
        "description": {"en": "made by a test"}, "ip_version": 6, "languages": [], "node_count": len(nodes),
        "record_size": 24,
    }  # fmt: skip
    return tree + _GAP + records + _MARKER + _encoded(about)


def countries(networks: Mapping[str, str]) -> bytes:
    """A database of countries, with the other things that a real one has."""
    return database({one: {"country": {"geoname_id": 1, "iso_code": code}} for one, code in networks.items()})


def _bits(network: str) -> str:
    """IPv4 is where the first 96 bits are zero."""
    found = ip_network(network)
    length = found.prefixlen if isinstance(found, IPv6Network) else 96 + found.prefixlen
    return f"{int(found.network_address):0128b}"[:length]


def _insert(nodes: list[_Node], bits: str, record: int) -> None:
    at = 0
    for bit in map(int, bits[:-1]):
        if nodes[at][bit] is None:
            nodes[at][bit] = ("node", len(nodes))
            nodes.append([None, None])
        at = nodes[at][bit][1]
    nodes[at][int(bits[-1])] = ("record", record)


def _pointer(side: tuple[str, int] | None, count: int) -> bytes:
    kind, value = side or ("nothing", 0)
    return {"node": value, "record": count + len(_GAP) + value, "nothing": count}[kind].to_bytes(3, "big")


def _encoded(value: Any) -> bytes:
    """A control byte with type and size, and the content."""
    if isinstance(value, str):
        return bytes([2 << 5 | len(value)]) + value.encode()
    if isinstance(value, int):
        return bytes([6 << 5 | 4]) + value.to_bytes(4, "big")
    if isinstance(value, list):  # of the types that need a byte more
        return bytes([len(value), 4]) + b"".join(map(_encoded, value))
    return bytes([7 << 5 | len(value)]) + b"".join(_encoded(key) + _encoded(one) for key, one in value.items())
