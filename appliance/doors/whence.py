"""From which country a client comes: by the header of a proxy in front of us, else by the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.controller import Controller
from appliance.doors import asked

ADDRESS: Final = b"x-real-ip"
"""The header in which nginx tells who asks: behind trusted proxies it is whom these have seen."""

_Headers = Mapping[bytes, bytes]


def country(controller: Controller, headers: _Headers) -> str:
    """Two small letters; empty when nobody knows."""
    return _named(controller, headers) or controller.countries.of(address(headers))


def reason(controller: Controller, headers: _Headers) -> str:
    """How the country is known, or why it is not."""
    settings = controller.settings
    if _named(controller, headers):
        return f"by the header {settings.country_header}"
    said = f"no header {settings.country_header} names it" if settings.country_header else ""
    if settings.geoip is None:
        return said or "neither MIRROR_COUNTRY_HEADER nor MIRROR_GEOIP is set"
    known = "by the database" if country(controller, headers) else "the database does not know it"
    return f"{known}, for {address(headers)}"


def address(headers: _Headers) -> str:
    """Who asks."""
    return headers.get(ADDRESS, b"").decode("latin-1")


def _named(controller: Controller, headers: _Headers) -> str:
    header = controller.settings.country_header
    return asked.country(headers.get(header.lower().encode())) if header else ""
