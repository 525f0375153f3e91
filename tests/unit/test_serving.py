"""The two other ways to our archives, by the programs that serve them: TLS through nginx, ssh through sshd."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.container import render, volumes
from appliance.joining import secrets
from appliance.joining.admitted import with_members
from appliance.places import Places
from appliance.records import Member
from appliance.settings import load
from tests.unit.certificates import Pair, certificate
from tests.unit.programs import program, running, ssh_key
from tests.unit.samples import SMALLEST
from tests.unit.upstream import eventually, free_port

OWNED = ["--dparam=uid=root", "--dparam=gid=root"] if os.getuid() == 0 else []
"""Only a daemon of root's would change its uid, which no container has."""


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return certificate(tmp_path / "tls", "DNS:localhost")


def applied(places: Places, **environ: str) -> Places:
    """A booted mirror with two archives, no program running."""
    settings = load({**SMALLEST, "MIRROR_ARCHIVES__OTHER__PROFILE": "generic", **environ})
    volumes.prepare(places, settings.archives)
    render.apply(settings, places)
    places.log.touch()
    (places.archive("debian") / "pool").mkdir()
    (places.archive("debian") / "pool/a").write_text("payload")
    return places


def rsync(*argv: str, connect: str = "", password: str = "") -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": os.environ["PATH"],
        "RSYNC_PASSWORD": password,
        **({"RSYNC_CONNECT_PROG": connect} if connect else {}),
    }
    return subprocess.run(["rsync", *argv], capture_output=True, text=True, check=False, env=environ, timeout=60)


@pytest.fixture
def tls(places: Places, pair: Pair, tmp_path: Path) -> Iterator[str]:
    """The way in by TLS; yields what connects there."""
    files = {"MIRROR_TLS_CERT_FILE": str(pair.cert), "MIRROR_TLS_KEY_FILE": str(pair.key)}
    applied(
        places, **files, MIRROR_ARCHIVES__DEBIAN__HOSTS_ALLOW="127.0.0.5", MIRROR_ARCHIVES__OTHER__MAX_CONNECTIONS="1"
    )
    http, https, front, behind = (free_port() for _ in range(4))
    text = re.sub(r".*listen \[::\].*\n", "", places.nginx_conf.read_text())
    for port, other in ((8080, http), (8443, https), (1873, front), (8731, behind)):
        text = text.replace(f"listen {port}", f"listen 127.0.0.1:{other}").replace(
            f"127.0.0.1:{port}", f"127.0.0.1:{other}"
        )
    places.nginx_conf.write_text(text)
    if not Path("/usr/lib/nginx/modules/ngx_stream_module.so").exists():
        pytest.skip("nginx has no stream module here; the image has it")
    argv = [
        program("rsync"),
        "--daemon",
        "--no-detach",
        f"--port={behind}",
        *OWNED,
        f"--config={places.rsyncd_tls_conf}",
    ]
    with ExitStack() as stack:
        stack.enter_context(running(argv, tmp_path / "rsyncd", behind))
        stack.enter_context(
            running([program("nginx"), "-e", "stderr", "-c", str(places.nginx_conf)], tmp_path / "nginx", front)
        )
        options = f"-quiet -verify_quiet -verify_return_error -CAfile {pair.cert}"
        yield f"openssl s_client {options} -connect localhost:{front}"


def test_by_tls_a_client_has_its_own_address(tls: str, tmp_path: Path) -> None:
    url = "rsync://localhost/debian/"
    assert rsync(url, connect=tls).returncode == 5
    # The daemon hangs up right behind its words, which may be overtaken on their way through TLS: its log has them.
    eventually(lambda: "denied on module debian from" in (tmp_path / "rsyncd").read_text())
    done = rsync("-r", url, str(tmp_path / "copy"), connect=f"{tls} -bind 127.0.0.5")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy/pool/a").read_text() == "payload"


def test_no_old_tls(tls: str) -> None:
    done = rsync("rsync://localhost/other/", connect=f"{tls} -tls1_1 -cipher ALL:@SECLEVEL=0")
    assert done.returncode
    assert "protocol version" in done.stderr


def forced(places: Places, name: str) -> list[str]:
    """The command that sshd runs for the key of that name, with a daemon that also root may start."""
    (command,) = re.findall(f'command="([^"]*{name}[^"]*)"', places.authorized_keys.read_text())
    words = shlex.split(command)
    return [*words[:3], *OWNED, *words[3:]]


LEAF = {
    "MIRROR_PULLS__LEAF__ARCHIVES": "debian",
    "MIRROR_ARCHIVES__DEBIAN__AUTH_USERS": "somebody",
    "MIRROR_RSYNC_SECRETS": "somebody:password",
}


