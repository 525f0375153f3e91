"""Where users are sent from: whom nginx and the proxies in front of it have seen, in the countries of a database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.harness import Lone, Node
from tests.integration.test_served import counted
from tests.mmdb import countries

pytestmark = pytest.mark.integration

FILE: Final = "/etc/mirror/countries.mmdb"
SETTINGS: Final = {
    "MIRROR_NAME": "lone",
    "MIRROR_ARCHIVES__DEBIAN__COMMENT": "an origin",
    "MIRROR_GEOIP": FILE,
    "MIRROR_TRUSTED_PROXIES": "127.0.0.1 10.0.0.0/8",
}
ASK: Final = """
import http.client, sys
line = http.client.HTTPConnection("127.0.0.1", 8080)
line.request("GET", sys.argv[1], headers={"X-Forwarded-For": sys.argv[2]} if sys.argv[2:] else {})
answer = line.getresponse()
print(answer.status, answer.read().decode())
"""


def replace(directory: Path, content: bytes) -> None:
    (directory / "new").write_bytes(content)
    (directory / "new").chmod(0o644)
    os.replace(directory / "new", directory / "countries.mmdb")


def asked(mirror: Node, *words: str) -> Any:
    status, _, body = mirror.run("python3", "-c", ASK, "/r/debian/pool/file?explain=json", *words).partition(" ")
    assert status == "200"
    story = json.loads(body)
    return story["country"], story["country_by"].rpartition("for ")[2]


def test_users_are_found_behind_proxies_and_the_database_may_change(lone: Callable[..., Lone], tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    replace(tmp_path, countries({"192.0.2.0/24": "DE", "2001:db8::/32": "SE"}))
    mirror = lone(SETTINGS, volumes={os.fspath(tmp_path): {"bind": "/etc/mirror", "mode": "ro"}})
    mirror.wait_healthy()
    assert asked(mirror) == (None, "127.0.0.1")
    assert asked(mirror, "192.0.2.7") == ("de", "192.0.2.7")
    assert asked(mirror, "2001:db8::7, 10.1.2.3") == ("se", "2001:db8::7"), "a proxy behind a proxy"
    assert asked(mirror, "192.0.2.7, 203.0.113.9") == (None, "203.0.113.9"), "what strangers say is not believed"

    replace(tmp_path, b"no database")
    refused = mirror.exec("mirrorctl", "reload")
    assert refused.code
    assert f"MIRROR_GEOIP: {FILE} is no database" in refused.err + refused.out
    assert asked(mirror, "192.0.2.7") == ("de", "192.0.2.7")
    replace(tmp_path, countries({"192.0.2.0/24": "AT"}))
    mirror.run("mirrorctl", "reload")
    assert asked(mirror, "192.0.2.7") == ("at", "192.0.2.7")

    mirror.run("sh", "-c", "mkdir -p /srv/mirror/debian/pool && echo 1 >/srv/mirror/debian/pool/file")
    mirror.run("kill", "-STOP", mirror.run("cat", "/run/mirror/controller.pid").strip())
    try:
        assert mirror.run("python3", "-c", ASK, "/r/debian/pool/file").strip() == "200 1"
    finally:
        mirror.run("kill", "-CONT", mirror.run("cat", "/run/mirror/controller.pid").strip())
    name = "mirror_redirect_fallbacks_total"
    mirror.wait_for(lambda node: counted(node, name, reason="busy") == 1, 60, "has counted who could not wait")
