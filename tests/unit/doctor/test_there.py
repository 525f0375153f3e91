"""What others are asked for, with a real rsync daemon, a real sshd and real web servers on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from getpass import getuser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from appliance.doctor import clock, downstreams, reaching, refusals, upstreams
from appliance.doctor.finding import Finding, Level
from appliance.places import Places
from tests.unit.doctor.room import UPSTREAM, look, only
from tests.unit.upstream import daemon, eventually, free_port

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A daemon with an open module, one for leaf alone, and one for nobody."""
    root = tmp_path_factory.mktemp("hub")
    for name in ("debian", "closed", "denied"):
        (root / name / "dists").mkdir(parents=True)
    (root / "debian/project/trace").mkdir(parents=True)
    (root / "debian/project/trace/hub").write_text("x")
    (root / "secrets").write_text("leaf:right\n")
    (root / "secrets").chmod(0o600)
    with daemon(root, {"debian": root / "debian"}, lines="") as port:
        more = (
            f"[closed]\npath = {root}/closed\nauth users = leaf\nsecrets file = {root}/secrets\n"
            f"[denied]\npath = {root}/denied\nhosts allow = 192.0.2.1\n"
        )
        config = root / f"rsyncd-{port}.conf"
        config.write_text(config.read_text() + more)  # read anew for every connection
        yield port


def upstream(places: Places, url: str, **changes: str) -> Finding:
    found = look(upstreams.examine, places, **{UPSTREAM.removeprefix("MIRROR_"): url, **changes})
    assert len(found) == 1
    return found[0]


def test_an_upstream_that_is_well(places: Places, hub: int) -> None:
    assert upstream(places, f"rsync://127.0.0.1:{hub}/debian").level is Level.OK


def test_a_tree_that_is_no_archive(places: Places, hub: int) -> None:
    found = upstream(places, f"rsync://127.0.0.1:{hub}/debian/project")
    assert (found.level, found.about, "PROFILE" in found.cure) == (Level.WARNING, UPSTREAM, True)


@pytest.mark.parametrize(
    ("path", "changes", "about", "fact", "cure"),
    [
        ("debain", {}, UPSTREAM, "no module 'debain'", "did you mean debian?"),
        ("denied", {}, UPSTREAM, "does not admit our address", "have its operator admit it"),
        ("closed", {}, "MIRROR_ARCHIVES__DEBIAN__PASSWORD", "asks for a password", "name the user"),
        (
            "closed",
            {"ARCHIVES__DEBIAN__PASSWORD": "wrong"},
            "MIRROR_ARCHIVES__DEBIAN__PASSWORD",
            "no such user and password",
            "check the password",
        ),
    ],
)
def test_an_upstream_that_says_no(
    places: Places, hub: int, path: str, changes: dict[str, str], about: str, fact: str, cure: str
) -> None:
    user = "leaf@" if changes else ""
    found = upstream(places, f"rsync://{user}127.0.0.1:{hub}/{path}", **changes)
    assert (found.level, found.about) == (Level.ERROR, about)
    assert fact in found.fact
    assert cure in found.cure
    assert "wrong" not in str(found.document)


def test_the_right_password_opens(places: Places, hub: int) -> None:
    url = f"rsync://leaf@127.0.0.1:{hub}/closed"
    assert upstream(places, url, ARCHIVES__DEBIAN__PASSWORD="right").level is Level.OK


@pytest.mark.parametrize(("where", "fact"), [("nowhere.invalid", "no such host"), ("closed", "nobody listens there")])
def test_an_upstream_that_is_not_there(places: Places, where: str, fact: str) -> None:
    place = f"127.0.0.1:{free_port()}" if where == "closed" else where
    found = upstream(places, f"rsync://{place}/debian")
    assert (found.level, found.about, fact in found.fact, bool(found.cure)) == (Level.ERROR, UPSTREAM, True, True)


