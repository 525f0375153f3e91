"""What downstreams may fetch and who they are: the modules of `rsyncd.conf`, said in our settings."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Final

from appliance.importing.rsyncd import Module, Rsyncd
from appliance.importing.sheet import Line, Remark, Setting
from appliance.settings.faults import Fault
from appliance.settings.hosts import allowed_host
from appliance.settings.names import variable
from appliance.settings.values import USER_PATTERN

SAME: Final = frozenset({
    "daemonchroot", "forwardlookup", "gid", "ignorenonreadable", "lockfile", "logfile", "logformat", "mungesymlinks",
    "numericids", "pidfile", "readonly", "reverselookup", "socketoptions", "strictmodes", "syslogfacility", "uid",
    "usechroot", "writeonly",
})  # fmt: skip
"""Parameters whose part we play in our own way, without a choice that could be lost."""

ASKED: Final = frozenset({
    "address", "authusers", "comment", "dontcompress", "hostsallow", "hostsdeny", "list", "maxconnections", "motdfile",
    "path", "port", "secretsfile", "timeout", "transferlogging",
})  # fmt: skip
"""Parameters that are carried over, or are told to be lost."""

HIDING: Final = re.compile("exclude|filter|include")


def machine(rsyncd: Rsyncd) -> Iterator[Line]:
    """What the global part says about every archive."""
    common = rsyncd.common
    for name, key in (("timeout", "MIRROR_RSYNC_TIMEOUT"), ("dontcompress", "MIRROR_RSYNC_DONT_COMPRESS")):
        if value := common.get(name):
            yield Setting(key, value)
    if (connections := common.get("maxconnections", "0")).isdigit() and int(connections):
        yield Setting("MIRROR_RSYNC_MAX_CONNECTIONS", connections)
    for name in ("address", "port"):
        if value := common.get(name):
            yield Remark(
                f"rsyncd.conf, {name} = {value}: the daemon listens on 8730 in the container; publish that as it was"
            )
    if "motdfile" in common:
        yield Remark("rsyncd.conf, motd file: there is none here")
    for word in rsyncd.strange:
        yield Remark(f"rsyncd.conf: {word} is not understood, and left out")


def archive(module: Module, common: Mapping[str, str], name: str) -> Iterator[Line]:
    """What a module says about the archive that it serves."""
    if module.name != name:
        yield Remark(f"the rsync module {module.name} is now called {name}: tell who fetches from it")
    if comment := module.text("comment"):
        yield Setting(variable("ARCHIVES", name, "COMMENT"), comment)
    yield from _admission(module, name)
    if module.text("transferlogging").lower() in ("no", "false", "0"):
        yield Setting(variable("ARCHIVES", name, "TRANSFER_LOGGING"), "false")
    connections = module.text("maxconnections")
    if connections.isdigit() and int(connections) and connections != common.get("maxconnections"):
        yield Setting(variable("ARCHIVES", name, "MAX_CONNECTIONS"), connections)
    if module.text("readonly").lower() in ("no", "false", "0"):
        yield Remark(f"module {module.name} could be written to: here none can")
    if module.text("list").lower() in ("no", "false", "0"):
        yield Remark(f"module {module.name} was not listed: here all are")
    for parameter in sorted(set(module.parameters) - SAME - ASKED):
        hidden = "; what it hid can be seen now" if HIDING.search(parameter) else ""
        yield Remark(f"module {module.name}: its {parameter} has no counterpart here{hidden}")


def _admission(module: Module, name: str) -> Iterator[Line]:
    """Who may fetch. What was closed to some and cannot be said here is closed to all."""
    users, strange_users = _users(module)
    hosts, strange_hosts = _hosts(module)
    for word, strange in (("auth users", strange_users), ("hosts allow", strange_hosts)):
        for each in strange:
            yield Remark(f"module {module.name}: {word} has {each}, for which there is no counterpart here")
    denied = module.text("hostsdeny")
    if denied and denied.lower() not in ("*", "all", "0.0.0.0/0"):
        yield Remark(
            f"module {module.name}: hosts deny = {denied} has no counterpart here; HOSTS_ALLOW says who may fetch"
        )
    if users:
        yield Setting(variable("ARCHIVES", name, "AUTH_USERS"), " ".join(users))
    shut_out = any(word.endswith(":deny") for word in strange_users)
    if shut_out or (strange_users and not users) or ((strange_hosts or denied) and not hosts):
        yield Remark("nobody may fetch by rsync until HOSTS_ALLOW says who may")
        hosts = ["127.0.0.1"]
    if hosts:
        yield Setting(variable("ARCHIVES", name, "HOSTS_ALLOW"), " ".join(hosts))


def _users(module: Module) -> tuple[list[str], list[str]]:
    """The users that may fetch, and what is more than a user."""
    words = module.text("authusers").replace(",", " ").split()
    plain = [word for word in words if USER_PATTERN.fullmatch(word)]
    return plain, sorted(set(words) - set(plain))


def _hosts(module: Module) -> tuple[list[str], list[str]]:
    """The hosts that may fetch, and what is no address, network or name."""
    hosts: list[str] = []
    strange: list[str] = []
    for pattern in module.text("hostsallow").replace(",", " ").split():
        try:
            hosts.append(allowed_host(_network(pattern)))
        except (Fault, ValueError):
            strange.append(pattern)
    return hosts, strange


def _network(pattern: str) -> str:
    """A network with its mask as a number; anything else as it is."""
    return str(ipaddress.ip_network(pattern)) if re.search(r"/\d+\.", pattern) else pattern
