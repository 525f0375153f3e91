"""Settings as an operator might write them, and keys that unlock nothing."""

from __future__ import annotations

from appliance.keys import KeyPair, Keys
from appliance.settings import Settings, load

HUB_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILD5WlFNJacTSOOzqzYUEX/rRDg0PhTds6to6+fy3YL5 hub.example.org"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL5EWOmHAzA/jRdntFVksxuw4Me8/5BsLSNR8fsquXEc other"
LEAF_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZZx9NSy5HyKqDQ9mrXtLFx1G0AAYqNcAhfpVbPW2yy leaf3"

SMALLEST = {"MIRROR_NAME": "mirror.example.org", "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "rsync://hub.example.org/debian"}

LARGE = {
    **SMALLEST,
    "MIRROR_ARCHIVES__DEBIAN__COMMENT": "The Debian archive (100 % of it)",
    "MIRROR_ARCHIVES__DEBIAN__AUTH_USERS": "leaf1.example.net, leaf2.example.net",
    "MIRROR_ARCHIVES__DEBIAN__HOSTS_ALLOW": "192.0.2.0/24, 2001:db8::/32, *.example.net",
    "MIRROR_ARCHIVES__DEBIAN__MAX_CONNECTIONS": "25",
    "MIRROR_ARCHIVES__DEBIAN_SECURITY__UPSTREAM": "none",
    "MIRROR_ARCHIVES__DEBIAN_SECURITY__TRANSFER_LOGGING": "no",
    "MIRROR_TRIGGERS__HUB__KEY": HUB_KEY,
    "MIRROR_TRIGGERS__HUB__FROM": "192.0.2.7,hub.example.org",
    "MIRROR_TRIGGERS__SECURITY_MASTER__KEY": OTHER_KEY,
    "MIRROR_TRIGGERS__SECURITY_MASTER__ARCHIVES": "debian-security",
    "MIRROR_PULLS__LEAF3__KEY": LEAF_KEY,
    "MIRROR_PULLS__LEAF3__FROM": "198.51.100.0/24",
    "MIRROR_PULLS__LEAF3__ARCHIVES": "debian",
    "MIRROR_DOWNSTREAMS": "leaf1=ssh://leaf1.example.net:2222 leaf2=ssh://archvsync@leaf2.example.net?push=all",
    "MIRROR_KNOWN_HOSTS": "[leaf1.example.net]:2222 ssh-ed25519 AAAA\nleaf2.example.net ssh-ed25519 BBBB",
    "MIRROR_RSYNC_SECRETS": "leaf1.example.net:a_password\nleaf2.example.net:another",
    "MIRROR_RSYNC_MAX_CONNECTIONS": "40",
    "MIRROR_RSYNC_TIMEOUT": "5m",
    "MIRROR_TRUSTED_PROXIES": "198.51.100.9 2001:db8::/48",
}

KEYS = Keys(host=KeyPair("private host key\n", "public host key\n"), push=KeyPair("private push key\n", "public\n"))


def smallest(**changes: str) -> Settings:
    """The smallest mirror, with `name` standing for `MIRROR_NAME`."""
    return load({**SMALLEST, **{f"MIRROR_{name.upper()}": value for name, value in changes.items()}})
