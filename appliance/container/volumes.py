"""Whether the volumes can be used, without walking them: a handful of system calls whatever they hold."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISDIR

from appliance.errors import Problem
from appliance.places import Places

PROBE = ".push-mirror-probe"


def check(places: Places, archives: Iterable[str]) -> tuple[Problem, ...]:
    """Every volume that cannot be written, and every archive that cannot be published into by renaming."""
    roots = (places.run, places.state, places.data)
    problems = tuple(problem for root in roots for problem in _check_root(root, places))
    bad = {problem.variable for problem in problems}
    kept = [] if os.fspath(places.state) in bad else _kept(places)
    problems = (*problems, *(problem for place in kept for problem in _check_kept(place)))
    if os.fspath(places.data) in bad:
        return problems
    return (*problems, *(problem for name in archives for problem in _check_archive(places, name)))


def prepare(places: Places, archives: Iterable[str]) -> None:
    """Make the directories that others expect to find. Touches no existing one."""
    places.inbox.mkdir(mode=0o700, exist_ok=True)
    places.state_host_key.parent.mkdir(mode=0o700, exist_ok=True)
    for name in archives:
        places.archive(name).mkdir(exist_ok=True)
        places.staging(name).mkdir(mode=0o700, parents=True, exist_ok=True)
        # The rsync daemon serves it whether there is anything in it or not.
        (places.journal(name) / "recent").mkdir(parents=True, exist_ok=True)


def _check_root(root: Path, places: Places) -> Iterator[Problem]:
    try:
        # sshd trusts its files only below a directory that nobody else can write.
        root.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            return
    except OSError as error:
        fact = f"uid {os.getuid()} cannot write here: {error.strerror}"
        yield Problem(os.fspath(root), fact, _cure(root, places, error))


def _kept(places: Places) -> tuple[Path, ...]:
    """What an earlier life has left on the state volume, as far as we cannot do without it."""
    keys = places.state_host_key.parent
    return (places.store, places.lock, places.inbox, places.membership, keys, *places.about_trees)


def _check_kept(place: Path) -> Iterator[Problem]:
    """Whoever has run with another uid has left it to that one."""
    try:
        status = place.stat()
    except OSError:
        return  # it is not there yet
    if not os.access(place, os.W_OK | os.X_OK if S_ISDIR(status.st_mode) else os.W_OK):
        fact = f"belongs to uid {status.st_uid}, and uid {os.getuid()} cannot write to it"
        cure = f"give it, and all beside it, to {os.getuid()}:{os.getgid()}, or set the container's user to its owner"
        yield Problem(os.fspath(place), fact, cure)


def _cure(root: Path, places: Places, error: OSError) -> str:
    if root == places.run:
        return "mount a tmpfs at /run with mode 1777"
    if error.errno == errno.EROFS:
        return "mount a volume there, not read-only"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room on the volume"
    return f"give the volume's top directory to {os.getuid()}:{os.getgid()}, or set the container's user to its owner"


def _check_archive(places: Places, name: str) -> Iterator[Problem]:
    """Rename a file from staging into the archive, as publishing does: two mounts may share one filesystem's number."""
    # What is not there yet will be made on the volume.
    archive, staging = (path if path.exists() else places.data for path in (places.archive(name), places.all_staging))
    try:
        (staging / PROBE).touch(mode=0o600)
        (staging / PROBE).rename(archive / PROBE)
    except OSError as error:
        if error.errno == errno.EXDEV:
            fact = f"is not on the filesystem of {places.all_staging}, so nothing can be published at once"
            cure = f"mount one volume at {places.data} with the archive as a directory in it"
        else:
            fact, cure = f"uid {os.getuid()} cannot write here: {error.strerror}", _cure(archive, places, error)
        yield Problem(os.fspath(archive), fact, cure)
    else:
        yield from _check_kept(places.staging(name))
    finally:
        for directory in (staging, archive):
            with contextlib.suppress(OSError):
                (directory / PROBE).unlink()
