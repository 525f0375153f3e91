"""From the environment to running programs: check everything, report every problem, render, hand over."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from appliance import keys, ports, store, volume
from appliance.container import render, volumes
from appliance.container.render import File
from appliance.errors import ConfigurationError, Problem
from appliance.joining import effective
from appliance.places import Places

USER = "mirror"


def boot(environ: Mapping[str, str], places: Places, plain: Iterable[int] = (), tls: Iterable[int] = ()) -> None:
    """Make everything ready for supervisord; raises `ConfigurationError` with every problem of settings and volumes.

    The ports ``plain``, and ``tls`` with a certificate, must be free.
    """
    reading = effective.read(environ, places)
    problems = [*_root(), *reading.problems, *ports.check([*plain, *(tls if reading.settings.tls_cert else ())])]
    if os.getuid():
        problems += volumes.check(places, reading.settings.archives)
        problems += _store(places)
        if os.access(places.run, os.W_OK):
            # The ssh programs refuse to work for a uid that has no name.
            name_user(places)
            problems += keys.check(reading.settings, places)
    if problems:
        raise ConfigurationError(problems)
    _sweep(places)
    carried = store.carried(places.store)
    gone = [name for name in carried if volume.is_gone(places, name)]
    # Into the empty place where its volume should be nothing is written.
    volumes.prepare(places, [name for name in reading.settings.archives if name not in gone])
    effective.begin(reading.settings, places)
    render.apply(effective.everybody(effective.load(environ, places), places), places)


def _root() -> Iterator[Problem]:
    if not os.getuid():
        cure = "leave the container's user as the image has it, or set another that is not 0"
        yield Problem("user", "the container runs as root, and nothing here needs that", cure)


def _store(places: Places) -> Iterator[Problem]:
    try:
        store.check(places.store)
    except store.StoreError as error:
        yield Problem(os.fspath(places.store), error.fact, error.cure)


def _sweep(places: Places) -> None:
    """A restarted container without a tmpfs finds the marks of its last life, any finds what it was writing."""
    marks = (places.failed, places.controller_pid, places.door, places.api, places.supervisor, places.rsyncd_tls_conf)
    for mark in (*marks, *places.inbox.glob(".*")):
        mark.unlink(missing_ok=True)


def name_user(places: Places) -> None:
    """Give whatever uid we were started with a name, which is the user that sshd logs in.

    `*` and not `!`, which sshd takes for locked. Raises OSError.
    """
    uid, gid = os.getuid(), os.getgid()
    places.users.mkdir(mode=0o755, parents=True, exist_ok=True)
    files = (
        File(places.users / "passwd", f"{USER}:x:{uid}:{gid}::{places.run}:/bin/sh\n", 0o644),
        File(places.users / "shadow", f"{USER}:*:1::::::\n"),
        File(places.users / "group", f"{USER}:x:{gid}:\n", 0o644),
    )
    render.install(files)
