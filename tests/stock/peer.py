"""A stock mirror in words a test would use: one configuration file per archive, written as its operator would."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.utils import formatdate
from typing import Final

from docker.models.containers import Container

from tests.harness.node import Answer, Background
from tests.stock.keys import HOST, PUSH, Keys
from tests.stock.mirror import DATA, TRACES, Mirror
from tests.stock.sample import Tree

ACCOUNT: Final = "archvsync"
HOME: Final = "/home/archvsync"
LOGS: Final = f"{HOME}/.local/log/ftpsync"
ENVIRONMENT: Final[Mapping[str, str]] = {"HOME": HOME, "LOGNAME": ACCOUNT}

PORTS: Final = (22, 2222, 873, 1873)
"""Of its daemons."""

RESTRICTED: Final = "no-port-forwarding,no-X11-forwarding,no-agent-forwarding,no-pty"

PULLS: Final[Mapping[str, str]] = {"MAILTO": ACCOUNT, "LOGDIR": LOGS, "UIPSLEEP": "1"}
PUSHES: Final[Mapping[str, str]] = {
    # Debian's package ends at once when nobody sets BASEDIR (PROTOCOL section 8, item 11).
    "BASEDIR": HOME,
    "MAILTO": ACCOUNT,
    "LOGDIR": LOGS,
    "KEYFILE": f"{HOME}/.ssh/{PUSH}",
    "PUSHDELAY": "60",
}


WWW: Final = b"""#!/bin/sh
read -r method path version
while read -r header && [ "${#header}" -gt 1 ]; do :; done
if [ -f "/srv/mirror$path" ]
then printf 'HTTP/1.0 200 OK\\r\\nDate: Thu, 01 Jan 1970 00:00:00 GMT\\r\\n\\r\\n'; cat "/srv/mirror$path"
else printf 'HTTP/1.0 404 Not Found\\r\\n\\r\\n'; fi
"""
"""A server for files, and for nothing else; its clock is wrong."""


class Stock(Mirror):
    """A mirror that runs Debian's scripts. It can be origin, hub and leaf at once, for different archives."""

    ssh_user = ACCOUNT
    ssh_port = 22
    rsync_port = 873
    owner = 1000

    def __init__(self, name: str, container: Container, keys: Keys) -> None:
        super().__init__(name, container)
        self._keys = keys

    def furnish(self) -> None:
        """Puts keys in place; before the first start. Whoever has the push key may start ftpsync."""
        pem = self._keys["tls.key"] + self._keys["tls.crt"]
        self.put("/etc", {"peer/host_key": self._keys.private(HOST).encode(), "peer/tls.pem": pem})
        mine = {name: self._keys.private(name).encode() for name in (PUSH, "second", "stranger")}
        self._home({f".ssh/{name}": data for name, data in mine.items()})
        self.let_in(PUSH)

    def wait_serves(self) -> None:
        """Returns when its daemons listen: whoever is refused here does not come again."""
        knock = "".join(f" {number}<>/dev/tcp/127.0.0.1/{port}" for number, port in enumerate(PORTS, 3))
        self.wait_for(lambda node: node.exec("bash", "-c", f"exec{knock}").code == 0, 60, "its daemons listen")

    def let_in(self, *names: str, command: str = "/usr/bin/ftpsync") -> None:
        """Whose keys may run the command, from now on and nobody else's."""
        lines = (f'command="{command}",{RESTRICTED} {self._keys.public(name)}\n' for name in names)
        self._home({".ssh/authorized_keys": "".join(lines).encode()})

    @contextmanager
    def busy(self, archive: str) -> Iterator[None]:
        """A run of the archive seems to go on for the time of the block: its lock names a process that lives."""
        lock = f"{self.tree(archive)}/Archive-Update-in-Progress-{self.name}"
        self.start_as_account("sh", "-c", 'echo $$ >"$0"; exec sleep infinity', lock)
        self.wait_for(lambda node: node.exec("test", "-s", lock).code == 0, 60, f"{archive} is locked")
        try:
            yield
        finally:
            # The lock first: one that names nobody would be taken over by the next run, and we would remove that one's.
            self.run("sh", "-c", 'pid=$(cat "$0"); rm "$0"; kill "$pid"', lock)

    def ssh_config(self, text: str) -> None:
        """The account's own settings for ssh."""
        self._home({".ssh/config": text.encode()})

    def ftpsync(self, archive: str, kind: type[Mirror], host: str, **settings: str) -> None:
        """Configures an archive that is fetched; `archive` empty: the default one, which is `debian` on both sides."""
        name = archive or "debian"
        place = {"MIRRORNAME": self.name, "TO": f"{self.tree(name)}/", "RSYNC_HOST": host, "RSYNC_PATH": name}
        more = {"RSYNC_EXTRA": f"--port={kind.rsync_port}"} if kind.rsync_port != 873 else {}
        self._configure("ftpsync", archive, {**PULLS, **place, **more, **settings})
        self.put(DATA, {name: None})

    def runmirrors(self, archive: str, *lines: str, **settings: str) -> None:
        """Configures who is pushed: the lines of the mirror list. A lock directory keeps the archive to itself."""
        locks = f"locks/{archive or 'default'}"
        self.put(HOME, {locks: None})
        self._configure("runmirrors", archive, {**PUSHES, "LOCKDIR": f"{HOME}/{locks}", **settings})
        self._write(_file("runmirrors", archive, "mirror"), lines)

    def module(self, archive: str, **options: str) -> None:
        """Serves the archive's tree by rsync, under the archive's name."""
        self.put(DATA, {archive: None})
        lines = "".join(f"    {key.replace('_', ' ')} = {value}\n" for key, value in options.items())
        text = f"[{archive}]\n    path = {self.tree(archive)}\n{lines}"
        self.put("/etc/rsyncd.d", {f"{archive}.conf": text.encode()})

    def www(self, port: int = 8000) -> None:
        """Serves all that is held by HTTP, as it is."""
        self.put("/usr/local/bin", {"www": WWW}, mode=0o755)
        self.start_exec("socat", f"TCP-LISTEN:{port},fork,reuseaddr", "EXEC:www")

    def announce(self, archive: str, kind: str = "") -> str:
        serial = self.next_serial(archive)
        assert self.push(archive, kind).code == 0
        return serial

    def next_serial(self, archive: str) -> str:
        """As an origin: writes the trace of an archive's own software, with the serial behind the last one."""
        serial = str(int(self.serial_of(archive) or 2026010100) + 1)
        now = int(self.run("date", "+%s"))
        first = time.strftime("%a %b %e %H:%M:%S UTC %Y", time.gmtime(now))
        text = (
            f"{first}\nUsing dak v1\nRunning on host: {self.name}\nArchive serial: {serial}\nDate: {formatdate(now)}\n"
        )
        names: Tree = {self.name: text.encode(), "master": self.name}
        self.put(DATA, {f"{archive}/{TRACES}/{name}": entry for name, entry in names.items()}, time=now)
        return serial

    def push(self, archive: str, kind: str = "") -> Answer:
        """Runs runmirrors by hand, as an archive's own software does; it does not wait for what it started."""
        named, kinds = (("-a", archive) if archive else ()), (("-k", kind) if kind else ())
        return self.as_account("runmirrors", *named, *kinds)

    def as_account(self, *argv: str) -> Answer:
        """A command as the account that everything runs under."""
        return self.exec(*argv, user=ACCOUNT, environment=ENVIRONMENT)

    def start_as_account(self, *argv: str) -> Background:
        """The same without waiting for it."""
        return self.start_exec("env", *(f"{key}={value}" for key, value in ENVIRONMENT.items()), *argv, user=ACCOUNT)

    def trigger(self, to: Mirror, command: str, *options: str, key: str = PUSH) -> Answer:
        """One ssh with the options of a stock upstream (PROTOCOL section 1.1)."""
        return self.as_account(*self.trigger_argv(to, command, *options, key=key))

    def trigger_argv(self, to: Mirror, command: str, *options: str, key: str = PUSH) -> list[str]:
        """The command line of `trigger`."""
        words = (
            f"user={to.ssh_user}", "BatchMode=yes", "ServerAliveInterval=45", "ConnectTimeout=45",
            "PasswordAuthentication=no", "StrictHostKeyChecking=no", "LogLevel=ERROR", f"Port={to.ssh_port}",
        )  # fmt: skip
        fixed = [word for option in words for word in ("-o", option)]
        return ["ssh", "-n", to.name, *fixed, "-i", f"{HOME}/.ssh/{key}", *options, "-2", command]

    def is_quiet(self, archive: str) -> bool:
        found = self.exec("find", self.tree(archive), "-maxdepth", "1", "-name", f"Archive-Update-*-{self.name}")
        return found.code == 0 and not found.out

    def log(self, name: str) -> str:
        """What runs logged under a name (`ftpsync-ARCHIVE`, `runmirrors`, a mirror's short name), the oldest first."""
        return self.exec("sh", "-c", f"cat $(ls -tr {LOGS}/{name}.log*)").out

    def _configure(self, program: str, archive: str, values: Mapping[str, str]) -> None:
        self._write(_file(program, archive, "conf"), [f"{key}={shlex.quote(value)}" for key, value in values.items()])

    def _write(self, name: str, lines: Sequence[str]) -> None:
        self.put("/etc/ftpsync", {name: "".join(f"{line}\n" for line in lines).encode()})

    def _home(self, files: Mapping[str, bytes]) -> None:
        self.put(HOME, files, mode=0o600)


def _file(program: str, archive: str, suffix: str) -> str:
    return f"{program}{f'-{archive}' if archive else ''}.{suffix}"
