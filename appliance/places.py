"""Every path the appliance owns, as a property: nobody else joins strings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Places:
    """Three roots: `run` is lost with the container, `state` and `data` are volumes."""

    run: Path = Path("/run/mirror")
    state: Path = Path("/var/lib/mirror")
    data: Path = Path("/srv/mirror")

    def archive(self, name: str) -> Path:
        """The published tree of one archive."""
        return self.data / name

    def staging(self, name: str) -> Path:
        """What is not published yet; on the archive's filesystem, so that publishing is a rename."""
        return self.all_staging / name

    @property
    def all_staging(self) -> Path:
        """The staging of all archives; no archive can be called so."""
        return self.data / ".staging"

    # state: survives the container

    @property
    def store(self) -> Path:
        """The SQLite file with all that is known."""
        return self.state / "store.sqlite3"

    @property
    def inbox(self) -> Path:
        """Requests that were accepted and are not in the store yet, a file each."""
        return self.state / "inbox"

    def journal(self, name: str) -> Path:
        """The record of an archive's publications, as it is served to those below us."""
        return self.state / "journal" / name

    def notes(self, name: str) -> Path:
        """What the next record in an archive's journal will be about."""
        return self.state / "notes" / name

    def scan(self, name: str) -> Path:
        """What an origin's tree held at its last publication."""
        return self.state / "scan" / name

    @property
    def membership(self) -> Path:
        """What we and the upstream that has invited us know of each other. Absent without a token."""
        return self.state / "membership.json"

    @property
    def about_trees(self) -> tuple[Path, ...]:
        """Where all that is on the state volume, and tells of files as they are in the trees."""
        return tuple(self.state / name for name in ("journal", "notes", "scan"))

    @property
    def lock(self) -> Path:
        """Held by the one controller that uses these volumes."""
        return self.state / "controller.lock"

    @property
    def state_host_key(self) -> Path:
        """The host key that was made here; unused while another is given."""
        return self.state / "keys" / "ssh_host_ed25519_key"

    @property
    def state_push_key(self) -> Path:
        """The same of the key that triggers downstreams and fetches by ssh."""
        return self.state / "keys" / "push_ed25519"

    @property
    def state_next_push_key(self) -> Path:
        """The one that takes its place when everybody has been told. Absent but for a rotation."""
        return self.state / "keys" / "push_ed25519_next"

    @property
    def learned_hosts(self) -> Path:
        """Host keys of downstreams that were accepted on first sight."""
        return self.state / "keys" / "known_hosts"

    # run: the keys in force, copied with the mode that ssh insists on

    @property
    def keys(self) -> Path:
        """Of all keys in force."""
        return self.run / "keys"

    @property
    def host_key(self) -> Path:
        """What our sshd shows."""
        return self.keys / "ssh_host_ed25519_key"

    @property
    def host_public_key(self) -> Path:
        """Its public half."""
        return self.keys / "ssh_host_ed25519_key.pub"

    @property
    def push_key(self) -> Path:
        """What our ssh shows."""
        return self.keys / "push_ed25519"

    @property
    def push_public_key(self) -> Path:
        """Its public half."""
        return self.keys / "push_ed25519.pub"

    @property
    def next_push_key(self) -> Path:
        """What takes the place of the push key when every member knows of it. Absent but in between."""
        return self.keys / "push_ed25519_next"

    @property
    def next_push_public_key(self) -> Path:
        """Its public half."""
        return self.keys / "push_ed25519_next.pub"

    def private_copy(self, key: Path) -> Path:
        """Our copy of a private key file that was mounted, for a downstream that wants one of its own."""
        return self.keys / f"{key.name}-{crc32(os.fsencode(key)):08x}"

    # run: what the programs read

    @property
    def sshd_config(self) -> Path:
        return self.run / "sshd_config"

    @property
    def authorized_keys(self) -> Path:
        """Who may trigger, and who may fetch by ssh."""
        return self.run / "authorized_keys"

    @property
    def known_hosts(self) -> Path:
        """The host keys that the operator has pinned."""
        return self.run / "known_hosts"

    @property
    def rsyncd_conf(self) -> Path:
        return self.run / "rsyncd.conf"

    @property
    def rsyncd_secrets(self) -> Path:
        """The `user:password` lines of the rsync daemon."""
        return self.run / "rsyncd.secrets"

    @property
    def rsyncd_tls_conf(self) -> Path:
        """Of the daemon behind the TLS port. Absent without a certificate."""
        return self.run / "rsyncd-tls.conf"

    def pull_conf(self, name: str, stamp: str) -> Path:
        """What a key that may fetch by ssh sees of the archives; ``stamp`` tells one line of the key from the next."""
        return self.run / f"rsyncd-pull-{name}-{stamp}.conf"

    @property
    def pull_confs(self) -> frozenset[Path]:
        """Those that are there."""
        return frozenset(self.run.glob("rsyncd-pull-*.conf"))

    @property
    def tls_cert(self) -> Path:
        """Absent without a certificate, as its key."""
        return self.run / "tls.crt"

    @property
    def tls_key(self) -> Path:
        return self.run / "tls.key"

    @property
    def nginx_conf(self) -> Path:
        return self.run / "nginx.conf"

    @property
    def nginx_pid(self) -> Path:
        return self.run / "nginx.pid"

    @property
    def hits(self) -> Path:
        """nginx's log of what users load from the archives: read, counted and begun anew by the controller."""
        return self.run / "hits"

    @property
    def overheard(self) -> Path:
        """What the rsync daemons have sent since the container's start, by module. Absent before the first end."""
        return self.run / "overheard"

    @property
    def supervisord_conf(self) -> Path:
        return self.run / "supervisord.conf"

    @property
    def users(self) -> Path:
        """passwd, group and shadow of whatever uid we were started with."""
        return self.run / "users"

    # run: sockets and marks of the running processes

    @property
    def door(self) -> Path:
        """Where the desk takes questions about requests."""
        return self.run / "door.sock"

    @property
    def api(self) -> Path:
        """Where the controller speaks HTTP."""
        return self.run / "api.sock"

    @property
    def supervisor(self) -> Path:
        """supervisord's own socket."""
        return self.run / "supervisor.sock"

    @property
    def log(self) -> Path:
        """Leads to the container's log, for programs whose own output belongs to somebody else."""
        return self.run / "log"

    @property
    def connections(self) -> Path:
        """Sockets of the kept ssh connections. A path of 108 bytes is one too many, with 17 more of ssh's own."""
        return self.run / "ssh"

    @property
    def controller_pid(self) -> Path:
        """The process that a reload is told to. Absent without one."""
        return self.run / "controller.pid"

    @property
    def failed(self) -> Path:
        """Written when a core process died: its name. Absent after an orderly stop."""
        return self.run / "failed"
