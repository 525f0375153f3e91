"""What the checks look at: the settings as they are now, the volumes, and what the controller says, if it does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appliance import keys
from appliance.container import boot, render
from appliance.container.render import File
from appliance.errors import Problem
from appliance.places import Places
from appliance.settings import Archive, Reading, Settings
from appliance.settings.environment import shown
from appliance.settings.names import variable


@dataclass(frozen=True, slots=True)
class Patient:
    """``scratch`` are the same volumes with a run directory for this look alone.

    In it are keys and known hosts as the settings have them now, whatever the running programs were given.
    ``picture`` is the controller's status, None when it does not answer, and then ``silence`` says why; ``key_faults``
    are what is wrong with our own keys, found before there are threads.
    """

    reading: Reading
    places: Places
    scratch: Places
    picture: Mapping[str, Any] | None
    silence: str = ""
    key_faults: tuple[Problem, ...] = ()

    @property
    def settings(self) -> Settings:
        """What is left of the settings without what is faulty."""
        return self.reading.settings

    @property
    def runs(self) -> bool:
        """Whether a controller of ours runs in this container, answering or not."""
        return self.picture is not None or self.places.controller_pid.exists()

    @property
    def sound(self) -> dict[str, Archive]:
        """The archives without a faulty setting: of the others nobody knows what they were meant to be."""
        faulty = [problem.variable for problem in self.reading.problems]
        return {
            name: archive
            for name, archive in self.settings.archives.items()
            if not any(one.startswith(f"{archive_variable(name)}__") for one in faulty)
        }

    def written(self, variable: str) -> str:
        """A variable's name as the operator wrote it: with ``_FILE``, or that of the token which stands for it."""
        return shown(variable, self.reading.sources.get(variable))


def archive_variable(name: str) -> str:
    """How the settings of an archive begin."""
    return variable("ARCHIVES", name)


@contextmanager
def prepared(reading: Reading, places: Places, picture: Mapping[str, Any] | None, silence: str) -> Iterator[Patient]:
    """Somebody to be looked at; the scratch directory is gone afterwards."""
    room = places.run if os.access(places.run, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=room) as directory:
        scratch = replace(places, run=Path(directory))
        scratch.keys.mkdir(mode=0o700)
        render.install(_files(reading.settings, scratch))
        with suppress(OSError):  # the ssh programs refuse to work for a uid that has no name
            boot.name_user(places)
        # It forks, which a process with threads had better not.
        faults = keys.check(reading.settings, scratch)
        yield Patient(reading, places, scratch, picture, silence, faults)


def _files(settings: Settings, scratch: Places) -> Iterator[File]:
    yield File(scratch.known_hosts, settings.known_hosts.strip("\n") + "\n")
    with suppress(OSError):
        given = settings.push_key.get_secret_value() if settings.push_key else scratch.state_push_key.read_text()
        yield File(scratch.push_key, given.replace("\r\n", "\n").strip("\n") + "\n")
    with suppress(OSError):
        if not settings.push_key:
            yield File(scratch.next_push_key, scratch.state_next_push_key.read_text())
    for key in {one.key for name in settings.archives for one in settings.downstreams_of(name) if one.key}:
        with suppress(OSError):
            yield File(scratch.private_copy(key), key.read_text())
