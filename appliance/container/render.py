"""Settings → the files that sshd, rsyncd, nginx and supervisord read: pure, then installed atomically."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from appliance import keys
from appliance.errors import ApplianceError
from appliance.keys import Keys
from appliance.places import Places
from appliance.settings import KeyHolder, Pull, Settings, Trigger
from appliance.sync.journal import journal

TEMPLATES = Path(__file__).with_name("templates")
PASSWORD = "mirror"
"""Of supervisord's socket, which only our own uid can open: without one supervisord warns at every start."""

PATIENCE: Final = 5.0
"""Seconds for supervisord to take a signal for a program."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as it shall be."""

    path: Path
    text: str
    mode: int = 0o600


def apply(settings: Settings, places: Places) -> tuple[Path, ...]:
    """Bring every rendered file up to date; returns those that changed. Raises before it changes any."""
    pairs = keys.obtain(settings, places)
    files = render(settings, places, pairs, ipv6=has_ipv6())
    changed = install(files)
    # A connection that is kept goes on with the command that it began with: of a key that is gone it finds nothing.
    for path in places.pull_confs.difference(file.path for file in files):
        path.unlink(missing_ok=True)
    if pairs.next_push is None:
        for path in (places.next_push_key, places.next_push_public_key):
            path.unlink(missing_ok=True)
    return changed


def render(settings: Settings, places: Places, pairs: Keys, *, ipv6: bool = True) -> tuple[File, ...]:
    """Every file, from nothing but the arguments."""
    engine = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    facts = {"settings": settings, "places": places, "ipv6": ipv6, "password": PASSWORD}
    rendered = (places.sshd_config, places.nginx_conf, places.supervisord_conf)
    return (
        *(File(path, engine.get_template(f"{path.name}.j2").render(facts)) for path in rendered),
        *_daemons(settings, places, engine.get_template("rsyncd.conf.j2")),
        *_certificate(settings, places),
        File(places.authorized_keys, authorized_keys(settings, places)),
        File(places.known_hosts, settings.known_hosts.strip("\n") + "\n"),
        File(places.rsyncd_secrets, _secrets(settings)),
        File(places.host_key, pairs.host.private),
        File(places.host_public_key, pairs.host.public, 0o644),
        File(places.push_key, pairs.push.private),
        File(places.push_public_key, pairs.push.public, 0o644),
        *_next_push_key(places, pairs),
        *_downstream_keys(settings, places),
    )


def _next_push_key(places: Places, pairs: Keys) -> Iterator[File]:
    if pairs.next_push:
        yield File(places.next_push_key, pairs.next_push.private)
        yield File(places.next_push_public_key, pairs.next_push.public, 0o644)


def _downstream_keys(settings: Settings, places: Places) -> Iterator[File]:
    everyone = {one for archive in settings.archives for one in settings.downstreams_of(archive)}
    for key in sorted({one.key for one in everyone if one.key}):
        yield File(places.private_copy(key), key.read_text())


def _daemons(settings: Settings, places: Places, template: Template) -> Iterator[File]:
    """One rsyncd.conf for each way in. They share their lock files: connections are counted together."""

    def file(path: Path, way: str, archives: Iterable[str]) -> File:
        chosen = {name: settings.archives[name] for name in settings.archives if name in archives}
        return File(
            path,
            template.render(
                settings=settings, places=places, way=way, archives=chosen, journal_module=journal.module_of
            ),
        )

    yield file(places.rsyncd_conf, "plain", settings.archives)
    if settings.tls_cert:
        yield file(places.rsyncd_tls_conf, "tls", settings.archives)
    for name, pull in settings.pulls.items():
        yield file(places.pull_conf(name, _stamp(pull)), "ssh", pull.archives or settings.archives)


def _certificate(settings: Settings, places: Places) -> Iterator[File]:
    if settings.tls_cert and settings.tls_key:
        yield File(places.tls_cert, settings.tls_cert.strip("\n") + "\n")
        yield File(places.tls_key, settings.tls_key.get_secret_value().strip("\n") + "\n")


