"""The documents the project began from, followed step by step, with our image as the software they tell to install."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import pytest

from tests.harness import Node, wait_for
from tests.stock import Gate, Ours, Sample, Stock, World, variables
from tests.stock.peer import HOME
from tests.stock.sample import Entry
from tests.stock.world import FILES, STATE

pytestmark = pytest.mark.integration

HOOK: Final = """#!/bin/sh
printf '%s %s %s %s\\n' "$(date +%s.%N)" "$MIRROR_HOOK" "$MIRROR_KIND" "$(cat "$MIRROR_TREE/repodata/repomd.xml")" \\
    >> /var/lib/mirror/steps
"""


def smeserver(version: int) -> dict[str, Entry]:
    """A tree as contribs.org has them: repodata, packages, and a directory that not everybody wants."""
    return {
        "repodata/repomd.xml": f"<repomd>{version}</repomd>".encode(),
        "repodata/primary.xml.gz": f"primary {version}".encode(),
        f"Packages/hello-{version}.rpm": f"hello {version}".encode() * 100,
        "obsolete/old.iso": b"old" * 1000,
    }


def with_hooks(node: Ours) -> None:
    """Has a mirror of ours note when which step was over, and which index readers saw then."""
    node.put(STATE, {f"hooks/hook{point}": HOOK.encode() for point in range(1, 6)}, mode=0o755)


def steps(node: Ours) -> list[tuple[float, str, str, str]]:
    """When, hook, kind of run, index: what the hooks have noted."""
    lines = node.exec("cat", f"{STATE}/steps").out.splitlines()
    words = (line.split(" ", 3) for line in lines)
    return [(float(when), hook, kind, seen) for when, hook, kind, seen in words]


def when(node: Ours, hook: str, *kinds: str) -> float:
    """When a hook of a kind of run was over for the last time."""
    return max(moment for moment, name, kind, _ in steps(node) if (name, kind in kinds) == (hook, True))


def test_the_debian_page_setting_up_a_push_server(world: World) -> None:
    """rsyncd.conf with auth users and secrets, a key of our own, the authorized_keys line, the mirror list."""
    served = {
        "upstream": "none", "comment": "The Debian Archive (~250 GB)", "auth_users": "leaf-stock,site2.example.com",
        "max_connections": "25",
    }  # fmt: skip
    files = {
        "debian.secrets": b"leaf-stock:a_password\nsite2.example.com:another_password\n",
        "runmirrors.mirror": f"# sites we push to\n{Stock.line('leaf-stock', 'staged')}\n".encode(),
    }
    more = {
        "MIRROR_RSYNC_SECRETS_FILE": f"{FILES}/debian.secrets",
        "MIRROR_ARCHIVES__DEBIAN__RUNMIRRORS_FILE": f"{FILES}/runmirrors.mirror",
    }
    with (
        world.stock("leaf-stock") as leaf,
        world.ours("origin-ours", {**variables("debian", **served), **more}, files) as server,
    ):
        # Setting up rsync: the module is listed with its comment, and opens for accounts with a secret only.
        where = "rsync://origin-ours:8730"
        assert "The Debian Archive (~250 GB)" in leaf.run("rsync", "--list-only", f"{where}/")
        assert leaf.exec("rsync", "--list-only", f"{where}/debian/").code == 5
        account = {"RSYNC_PASSWORD": "a_password"}
        leaf.run("rsync", "--list-only", "rsync://leaf-stock@origin-ours:8730/debian/", environment=account)
        rendered = server.run("cat", "/run/mirror/rsyncd.conf")
        assert "max connections = 25" in rendered
        assert "socket options = SO_KEEPALIVE" in rendered

        # Setting up the ssh trigger mechanism: our public key, in the line that we hand to the downstream.
        line = str(json.loads(server.run("mirrorctl", "keys", "--json"))["authorized_keys"])
        leaf.put(HOME, {".ssh/authorized_keys": f"{line.replace('~/bin', '/usr/bin')}\n".encode()}, mode=0o600)
        leaf.ftpsync("", Ours, "origin-ours", RSYNC_USER="leaf-stock", RSYNC_PASSWORD="a_password")

        # "The effect will be that your system will try to ssh to your downstream mirrors, after your own update."
        server.write("debian", Sample(1))
        serial = server.announce("debian")
        leaf.wait_carries("debian", serial)
        held = leaf.run("cat", f"{leaf.tree('debian')}/dists/demo/InRelease")
        assert held == server.run("cat", f"{server.tree('debian')}/dists/demo/InRelease")
        assert leaf.trace("debian")["Upstream-mirror"] == "origin-ours"


def test_the_ubuntu_page_push_mirroring(world: World) -> None:
    """Two keys in its authorized_keys form for archive and releases, the command returning at once, both HTTP forms."""
    token = "7d9f2c1e-54aa-4d0e-9a55-0d6a3a1c8a11"
    keys = {
        "MIRROR_TRIGGERS__UPSTREAM__KEY": world.keys.public("push"),
        "MIRROR_TRIGGERS__UPSTREAM__ARCHIVES": "archive",
        "MIRROR_TRIGGERS__UPSTREAM__BACKGROUND": "true",
        "MIRROR_TRIGGERS__RELEASES__KEY": world.keys.public("second"),
        "MIRROR_TRIGGERS__RELEASES__ARCHIVES": "releases",
        "MIRROR_TRIGGERS__RELEASES__BACKGROUND": "true",
        "MIRROR_HTTP_TRIGGERS__ARCHIVE__PASSWORD": "a-long-random-password",
        "MIRROR_HTTP_TRIGGERS__ARCHIVE__ARCHIVES": "archive",
        "MIRROR_HTTP_TRIGGERS__RELEASES__TOKEN": token,
        "MIRROR_HTTP_TRIGGERS__RELEASES__ARCHIVES": "releases",
    }
    with world.stock("origin-stock") as upstream:
        for name in ("archive", "releases"):
            upstream.module(name)
            upstream.write(name, Sample(1))
            upstream.next_serial(name)
        source = {
            name: variables(name, upstream=Stock.upstream("origin-stock", name), poll="off")
            for name in ("archive", "releases")
        }
        with world.ours("leaf-ours", {**keys, **source["archive"], **source["releases"]}) as mirror:
            for name in ("archive", "releases"):
                mirror.wait_for(lambda node, name=name: node.serial(name), 60, f"has a first {name}")  # type: ignore[misc]

            # Each key begins a sync of its own archive, whatever is said, and returns while the sync goes on.
            for name, key in (("archive", "push"), ("releases", "second")):
                upstream.write(name, Sample(2))
                serial = upstream.next_serial(name)
                with Gate(upstream, name).after(0):
                    assert upstream.trigger(mirror, "~/archive-sync", key=key).code == 0
                mirror.wait_carries(name, serial)

            # HTTP: the user decides about the component; or the component and a long random UUID are in the path.
            forms = {
                "archive": "http://archive:a-long-random-password@leaf-ours:8080/trigger",
                "releases": f"http://leaf-ours:8080/trigger/releases/{token}",
            }
            for name, url in forms.items():
                upstream.write(name, Sample(3))
                serial = upstream.next_serial(name)
                status = upstream.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url)
                assert status == "202"
                mirror.wait_carries(name, serial)


def test_the_sme_server_page_how_push_works(world: World) -> None:
    """The ten numbered steps of a push through two tiers, in order; the hub's rsyncd settings; EXCLUDE."""
    hub_settings = {
        "upstream": Ours.upstream("origin-ours", "smeserver"), "profile": "rpm", "poll": "off", "grace": "0",
        "comment": "SME Server Mirror", "max_connections": "5", "hosts_allow": world.subnet,
    }  # fmt: skip
    leaf_settings = {
        "upstream": Ours.upstream("hub-ours", "smeserver"), "profile": "rpm", "poll": "off", "exclude": "obsolete/",
    }  # fmt: skip
    hooks = {"MIRROR_HOOKS": f"{STATE}/hooks"}
    down = {name: {"MIRROR_DOWNSTREAMS": Ours.downstream(name, "mhop")} for name in ("hub-ours", "leaf-ours")}
    origin_settings: Mapping[str, str] = {"upstream": "none", "profile": "rpm"}
    with (
        world.ours("origin-ours", {**variables("smeserver", **origin_settings), **hooks, **down["hub-ours"]}) as master,
        world.ours(
            "hub-ours",
            {**variables("smeserver", **hub_settings), **hooks, **down["leaf-ours"], "MIRROR_RSYNC_TIMEOUT": "300"},
        ) as tier1,
        world.ours("leaf-ours", {**variables("smeserver", **leaf_settings), **hooks}) as tier2,
    ):
        for version in (1, 2):
            master.put("/srv/mirror/smeserver", smeserver(version), time=1_790_000_000 + version)
            if version == 2:
                master.run("rm", "/srv/mirror/smeserver/Packages/hello-1.rpm")
                for node in (master, tier1, tier2):
                    node.put(STATE, {"steps": b""})
                    with_hooks(node)
            serial = master.announce("smeserver")
            for node in (tier1, tier2):
                node.wait_carries("smeserver", serial)
            # Behind this the last hook of the first round is over, before anybody notes hooks.
            known = ("delivered", serial)
            master.wait_for(lambda node, known=known: _told(node, "hub-ours") == known, 60, "knows")  # type: ignore[misc]
        wait_for(lambda: any(hook == "hook5" for _, hook, _, _ in steps(master)), 60, "the master has told everybody")

        # 1 the master updates the timestamp file, 2 and triggers stage 1 in tier 1, 3 which fetches all but repodata
        assert when(master, "hook4", "publish") < when(tier1, "hook2", "stage1")
        # 4 tier 1 triggers tier 2's stage 1, 5 and so on: nobody has published anything yet
        assert when(tier1, "hook2", "stage1") < when(tier2, "hook2", "stage1")
        assert {seen for _, _, kind, seen in steps(tier1) + steps(tier2) if kind == "stage1"} == {"<repomd>1</repomd>"}
        # 6 the master triggers stage 2 in tier 1, 7 which fetches everything, and deletes
        assert when(tier2, "hook2", "stage1") < when(tier1, "hook3", "sync")
        assert tier1.exec("test", "-e", "/srv/mirror/smeserver/Packages/hello-1.rpm").code == 1
        # 8 tier 1 triggers stage 2 in tier 2, 9 and so on
        assert when(tier1, "hook4", "sync") < when(tier2, "hook3", "sync")
        # 10 the master sees who is fresh
        assert _told(master, "hub-ours") == ("delivered", serial)

        # EXCLUDE saves the space of what is obsolete; the hub serves with the settings of the page.
        assert tier2.exec("test", "-e", "/srv/mirror/smeserver/obsolete").code == 1
        assert tier1.exec("test", "-e", "/srv/mirror/smeserver/obsolete/old.iso").code == 0
        rendered = tier1.run("cat", "/run/mirror/rsyncd.conf")
        for line in (
            "max connections = 5",
            "timeout = 300",
            f"hosts allow = {world.subnet}",
            "transfer logging = true",
        ):
            assert line in rendered
        assert "SME Server Mirror" in tier2.run("rsync", "--list-only", "rsync://hub-ours:8730/")


def _told(master: Node, name: str) -> tuple[str, str]:
    """How it stands with a downstream, and the serial that this is about."""
    told = master.status()["downstreams"][name]["smeserver"]
    return told["state"], told["serial"]


def test_the_sme_server_page_a_mirror_that_pulls(world: World) -> None:
    """By a schedule and by nothing else; the page's own schedule is a valid one."""
    with world.ours("origin-ours", variables("smeserver", upstream="none", profile="rpm")) as master:
        master.put("/srv/mirror/smeserver", smeserver(1))
        first = master.announce("smeserver")
        pulls = {"upstream": Ours.upstream("origin-ours", "smeserver"), "profile": "rpm", "poll": "off"}
        with world.ours("leaf-ours", variables("smeserver", **pulls, schedule="1 */2 * * *", jitter="10m")) as leaf:
            leaf.wait_carries("smeserver", first)
        with world.ours("leaf-ours", variables("smeserver", **pulls, schedule="2s")) as leaf:
            leaf.wait_carries("smeserver", first)
            master.put("/srv/mirror/smeserver", smeserver(2))
            leaf.wait_carries("smeserver", master.announce("smeserver"))
