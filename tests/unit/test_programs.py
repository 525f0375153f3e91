"""The rendered files, read by the programs they are for."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.container import render, volumes
from appliance.places import Places
from appliance.settings import load
from tests.unit.programs import program, running
from tests.unit.samples import LARGE
from tests.unit.upstream import eventually, free_port


@pytest.fixture
def applied(places: Places) -> Places:
    """A booted mirror with everything configured, no program running."""
    settings = load(LARGE | {"MIRROR_ARCHIVES__DEBIAN__HOSTS_ALLOW": "127.0.0.0/8"})
    volumes.prepare(places, settings.archives)
    render.apply(settings, places)
    (places.archive("debian") / "dists").mkdir()
    (places.archive("debian") / "dists" / "InRelease").write_text("Origin: Debian\n")
    (places.staging("debian") / "unpublished").write_text("not yet")
    return places


def test_sshd_reads_its_configuration(applied: Places) -> None:
    text = applied.sshd_config.read_text()
    done = _sshd_test(applied)
    if "Bad configuration option: PerSourcePenal" in done.stderr:
        # An sshd before 9.8, on a host that is older than the image.
        applied.sshd_config.write_text(re.sub("^PerSource.*\n", "", text, flags=re.MULTILINE))
        done = _sshd_test(applied)
    if "Missing privilege separation directory" in done.stderr:
        pytest.skip("sshd insists on /run/sshd when root runs it, which in the image nobody does")
    assert done.returncode == 0, done.stderr
    effective = done.stdout.splitlines()
    assert {"port 2222", "passwordauthentication no", "disableforwarding yes", "permittty no"} <= set(effective)
    assert {"authenticationmethods publickey", "allowusers mirror", "permituserrc no"} <= set(effective)


def _sshd_test(places: Places) -> subprocess.CompletedProcess[str]:
    argv = [program("sshd"), "-T", "-f", str(places.sshd_config)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_ssh_reads_the_keys(applied: Places) -> None:
    argv = [program("ssh-keygen"), "-l", "-f"]
    listed = subprocess.run([*argv, str(applied.authorized_keys)], capture_output=True, text=True, check=True).stdout
    assert [line.split()[2] for line in listed.splitlines()] == ["hub.example.org", "other", "leaf3"]
    for key in (applied.host_key, applied.push_key, applied.host_public_key):
        assert "ED25519" in subprocess.run([*argv, str(key)], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def rsyncd(applied: Places, tmp_path: Path) -> Iterator[int]:
    port = free_port()
    # Only a daemon of root's would change its uid, which no container has.
    root = ["--dparam=uid=root", "--dparam=gid=root"] if os.getuid() == 0 else []
    options = ["--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}", *root]
    argv = [program("rsync"), *options, f"--config={applied.rsyncd_conf}"]
    with running(argv, tmp_path / "output", port):
        yield port


def _rsync(*argv: str, password: str = "") -> subprocess.CompletedProcess[str]:
    environ = {"RSYNC_PASSWORD": password, "PATH": os.environ["PATH"]}
    return subprocess.run(["rsync", *argv], capture_output=True, text=True, check=False, env=environ)


def test_rsyncd_lists_its_modules(rsyncd: int) -> None:
    listed = _rsync(f"rsync://127.0.0.1:{rsyncd}/").stdout
    assert re.fullmatch(r"debian\s+The Debian archive \(100 % of it\)\ndebian-security\s*\n", listed)


def test_rsyncd_serves_who_has_the_password_and_logs_it(rsyncd: int, tmp_path: Path) -> None:
    url = f"rsync://leaf1.example.net@127.0.0.1:{rsyncd}/debian/"
    done = _rsync("-a", url, str(tmp_path / "copy"), password="a_password")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy/dists/InRelease").read_text() == "Origin: Debian\n"
    sent = "send 127.0.0.1 debian leaf1.example.net dists/InRelease 15"
    eventually(lambda: sent in (tmp_path / "output").read_text())


@pytest.mark.parametrize(("user", "password"), [("leaf1.example.net", "wrong"), ("stranger", "a_password")])
def test_rsyncd_refuses_everybody_else(rsyncd: int, user: str, password: str) -> None:
    done = _rsync(f"rsync://{user}@127.0.0.1:{rsyncd}/debian/", password=password)
    assert (done.returncode, "auth failed" in done.stderr) == (5, True)


def test_rsyncd_is_read_only_and_open_where_nobody_is_named(rsyncd: int, tmp_path: Path) -> None:
    url = f"rsync://127.0.0.1:{rsyncd}/debian-security/"
    assert _rsync(url).returncode == 0
    (tmp_path / "new").write_text("x")
    assert "read only" in _rsync(str(tmp_path / "new"), url).stderr


def test_rsyncd_follows_no_link_out_of_a_module(applied: Places, rsyncd: int, tmp_path: Path) -> None:
    (applied.archive("debian-security") / "leak").symlink_to(applied.push_key)
    url = f"rsync://127.0.0.1:{rsyncd}/debian-security/"
    for option in ("--copy-links", "--copy-unsafe-links"):
        assert _rsync("-r", option, url, str(tmp_path / "copy")).returncode
    assert not (tmp_path / "copy/leak").exists()


@pytest.fixture
def nginx(applied: Places, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    text = applied.nginx_conf.read_text()
    # The image's port may be taken on a host; IPv6 adds nothing here.
    applied.nginx_conf.write_text(
        re.sub(r"listen \[::\].*\n", "", text).replace("listen 8080", f"listen 127.0.0.1:{port}")
    )
    with running([program("nginx"), "-e", "stderr", "-c", str(applied.nginx_conf)], tmp_path / "output", port):
        yield f"http://127.0.0.1:{port}"


def _get(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def test_nginx_serves_files_and_lists_directories(nginx: str) -> None:
    assert _get(f"{nginx}/debian/dists/InRelease") == (200, "text/plain; charset=utf-8", "Origin: Debian\n")
    assert 'href="dists/"' in _get(f"{nginx}/debian")[2]


@pytest.mark.parametrize("path", ["/.staging/debian/unpublished", "/control/sync", "/control", "/debian/../.staging/"])
def test_nginx_hides_staging_and_control(nginx: str, path: str) -> None:
    assert _get(f"{nginx}{path}")[0] == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/status", "/unknown/"])
def test_nginx_says_when_the_controller_rests(nginx: str, path: str) -> None:
    code, kind, text = _get(f"{nginx}{path}")
    assert (code, kind, "controller" in text) == (503, "text/plain; charset=utf-8", True)


def test_supervisord_has_every_core_process(applied: Places) -> None:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    parser.read(applied.supervisord_conf)
    programs = {name: parser[name] for name in parser.sections() if name.startswith("program:")}
    assert set(programs) == {"program:sshd", "program:rsyncd", "program:nginx", "program:controller"}
    assert all(section["autorestart"] == "false" for section in programs.values())
    assert all(section["stdout_logfile"] == "/dev/stdout" for section in programs.values())