def test_a_wrong_port_is_told_the_right_one(places: Places, hub: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_PORTS", (hub,))
    found = upstream(places, f"rsync://127.0.0.1:{free_port()}/debian")
    assert f"write 127.0.0.1:{hub}" in found.cure


@contextmanager
def web(date: str) -> Iterator[int]:
    """A web server whose clock says so."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(200)
            self.send_header("Date", date)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


@pytest.mark.parametrize(("ahead", "level"), [(0, Level.OK), (-7200, Level.WARNING), (7200, Level.WARNING)])
def test_a_clock_against_a_neighbours(places: Places, ahead: int, level: Level) -> None:
    theirs = datetime.fromtimestamp(time.time() + ahead, UTC)
    with web(format_datetime(theirs, usegmt=True)) as port:
        downs = f"leaf=ssh://mirror@127.0.0.1?site=http://127.0.0.1:{port}/debian"
        found = look(clock.examine, places, ARCHIVES__DEBIAN__UPSTREAM="none", DOWNSTREAMS=downs)[0]
    assert found.level is level
    if ahead:
        word = "behind" if ahead > 0 else "ahead of"
        assert f"s {word} that of 127.0.0.1: one of the two is wrong" in found.fact
        assert float(found.fact.split()[2]) == pytest.approx(7200, abs=600)


def test_where_nobody_tells_the_time_nothing_is_claimed(places: Places) -> None:
    found = only(look(clock.examine, places, ARCHIVES__DEBIAN__UPSTREAM="none"))
    assert (found.level, "not known" in found.fact) == (Level.NOTE, True)


def test_a_trace_of_the_future(places: Places, tmp_path: Path) -> None:
    trace = tmp_path / "debian/project/trace/hub"
    trace.parent.mkdir(parents=True)
    trace.touch()
    os.utime(trace, (time.time() + 7200, time.time() + 7200))
    with daemon(tmp_path, {"debian": tmp_path / "debian"}) as port:
        found = look(clock.examine, places, ARCHIVES__DEBIAN__UPSTREAM=f"rsync://127.0.0.1:{port}/debian")
    assert any("from now" in one.fact and one.level is Level.WARNING for one in found)


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A push key."""
    return made(tmp_path / "push")


def made(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path.read_text()


@contextmanager
def sshd(root: Path, admitted: str) -> Iterator[int]:
    """A real sshd whose forced command leaves a mark."""
    root.mkdir(mode=0o755)
    made(root / "host")
    (root / "authorized").write_text(f'restrict,command="touch {root}/triggered" {admitted}\n')
    port = free_port()
    config = root / "config"
    text = (
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {root}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {root}/authorized\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    # Who is quick is refused so often within a second that it would let nobody in; one before 9.8 never does.
    config.write_text(f"{text}PerSourcePenalties no\n")
    argv = [SSHD or "sshd", "-f", str(config)]
    if "PerSourcePenalties" in subprocess.run([*argv, "-t"], capture_output=True, text=True, check=False).stderr:
        config.write_text(text)
    if not os.getuid():
        os.makedirs("/run/sshd", exist_ok=True)
    with subprocess.Popen([*argv, "-D", "-e"], stderr=subprocess.DEVNULL) as child:
        try:
            eventually(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
            yield port
        finally:
            child.kill()


@pytest.mark.skipif(not SSHD, reason="needs an sshd, which the image has")
def test_a_downstream_in_all_its_states(places: Places, tmp_path: Path, key: str) -> None:
    """Let in, refused, not pinned, pinned otherwise; and never triggered."""
    public = (tmp_path / "push.pub").read_text().strip()
    with sshd(tmp_path / "sshd", public) as port:
        name, shown = f"[127.0.0.1]:{port}", (tmp_path / "sshd/host.pub").read_text().split()[:2]
        right, other = " ".join([name, *shown]), " ".join([name, *public.split()[:2]])
        changes = {"DOWNSTREAMS": f"leaf=ssh://{getuser()}@127.0.0.1:{port}", "PUSH_KEY": key, "KNOWN_HOSTS": right}

        def seen(picture: Mapping[str, Any] | None = None, /, **more: str) -> list[Finding]:
            return look(downstreams.examine, places, picture, **changes | more)

        assert [one.level for one in seen()] == [Level.OK, Level.OK]
        unknown = only(seen(KNOWN_HOSTS=""))
        assert (unknown.about, unknown.paste) == ("MIRROR_KNOWN_HOSTS", right)
        changed = only(seen(KNOWN_HOSTS=other))
        assert ("has changed" in changed.fact, changed.paste) == (True, right)
        refused = only(seen(PUSH_KEY=made(tmp_path / "stranger")))
        assert (refused.about, "refuses our key" in refused.fact) == ("MIRROR_DOWNSTREAMS: leaf", True)
        member = only(seen({"members": {"leaf": {}}}, PUSH_KEY=made(tmp_path / "another")))
        assert (member.about, "mirrorctl join --renew" in member.cure) == ("mirrorctl members: leaf", True)
        assert only(seen(KNOWN_HOSTS="", HOST_KEY_CHECKING="accept-new")).level is Level.NOTE
        assert not (tmp_path / "sshd/triggered").exists()


def test_a_downstream_that_is_not_there(places: Places, key: str) -> None:
    found = only(look(downstreams.examine, places, DOWNSTREAMS=f"leaf=ssh://127.0.0.1:{free_port()}", PUSH_KEY=key))
    assert (found.level, bool(found.cure)) == (Level.ERROR, True)


def test_who_listens_is_known_by_his_first_words(hub: int) -> None:
    import asyncio

    assert asyncio.run(reaching.listening("127.0.0.1", (free_port(), hub), reaching.RSYNC)) == hub
    assert asyncio.run(reaching.listening("127.0.0.1", (hub,), reaching.SSH)) is None
