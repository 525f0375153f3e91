"""keeper, failstop and the real supervisord: what ends, and with which status."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from appliance.container import failstop
from appliance.container.keeper import LAST_WORDS, NOISE
from appliance.places import Places
from tests.unit.upstream import PATIENCE, eventually

LASTING = """
trap 'echo told' HUP
echo lasting is up
while :; do read line < {run}/fifo; done
"""
# A TERM between supervisord's fork and the program's exec reaches supervisord's own handler, in the child, and is lost:
# the KILL behind it is what ends such a program. By default that comes after 10 seconds, for each of them.
CONFIGURATION = """
[supervisord]
{user}
nodaemon = true
pidfile = {run}/pid
logfile = /dev/null
logfile_maxbytes = 0
loglevel = warn
[unix_http_server]
file = {run}/supervisor.sock
username = mirror
password = mirror
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:lasting]
command = sh {run}/lasting
autorestart = false
startsecs = 0
startretries = 0
stdout_logfile = /dev/stdout
stdout_logfile_maxbytes = 0
stopwaitsecs = 2
[program:other]
command = {other}
autorestart = false
startsecs = 0
startretries = 0
stopwaitsecs = 2
[eventlistener:failstop]
command = {python} -c "{listen}"
events = PROCESS_STATE_EXITED,PROCESS_STATE_FATAL
stopwaitsecs = 2
stderr_logfile = /dev/stdout
stderr_logfile_maxbytes = 0
"""
PLACES = "from pathlib import Path; from appliance.places import Places; places = Places(run=Path('{run}'))"
LISTEN = PLACES + "; from appliance.container.failstop import listen; listen(places)"
KEEP = PLACES + "; import sys; from appliance.container.keeper import keep; sys.exit(keep(places, sys.argv[1:]))"


PAYLOAD = "processname:nginx groupname:mirror from_state:RUNNING expected:0 pid:7"
HEADER = f"ver:3.0 eventname:PROCESS_STATE_EXITED len:{len(PAYLOAD)}\n"

AWAITING_HUP = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
print("up", flush=True)
signal.sigwait({signal.SIGHUP})
sys.exit(7)
"""
"""No shell: one that is told just before it begins to read hears of it only when it has read."""


@contextmanager
def kept(places: Places, other: str = "cat") -> Iterator[subprocess.Popen[str]]:
    """A keeper with its supervisord and two programs: one lasts, the other is to be chosen."""
    configuration = CONFIGURATION.format(
        run=places.run,
        other=other,
        python=sys.executable,
        listen=LISTEN.format(run=places.run),
        # supervisord warns of being root, which nobody is in the image.
        user="user = root" if os.getuid() == 0 else "",
    )
    places.supervisord_conf.write_text(configuration)
    (places.run / "lasting").write_text(LASTING.format(run=places.run))
    subprocess.run(["mkfifo", places.run / "fifo"], check=True)
    supervisord = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(places.supervisord_conf)]
    argv = [sys.executable, "-c", KEEP.format(run=places.run), *supervisord]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.terminate()
            child.wait(PATIENCE)


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout
    return told(child.stdout.readline())


def told(line: str) -> str:
    """What somebody said, without what our log puts in front of it."""
    return line.strip().partition(" info    ")[2]


def rest(child: subprocess.Popen[str]) -> str:
    return child.communicate(timeout=PATIENCE)[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_orderly_end(places: Places, number: signal.Signals) -> None:
    with kept(places) as child:
        assert line(child) == "lasting is up"
        child.send_signal(number)
        rest(child)
        assert child.returncode == 0
    assert not places.failed.exists()


@pytest.mark.parametrize("command", ["sh -c 'exit 3'", "true", "/no/such/program"])
def test_a_core_process_that_ends_ends_everything(places: Places, command: str) -> None:
    with kept(places, other=command) as child:
        said = rest(child)
        assert child.returncode == 1
    assert places.failed.read_text() == "other\n"
    assert "core process other" in said


def test_output_passes_but_not_the_noise_of_the_health_check(places: Places) -> None:
    said = "Connection closed by 127.0.0.73 port 1\\nInvalid user 127.0.0.73 from 203.0.113.9 port 2\\n"
    argv = [sys.executable, "-c", KEEP.format(run=places.run), "printf", said]
    heard = subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True).stdout
    assert [told(line) for line in heard.splitlines()] == ["Invalid user 127.0.0.73 from 203.0.113.9 port 2"]


@pytest.mark.parametrize(
    "line",
    [
        b"Connection closed by 127.0.0.73 port 33903\r",
        b"Connection reset by 127.0.0.73 port 33903",
        b"2026/11/21 10:00:00 [7] connect from UNDETERMINED (127.0.0.73)",
        b"2026/11/21 10:00:00 [error] 29#29: *7 connect() to unix:/run/mirror/api.sock failed (111: Connection refused)"
        b' while connecting to upstream, client: 127.0.0.73, server: m, request: "GET /healthz HTTP/1.0"',
    ],
)
def test_the_health_check_is_no_news(line: bytes) -> None:
    assert NOISE.fullmatch(line)