def authorized_keys(settings: Settings, places: Places) -> str:
    """One line for each key, bound to what it is for."""
    triggers = (_key_line(one, _trigger_command(settings, name, one)) for name, one in settings.triggers.items())
    pulls = (_key_line(one, _pull_command(places, name, one)) for name, one in settings.pulls.items())
    return "".join((*triggers, *pulls))


def _trigger_command(settings: Settings, name: str, trigger: Trigger) -> str:
    archives = trigger.archives or settings.archives
    default = settings.default_archive
    # The first one is what an empty name on the wire means for this key.
    ordered = sorted(set(archives), key=lambda archive: (archive != default, archive))
    words = (name, ",".join(ordered), *(["background"] if trigger.background else []), _stamp(trigger))
    # Without `exec` a shell would wait for its end, beside it, for hours.
    return f"exec /usr/bin/mirror-trigger {' '.join(words)}"


def _stamp(holder: KeyHolder) -> str:
    """Of all that the command does not say itself: a connection whose key's line has changed is no longer served."""
    return f"{crc32(repr((holder.key, holder.from_)).encode()):08x}"


def _pull_command(places: Places, name: str, pull: Pull) -> str:
    # Whatever the client asks for, it gets the daemon that its key is for.
    return f"/usr/bin/rsync --server --daemon --config={places.pull_conf(name, _stamp(pull))} ."


def _key_line(holder: KeyHolder, command: str) -> str:
    return f'restrict,command="{command}",from="{",".join(holder.from_)}" {holder.key}\n'


def _secrets(settings: Settings) -> str:
    return settings.rsync_secrets.get_secret_value().strip("\n") + "\n" if settings.rsync_secrets else ""


def install(files: Iterable[File]) -> tuple[Path, ...]:
    """Write what differs; a reader sees the old file or the new one, also after a crash."""
    return tuple(file.path for file in files if _install(file))


def _install(file: File) -> bool:
    data = file.text.encode()
    if file.path.is_file() and file.path.stat().st_mode & 0o777 == file.mode and file.path.read_bytes() == data:
        return False
    scratch = file.path.with_name(f".{file.path.name}.new")
    scratch.unlink(missing_ok=True)
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode), "wb") as stream:
        os.fchmod(stream.fileno(), file.mode)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    scratch.replace(file.path)
    return True


def programs(changed: Iterable[Path], places: Places) -> tuple[str, ...]:
    """The programs that must be told. rsyncd reads its files for every connection, sshd the keys for every login."""
    readers = {
        **dict.fromkeys((places.sshd_config, places.host_key), "sshd"),
        **dict.fromkeys((places.nginx_conf, places.tls_cert, places.tls_key), "nginx"),
    }
    return tuple(sorted({readers[path] for path in changed if path in readers}))


def reload_programs(changed: Iterable[Path], places: Places) -> tuple[str, ...]:
    """Make the programs read their changed files; returns their names. Running transfers and sessions go on.

    Raises ApplianceError when supervisord does not take that, or hangs.
    """
    # Only a reload pays for these imports.
    from http.client import HTTPException
    from xmlrpc.client import Error, ServerProxy

    from supervisor.xmlrpc import SupervisorTransport

    told = programs(changed, places)
    transport = SupervisorTransport("mirror", PASSWORD, f"unix://{places.supervisor}")
    try:
        with _in_time(PATIENCE), ServerProxy("http://supervisor", transport) as server:
            for program in told:
                server.supervisor.signalProcess(f"mirror:{program}", "HUP")
    except (OSError, HTTPException, Error) as error:
        fact = f"supervisord does not reload {', '.join(told)}: {error or type(error).__name__}"
        raise ApplianceError(fact, "the new files are in place; start the container again to have them read") from None
    return told


@contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    """Its own connection has no timeout: while the context lasts, no new socket of ours waits for longer."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def has_ipv6() -> bool:
    """Whether a program here can listen on an IPv6 address: nginx refuses to start when it cannot."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True
