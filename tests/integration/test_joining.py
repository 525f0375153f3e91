"""The README's chapter on joining an existing tree, followed to the letter: its blocks are the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.readme import pasted
from tests.stock import Ours, Sample, Stock, World
from tests.stock.peer import HOME

pytestmark = pytest.mark.integration

SECRET = "an-account-of-its-own"


def settings(name: str) -> dict[str, str]:
    """An example as variables, as `env_file` reads it."""
    lines = (line.partition("=") for line in pasted(name).splitlines() if line.strip())
    return {key: value for key, _, value in lines}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The directory that is /etc/mirror in the container."""
    tmp_path.chmod(0o755)
    return tmp_path


def mounted(secrets: Path, files: Mapping[str, str]) -> dict[str, Any]:
    """Options for a container that finds these files in /etc/mirror."""
    for name, text in files.items():
        (secrets / name).write_text(text)
        (secrets / name).chmod(0o644)
    return {"volumes": {str(secrets): {"bind": "/etc/mirror", "mode": "ro"}}}


def test_under_a_stock_upstream(world: World, secrets: Path) -> None:
    with world.stock("syncproxy.example.net") as upstream:
        upstream.put("/etc", {"peer/secrets": f"mirror.example.org:{SECRET}\n".encode()}, mode=0o600, owner=0)
        upstream.module("debian", auth_users="mirror.example.org", secrets_file="/etc/peer/secrets")
        upstream.write("debian", Sample(1))
        upstream.next_serial("debian")
        upstream.runmirrors("", pasted("under-list").strip())
        files = {"password": SECRET, "syncproxy.pub": world.keys.public("push")}
        told = settings("under") | {"MIRROR_TRIGGERS__SYNCPROXY__FROM": upstream.address()}
        with world.ours("mirror.example.org", told, shared=False, **mounted(secrets, files)) as mirror:
            mirror.wait_for(lambda node: node.serial("debian"), 60, "has a first copy")
            upstream.write("debian", Sample(2))
            serial = upstream.next_serial("debian")
            assert upstream.push("", "all").code == 0
            mirror.wait_carries("debian", serial)
            assert mirror.trace("debian")["Trigger"] == "ssh"


def test_above_stock_downstreams(world: World, secrets: Path) -> None:
    files = {
        "rsync_secrets": "leaf:secret\n",
        "runmirrors.mirror": f"{Stock.line('leaf.example.org', 'staged')}\n",
        "known_hosts": world.keys.known_host("leaf.example.org"),
    }
    with (
        world.stock("leaf.example.org") as leaf,
        world.ours("hub.example.net", settings("above"), shared=False, **mounted(secrets, files)) as hub,
    ):
        public = hub.run("cat", "/run/mirror/keys/push_ed25519.pub").strip()
        line = f'restrict,command="/usr/bin/ftpsync" {public}\n'
        leaf.put(HOME, {".ssh/authorized_keys": line.encode()}, mode=0o600)
        conf = settings("above-conf")
        assert conf.pop("RSYNC_PATH") == "debian"
        leaf.ftpsync("", Ours, conf.pop("RSYNC_HOST"), **conf)
        hub.write("debian", Sample(1))
        leaf.wait_carries("debian", hub.announce("debian"))


def test_ubuntu_style(world: World, secrets: Path) -> None:
    token = "7d9f2c1e-54aa-4d0e-9a55-0d6a3a1c8a11"
    files = {
        "archive.pub": world.keys.public("push"),
        "releases.pub": world.keys.public("second"),
        "http_password": SECRET,
        "http_token": token,
    }
    served = {"archive": "ubuntu", "releases": "releases"}
    with world.stock("upstream.example.net") as upstream:
        for module in served.values():
            upstream.module(module)
            upstream.write(module, Sample(1))
            upstream.next_serial(module)
        with world.ours("ubuntu.example.org", settings("ubuntu"), shared=False, **mounted(secrets, files)) as mirror:
            ways = {
                "archive": f"http://archive:{SECRET}@ubuntu.example.org:8080/trigger",
                "releases": f"http://ubuntu.example.org:8080/trigger/releases/{token}",
            }
            for name, key in (("archive", "push"), ("releases", "second")):
                mirror.wait_for(lambda node, name=name: node.serial(name), 60, f"has a first {name}")  # type: ignore[misc]
                serial = upstream.next_serial(served[name])
                assert upstream.trigger(mirror, "", key=key).code == 0
                mirror.wait_carries(name, serial)
                serial = upstream.next_serial(served[name])
                upstream.run("curl", "-sf", ways[name])
                mirror.wait_carries(name, serial)


def test_a_mirror_that_nobody_pushes(world: World) -> None:
    with world.stock("upstream.example.net") as upstream:
        upstream.module("smeserver")
        more = (("obsolete/old.iso", b"old"), ("repodata/repomd.xml", b"<repomd/>"))
        upstream.write("smeserver", Sample(1, more=more))
        serial = upstream.next_serial("smeserver")
        with world.ours("mirror.example.org", settings("pull"), shared=False) as mirror:
            mirror.wait_carries("smeserver", serial)
            assert mirror.exec("test", "-e", "/srv/mirror/smeserver/obsolete").code == 1
            assert mirror.exec("test", "-e", "/srv/mirror/smeserver/repodata/repomd.xml").code == 0