@pytest.mark.parametrize(
    "line",
    [
        b"Invalid user 127.0.0.73 from 203.0.113.9 port 4711\r",
        b"Connection closed by invalid user 127.0.0.73 port 1 203.0.113.9 port 4711 [preauth]\r",
        b"Invalid user x, client: 127.0.0.73, y from 203.0.113.9 port 4711\r",
        b"2026/11/21 10:00:00 [7] unknown module '127.0.0.73' tried from UNDETERMINED (203.0.113.9)",
        b"2026/11/21 10:00:00 [7] connect from (127.0.0.73) (203.0.113.9)",
        b"2026/11/21 10:00:00 [error] 29#29: *7 client sent invalid header line, client: 203.0.113.9, server: m,"
        b' request: "GET / HTTP/1.1", host: ", client: 127.0.0.73, "',
    ],
)
def test_a_stranger_is_news_whatever_he_calls_himself(line: bytes) -> None:
    assert not NOISE.fullmatch(line)


def test_without_room_for_a_note_the_container_ends_as_well(places: Places) -> None:
    places.failed.parent.rename(places.failed.parent.with_name("gone"))
    with subprocess.Popen(["sleep", "5"]) as supervisord:
        events, answers = io.StringIO(f"{HEADER}{PAYLOAD}"), io.StringIO()
        failstop.listen(places, events, answers, supervisord.pid)
        assert supervisord.wait(PATIENCE) == -signal.SIGTERM
    assert answers.getvalue() == "READY\nRESULT 2\nOKREADY\n"


def test_who_is_not_our_child_writes_to_the_log_too(places: Places) -> None:
    with kept(places) as child:
        assert line(child) == "lasting is up"
        with places.log.open("a") as log:
            log.write("sent by somebody else\n")
        child.terminate()
        assert "sent by somebody else\n" in rest(child)


def test_a_supervisord_that_is_killed_is_a_failure(places: Places) -> None:
    argv = [sys.executable, "-c", KEEP.format(run=places.run), "sh", "-c", "kill -9 $$"]
    assert subprocess.run(argv, check=False).returncode == 1


def test_hup_reaches_the_controller_and_without_one_nobody(places: Places) -> None:
    with kept(places) as child:
        assert line(child) == "lasting is up"
        child.send_signal(signal.SIGHUP)
        with subprocess.Popen([sys.executable, "-c", AWAITING_HUP], stdout=-1) as controller:
            assert controller.stdout
            controller.stdout.readline()
            places.controller_pid.write_text(f"{controller.pid}\n")
            child.send_signal(signal.SIGHUP)
            assert controller.wait(PATIENCE) == 7


def test_reload_reaches_programs_through_supervisord(places: Places) -> None:
    from supervisor.xmlrpc import SupervisorTransport

    from appliance.container.render import PASSWORD, reload_programs

    with kept(places) as child:
        assert line(child) == "lasting is up"
        assert reload_programs((places.authorized_keys,), places) == ()
        transport = SupervisorTransport("mirror", PASSWORD, f"unix://{places.supervisor}")
        assert transport
        # The transport and the call are those of `reload_programs`; only the program's name is another.
        import xmlrpc.client

        with xmlrpc.client.ServerProxy("http://supervisor", transport) as server:
            server.supervisor.signalProcess("lasting", "HUP")
        # A shell that was told just before it began to read hears of it when it has read.
        (places.run / "fifo").write_text("read\n")
        eventually(lambda: line(child) == "told")


def test_who_outlives_supervisord_does_not_hold_up_the_end(places: Places, tmp_path: Path) -> None:
    """A session of sshd that logs to the container's log is such a one."""
    pid = tmp_path / "pid"
    lasting = f"(echo again; echo $BASHPID > {pid}; while :; do echo again; sleep 0.01; done)"
    script = f"{lasting} & echo first; until [ -s {pid} ]; do sleep 0.01; done; exit 0"
    argv = [sys.executable, "-c", KEEP.format(run=places.run), "bash", "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.wait(PATIENCE) == 0
            assert child.stdout
        finally:
            with suppress(ProcessLookupError):  # who writes to nobody may have ended by himself
                os.kill(int(pid.read_text()), signal.SIGKILL)
        assert {"first", "again"} <= set(map(told, child.stdout.read().splitlines()))


def test_who_fetches_is_told_at_the_door(places: Places) -> None:
    line = "2026/11/21 17:05:26 [7] rsync on debian/ from leaf@host (10.0.0.1)"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(places.door))
        door.listen()
        door.settimeout(PATIENCE)
        argv = [sys.executable, "-c", KEEP.format(run=places.run), "echo", line]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
            said = door.accept()[0].recv(100)
            child.communicate(timeout=PATIENCE)
    assert said == b"fetch leaf 10.0.0.1\n"


def test_a_keeper_whose_programs_are_silent_sleeps(places: Places) -> None:
    """All the time, and wakes up for the end."""

    def woken(pid: int) -> str:
        status = Path(f"/proc/{pid}/status").read_text()
        return next(line for line in status.splitlines() if line.startswith("voluntary_ctxt_switches"))

    silent = "trap 'kill $!; exit 0' TERM; echo up; sleep 600 & wait"
    argv = [sys.executable, "-c", KEEP.format(run=places.run), "sh", "-c", silent]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        places.supervisor.touch()
        assert line(child) == "up"

        def sleeps() -> bool:
            before = woken(child.pid)
            time.sleep(3 * LAST_WORDS)
            return woken(child.pid) == before

        eventually(sleeps)
        child.terminate()
        assert child.wait(PATIENCE) == 0
