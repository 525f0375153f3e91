"""Our side of an ssh connection: the options that triggers and fetches share."""

from __future__ import annotations

from pathlib import Path

from appliance.places import Places
from appliance.settings import Settings


def client(
    settings: Settings, places: Places, *, user: str, port: int, key: Path | None = None, more: tuple[str, ...] = ()
) -> list[str]:
    """ssh with everything but the host and the command.

    Never asks, never uses a password, knows no host key but the pinned ones (or, by choice, the first one it sees), and
    notices a dead peer as a stock pusher does (PROTOCOL section 1.1). ``more`` are the operator's own options; they
    stand first, because ssh keeps the first value it is given.
    """
    pinned = settings.host_key_checking == "pinned"
    # ssh adds a key it learns to the first file; the second is rendered anew at every reload.
    hosts = ([] if pinned else [places.learned_hosts]) + [places.known_hosts]
    options = (
        f"Port={port}",
        *([f"User={user}"] if user else []),
        *(f"IdentityFile={one}" for one in ([key] if key else _push_keys(places))),
        "IdentitiesOnly=yes",
        f"UserKnownHostsFile={' '.join(map(str, hosts))}",
        "GlobalKnownHostsFile=none",
        f"StrictHostKeyChecking={'yes' if pinned else 'accept-new'}",
        "BatchMode=yes",
        "PasswordAuthentication=no",
        "ConnectTimeout=45",
        "ServerAliveInterval=45",
        "LogLevel=ERROR",
    )
    return ["ssh", "-F", "none", *more, *(word for option in options for word in ("-o", option))]


def _push_keys(places: Places) -> list[Path]:
    """While the push key is replaced, the old one first: who has not heard of the new one sees no failed attempt."""
    return [places.push_key, *([places.next_push_key] if places.next_push_key.exists() else [])]


def known_as(host: str, port: int) -> str:
    """What known_hosts calls the sshd of a host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
    return host if port == 22 else f"[{host}]:{port}"
