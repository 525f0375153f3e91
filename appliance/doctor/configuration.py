"""The environment: what is refused, and what is configured and has no effect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase

from appliance.doctor.finding import Finding, error, note, of, ok, warning
from appliance.doctor.patient import Patient, archive_variable
from appliance.run import hooks
from appliance.settings.secrets import secret_users
from appliance.settings.times import spell_duration


async def examine(patient: Patient) -> list[Finding]:
    """Every problem at once, as the start would tell them, then what is of no use."""
    if patient.reading.problems:
        return [of(problem) for problem in patient.reading.problems]
    found = [*_archives(patient), *_secrets(patient), *_push_key(patient), *_hooks(patient)]
    return [ok("environment", f"{len(patient.reading.sources)} variables are set, none is misspelt or faulty"), *found]


def _archives(patient: Patient) -> Iterator[Finding]:
    settings = patient.settings
    for name, archive in settings.archives.items():
        variable = archive_variable(name)
        if archive.upstream is None:
            continue
        if archive.password and not archive.upstream.user:
            cure = f"write rsync://USER@{archive.upstream.host}/… in {variable}__UPSTREAM, or remove the password"
            fact = "is set, and the upstream's URL names no user whose password it could be"
            yield warning(patient.written(f"{variable}__PASSWORD"), fact, cure)
        if archive.profile != "generic" and not archive.keyring and archive.verify != "off":
            fact = "is not set: checksums are checked, signatures are not"
            yield note(f"{variable}__KEYRING", fact, "mount the archive's keyring and name it")
        if not archive.schedule and not _may_trigger(patient, name):
            cure = f"give the upstream's push key to MIRROR_TRIGGERS__<NAME>__KEY, or set {variable}__SCHEDULE"
            seen = f"looked at every {spell_duration(archive.poll)} only" if archive.poll else "never looked at"
            fact = f"is not set, and nobody may trigger {name}: its upstream is {seen}"
            level = note if archive.poll else warning
            yield level(f"{variable}__SCHEDULE", fact, cure)


def _may_trigger(patient: Patient, name: str) -> bool:
    settings = patient.settings
    bound = [one.archives for one in settings.triggers.values()]
    bound += [one.archives for one in settings.http_triggers.values()]
    return any(not archives or name in archives for archives in bound)


def _secrets(patient: Patient) -> Iterator[Finding]:
    """Passwords that open nothing."""
    patterns = [pattern for archive in patient.settings.archives.values() for pattern in archive.auth_users]
    idle = [
        user
        for user in secret_users(patient.settings.rsync_secrets)
        if not any(fnmatchcase(user, pattern) for pattern in patterns)
    ]
    if idle:
        cure = "name them in MIRROR_ARCHIVES__<NAME>__AUTH_USERS; an archive without it is open to everybody"
        fact = f"holds a password of {', '.join(idle)}, whom no archive asks for one"
        yield warning(patient.written("MIRROR_RSYNC_SECRETS"), fact, cure)


def _push_key(patient: Patient) -> Iterator[Finding]:
    settings = patient.settings
    pushes = any(one for name in settings.archives for one in settings.downstreams_of(name))
    fetches = any(one.upstream and one.upstream.scheme == "rsync+ssh" for one in settings.archives.values())
    if settings.push_key and not pushes and not fetches:
        fact = "is set, and there is nobody to push to or to fetch from by ssh"
        yield note(patient.written("MIRROR_PUSH_KEY"), fact, "name downstreams in MIRROR_DOWNSTREAMS, or remove it")


def _hooks(patient: Patient) -> Iterator[Finding]:
    """One that is not found is one that is not run: nobody need have all five."""
    if (directory := patient.settings.hooks) is None:
        return
    try:
        found = sorted(set(os.listdir(directory)) & set(hooks.NAMES))
    except OSError as fault:
        cure = "mount the directory there, readable by the container's user"
        yield error("MIRROR_HOOKS", f"{directory}: {fault.strerror}; no hook is run", cure)
        return
    if not found:
        fact = f"{directory} holds none of {', '.join(hooks.NAMES)}: no hook is run"
        yield warning("MIRROR_HOOKS", fact, "give them these names, without an ending")
    for name in found:
        if not os.access(directory / name, os.X_OK):
            yield error("MIRROR_HOOKS", f"{directory / name} cannot be run, and every run ends there", "chmod +x it")