def test_a_member_fetches_what_it_was_invited_to_and_nothing_else(places: Places, tmp_path: Path) -> None:
    """Also while its password changes, by either; an archive that nobody was invited to is nobody's."""
    closed = {f"MIRROR_ARCHIVES__{name}__AUTH_USERS": "*" for name in ("DEBIAN", "OTHER")}
    applied(places, **closed)
    now = time.time()
    leaf = Member("leaf", "joined", "", ("debian",), now, now, user="leaf_2", secret="6" * 32, ssh="leaf:22")
    leaf = replace(leaf, before="5" * 32, before_user="leaf", before_until=now + 60)
    render.apply(
        with_members(load({**SMALLEST, "MIRROR_ARCHIVES__OTHER__PROFILE": "generic", **closed}), [leaf], now), places
    )
    port = free_port()
    argv = [program("rsync"), "--daemon", "--no-detach", f"--port={port}", *OWNED, f"--config={places.rsyncd_conf}"]
    with running(argv, tmp_path / "rsyncd", port):

        def fetches(user: str, secret: str, archive: str = "debian") -> bool:
            return not rsync(
                f"rsync://{user}@127.0.0.1:{port}/{archive}/", password=secrets.password(secret)
            ).returncode

        assert fetches("leaf", "5" * 32)
        assert fetches("leaf_2", "6" * 32)
        assert not fetches("leaf", "6" * 32)
        assert not fetches("leaf_2", "6" * 32, "other")
        assert not fetches("-", "", "other")
        render.apply(with_members(load({**SMALLEST, **closed}), [leaf], now + 60), places)
        assert not fetches("leaf", "5" * 32)
        assert fetches("leaf_2", "6" * 32)
        assert not fetches("leaf_2", "")


def public(path: Path) -> str:
    ssh_key(path)
    return path.with_name(f"{path.name}.pub").read_text().strip()


def test_a_key_sees_its_archives_and_needs_no_password(places: Places, tmp_path: Path) -> None:
    applied(places, **LEAF, MIRROR_PULLS__LEAF__KEY=public(tmp_path / "key"))
    command = shlex.join(forced(places, "leaf"))
    shell = "--rsh=" + shlex.join(["sh", "-c", f"exec {command}"])
    assert rsync(shell, "mirror@hub::").stdout.split() == ["debian"]
    assert rsync(shell, "-r", "mirror@hub::debian/", str(tmp_path / "copy")).returncode == 0
    assert (tmp_path / "copy/pool/a").read_text() == "payload"
    assert "nknown module" in rsync(shell, "mirror@hub::other/").stderr
    assert "send" in places.log.read_text()


@pytest.mark.parametrize("line", ["another key", "another address", "no key"])
def test_a_key_that_is_gone_fetches_no_more_by_a_connection_that_was_kept(
    places: Places, tmp_path: Path, line: str
) -> None:
    """sshd looks at a key's line once, and runs the same command for whatever comes over the connection later."""
    own = {"MIRROR_PULLS__LEAF__KEY": public(tmp_path / "key"), "MIRROR_PULLS__OTHER__KEY": public(tmp_path / "other")}
    applied(places, **LEAF, **own)
    shells = {
        name: f"--rsh={shlex.join(['sh', '-c', f'exec {shlex.join(forced(places, name))}'])}"
        for name in ("leaf", "other")
    }
    changes = {
        "another key": {"MIRROR_PULLS__LEAF__KEY": public(tmp_path / "new")},
        "another address": {"MIRROR_PULLS__LEAF__FROM": "192.0.2.7"},
        "no key": {"MIRROR_PULLS__LEAF__KEY": "", "MIRROR_PULLS__LEAF__ARCHIVES": ""},
    }[line]
    environ = {**SMALLEST, "MIRROR_ARCHIVES__OTHER__PROFILE": "generic", **LEAF, **own, **changes}
    render.apply(load({name: text for name, text in environ.items() if text}), places)
    assert rsync(shells["leaf"], "mirror@hub::").returncode
    assert "debian" in rsync(shells["other"], "mirror@hub::").stdout.split()


@pytest.fixture
def sshd(places: Places, tmp_path: Path) -> Iterator[list[str]]:
    """The way in by ssh; yields an ssh that gets in."""
    if os.getuid() == 0:
        pytest.skip("sshd lets root in nowhere; in the image nobody is root")
    applied(places, **LEAF, MIRROR_PULLS__LEAF__KEY=public(tmp_path / "key"))
    port = free_port()
    text = places.sshd_config.read_text().replace("Port 2222", f"Port {port}")
    text = text.replace("AllowUsers mirror", f"AllowUsers {getpass.getuser()}").replace(
        "StrictModes yes", "StrictModes no"
    )
    places.sshd_config.write_text(text)
    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    with running([program("sshd"), "-D", "-e", "-f", str(places.sshd_config)], tmp_path / "sshd", port):
        yield ["ssh", "-F", "none", "-p", str(port), "-i", str(tmp_path / "key"), *options]


def test_through_sshd(sshd: list[str], tmp_path: Path) -> None:
    there = f"{getpass.getuser()}@127.0.0.1"
    done = rsync(f"--rsh={shlex.join(sshd)}", "-r", f"{there}::debian/", str(tmp_path / "copy"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy/pool/a").read_text() == "payload"


def test_a_key_that_may_fetch_can_do_nothing_else(sshd: list[str], places: Places) -> None:
    there = f"{getpass.getuser()}@127.0.0.1"
    for words in (["id"], ["sync:all"], ["rsync --server --sender -r . /"]):
        done = subprocess.run([*sshd, there, *words], input="", capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout.startswith("@RSYNCD:")
        assert "uid=" not in done.stdout
    assert not list(places.inbox.iterdir())
