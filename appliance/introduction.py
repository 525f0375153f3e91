"""What other operators need of us: our public keys, as the lines of their configuration."""

from __future__ import annotations

import socket

from appliance import ports, ssh
from appliance.places import Places
from appliance.settings import Settings
from appliance.settings.names import segment_of, variable
from appliance.settings.public import NOWHERE, host_port, spelled


def lines(settings: Settings, places: Places) -> dict[str, str]:
    """Our public keys, and the lines with which another mirror lets us in or knows us."""
    # Who is told of us now is told of the key that stays.
    push_key, host_key = push_keys(places)[-1], places.host_public_key.read_text().strip()
    addresses = _addresses(settings.name)
    source = f',from="{addresses}"' if addresses else ""
    return {
        "push_public_key": push_key,
        "host_public_key": host_key,
        "authorized_keys": f'restrict,command="~/bin/ftpsync"{source} {push_key}',
        "trigger_variable": f"{key_variable('TRIGGERS', settings.name)}={push_key}",
        "pull_variable": f"{key_variable('PULLS', settings.name)}={push_key}",
        "known_hosts": _pin(settings, places),
    }


def key_variable(family: str, mirror: str) -> str:
    """The variable that another appliance has for the key of a mirror, named after its host."""
    return variable(family, segment_of(mirror), "KEY")


def push_keys(places: Places) -> tuple[str, ...]:
    """The public keys that trigger: two, while the second takes the place of the first."""
    both = (places.push_public_key, places.next_push_public_key)
    return tuple(path.read_text().strip() for path in both if path is both[0] or path.exists())


def pins(settings: Settings, places: Places) -> tuple[str, ...]:
    """Our sshd, as lines of a known_hosts file; none when others cannot reach it."""
    return () if settings.public.ssh == NOWHERE else (_pin(settings, places),)


def _pin(settings: Settings, places: Places) -> str:
    kind, key = places.host_public_key.read_text().split()[:2]
    public = settings.public.ssh
    return f"{pinned_as(spelled(settings.name, ports.SSHD) if public == NOWHERE else public)} {kind} {key}"


def pinned_as(address: str) -> str:
    """What `known_hosts` calls the sshd at `host:port`."""
    return ssh.known_as(*host_port(address))


def _addresses(name: str) -> str:
    """Our addresses as the world knows them, for a ``from=`` list; empty when our name is not known here."""
    try:
        return ",".join(sorted({str(found[4][0]) for found in socket.getaddrinfo(name, None)}))
    except OSError:
        return ""
