"""Settings that are right one by one and wrong together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fnmatch import fnmatchcase

from appliance import certificate
from appliance.errors import Problem
from appliance.settings import registry
from appliance.settings.admitted import HttpTrigger
from appliance.settings.hosts import names_host
from appliance.settings.names import variable
from appliance.settings.public import NOWHERE
from appliance.settings.schema import Settings
from appliance.settings.secrets import host_passwords, secret_users
from appliance.settings.values import PATH_STEP

EVERYTHING = frozenset({"*", "/*", "**", "/**", "***", "/***"})
"""Patterns that match every name of the top directory (rsync(1), PATTERN MATCHING RULES)."""

SHORTEST = {"PASSWORD": 16, "TOKEN": 20}
"""Characters of a secret that anybody on the network may guess at. A token says who it is, too."""


def contradictions(settings: Settings) -> Iterator[Problem]:
    """Every contradiction. Pure: looks at nothing but the settings."""
    return itertools.chain(
        _archives(settings),
        _architectures(settings),
        _excludes(settings),
        _transports(settings),
        _untriggered(settings),
        _fallbacks(settings),
        _certificate(settings),
        _keys(settings),
        _http_triggers(settings),
        _downstreams(settings),
        _registry(settings),
        _auth_users(settings),
    )


def _known(settings: Settings) -> str:
    return f"the archives are {', '.join(settings.archives) or 'none'}"


def _archives(settings: Settings) -> Iterator[Problem]:
    if not settings.archives:
        cure = "set its UPSTREAM=rsync://[user@]host/module, or UPSTREAM=none for an archive that begins here"
        yield Problem("MIRROR_ARCHIVES__<NAME>__UPSTREAM", "no archive is configured", cure)
    elif settings.default_archive not in settings.archives:
        fact = f"there is no archive {settings.default_archive!r}"
        yield Problem("MIRROR_DEFAULT_ARCHIVE", fact, _known(settings))


def _architectures(settings: Settings) -> Iterator[Problem]:
    for name, archive in settings.archives.items():
        if archive.arch_include and archive.arch_exclude:
            fact = "is set, and ARCH_INCLUDE too"
            yield Problem(variable("ARCHIVES", name, "ARCH_EXCLUDE"), fact, "keep one of the two")


def _excludes(settings: Settings) -> Iterator[Problem]:
    """What leaves out everything would have everything deleted; the first rule that matches holds."""
    for name, archive in settings.archives.items():
        rules = [rule.removeprefix("--exclude=") for rule in archive.exclude]
        first = next((n for n, rule in enumerate(rules) if rule in EVERYTHING), None)
        if first is not None and not any(rule.startswith("--include") for rule in rules[:first]):
            fact = f"{rules[first]!r} leaves out everything"
            cure = "name what is not wanted, such as *.iso; or write --include=… for what is, in front of it"
            yield Problem(variable("ARCHIVES", name, "EXCLUDE"), fact, cure)


def _transports(settings: Settings) -> Iterator[Problem]:
    for name, archive in settings.archives.items():
        if archive.proxy and archive.upstream and archive.upstream.scheme == "rsync+ssh":
            fact = "is set, and an upstream reached by ssh has no use for it"
            yield Problem(variable("ARCHIVES", name, "PROXY"), fact, "remove it, or fetch by rsync:// or rsync+tls://")


def _untriggered(settings: Settings) -> Iterator[Problem]:
    """Who was invited is triggered by ssh, unless he says that nobody can: then nothing would ever be fetched again."""
    if settings.invite is None or settings.public.ssh != NOWHERE or settings.http_triggers:
        return
    for name, archive in settings.archives.items():
        if archive.upstream and not archive.schedule:
            fact = "is not set, and MIRROR_PUBLIC__SSH says that nobody can trigger us"
            yield Problem(variable("ARCHIVES", name, "SCHEDULE"), fact, "set it, such as to 1h")


def _fallbacks(settings: Settings) -> Iterator[Problem]:
    for name, archive in settings.archives.items():
        if archive.fallbacks and not archive.upstream:
            fact = "is set, and the archive begins here"
            yield Problem(variable("ARCHIVES", name, "FALLBACKS"), fact, "name the first of them in UPSTREAM")
        if archive.upstream in archive.fallbacks or len(set(archive.fallbacks)) < len(archive.fallbacks):
            yield Problem(variable("ARCHIVES", name, "FALLBACKS"), "names an upstream twice", "name each one once")
        hosts = {one.host for one in archive.fallbacks}
        for host in sorted(set(host_passwords(archive.fallback_passwords)) - hosts):
            fact = f"there is no fallback at {host}"
            yield Problem(
                variable("ARCHIVES", name, "FALLBACK_PASSWORDS"), fact, "write the host as it is in FALLBACKS"
            )


def _certificate(settings: Settings) -> Iterator[Problem]:
    cert, key = settings.tls_cert, settings.tls_key
    if bool(cert) != bool(key):
        given, missing = ("MIRROR_TLS_CERT", "MIRROR_TLS_KEY") if cert else ("MIRROR_TLS_KEY", "MIRROR_TLS_CERT")
        yield Problem(given, f"is set, but not {missing}", "give both, or neither for a mirror without TLS")
    elif cert and key and (fault := certificate.fault(cert, key.get_secret_value())):
        yield fault


def _keys(settings: Settings) -> Iterator[Problem]:
    """Triggers and pulls. sshd takes the first line with a key: what the second allows would be dead letters."""
    owners: dict[str, tuple[str, str]] = {}
    for family, holders in (("TRIGGERS", settings.triggers), ("PULLS", settings.pulls)):
        for name, holder in holders.items():
            for archive in sorted(set(holder.archives) - set(settings.archives)):
                yield Problem(variable(family, name, "ARCHIVES"), f"there is no archive {archive!r}", _known(settings))
            owner = owners.setdefault(" ".join(holder.key.split()[:2]), (family, name))
            if owner != (family, name):
                yield _twice(family, name, *owner)


def _twice(family: str, name: str, other_family: str, other: str) -> Problem:
    word = {"TRIGGERS": "trigger", "PULLS": "pull"}[other_family]
    joined = "join the two" if family == other_family else "a key can trigger or fetch, not both"
    cure = f"have its owner make another with ssh-keygen, one for each purpose; {joined}"
    return Problem(variable(family, name, "KEY"), f"is the key of {word} {other!r} too", cure)


def _http_triggers(settings: Settings) -> Iterator[Problem]:
    for name, trigger in settings.http_triggers.items():
        for archive in sorted(set(trigger.archives) - set(settings.archives)):
            yield Problem(
                variable("HTTP_TRIGGERS", name, "ARCHIVES"), f"there is no archive {archive!r}", _known(settings)
            )
        if not trigger.password and not trigger.token:
            cure = "give it a PASSWORD (or _FILE), a TOKEN (or _FILE), or both"
            yield Problem(variable("HTTP_TRIGGERS", name, "PASSWORD"), "neither it nor the TOKEN is set", cure)
        for pattern in filter(names_host, trigger.from_):
            fact = f"{pattern!r} is a host's name, and an HTTP trigger knows its caller by the address alone"
            cure = "write addresses (192.0.2.7) or networks (192.0.2.0/24)"
            yield Problem(variable("HTTP_TRIGGERS", name, "FROM"), fact, cure)
        yield from _http_secrets(name, trigger)


def _http_secrets(name: str, trigger: HttpTrigger) -> Iterator[Problem]:
    """What is said about a secret never quotes it."""
    cure = "make one with: cat /proc/sys/kernel/random/uuid"
    for setting, secret in (("PASSWORD", trigger.password), ("TOKEN", trigger.token)):
        text = secret.get_secret_value() if secret else ""
        if text and len(text) < SHORTEST[setting]:
            fact = f"has {len(text)} characters, and less than {SHORTEST[setting]} can be guessed"
            yield Problem(variable("HTTP_TRIGGERS", name, setting), fact, cure)
        elif text and setting == "TOKEN" and not PATH_STEP.fullmatch(text):
            fact = "holds a character that does not stand for itself in a URL's path"
            yield Problem(variable("HTTP_TRIGGERS", name, setting), fact, f"use letters, digits, - . _ ~ only; {cure}")


def _downstreams(settings: Settings) -> Iterator[Problem]:
    names = [downstream.name for downstream in settings.downstreams]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem("MIRROR_DOWNSTREAMS", f"{name}: is there twice", "give every downstream a name of its own")
    for downstream in settings.downstreams:
        for archive in sorted(set(downstream.archives) - set(settings.archives)):
            fact = f"{downstream.name}: there is no archive {archive!r}"
            yield Problem("MIRROR_DOWNSTREAMS", fact, _known(settings))
        if downstream.remote_archive and len(downstream.archives or settings.archives) > 1:
            fact = f"{downstream.name}: several archives would be pushed as {downstream.remote_archive!r}"
            yield Problem("MIRROR_DOWNSTREAMS", fact, "say which with archives=, one entry for each")


def _registry(settings: Settings) -> Iterator[Problem]:
    for fault in registry.unfit(settings.registry, tuple(settings.archives)):
        yield Problem("MIRROR_REGISTRY", fault.fact, fault.cure)


def _auth_users(settings: Settings) -> Iterator[Problem]:
    users = secret_users(settings.rsync_secrets)
    for name, archive in settings.archives.items():
        for pattern in archive.auth_users:
            if pattern == "*" and settings.rsync_secrets is None:
                continue  # for those alone who are invited
            if not any(fnmatchcase(user, pattern) for user in users):
                fact = f"no user {pattern!r} in MIRROR_RSYNC_SECRETS"
                cure = f"add a line {pattern.replace('*', 'name')}:password there, or leave this empty for open access"
                yield Problem(variable("ARCHIVES", name, "AUTH_USERS"), fact, cure)
