"""From an archive's settings to the rsync that reaches its upstream."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from appliance import ssh
from appliance.places import Places
from appliance.settings import Archive, Settings
from appliance.settings.names import variable
from appliance.sync import filters, glance, transport
from appliance.sync.journal import journal
from appliance.sync.profile import Profile
from appliance.sync.source import Source

PATIENCE: Final = 15
"""Seconds that a look at an upstream may take."""


def source_of(settings: Settings, places: Places, name: str) -> Source:
    """How rsync reaches the upstream of an archive that has one."""
    archive = settings.archives[name]
    return Source(
        transport=transport_of(settings, places, archive),
        own_name=settings.name,
        variable=variable("ARCHIVES", name),
        password=archive.password.get_secret_value() if archive.password else "",
        timeout=archive.timeout,
        deadline=archive.deadline,
        bwlimit=archive.bwlimit,
        streams=archive.streams,
        max_files=archive.max_files,
        choice=choice_of(archive),
    )


async def probe(places: Places, settings: Settings, name: str) -> None:
    """See whether an archive's upstream can be read, by a few kilobytes of it; raises SyncError."""
    source = source_of(settings, places, name)
    await glance.serial(replace(source, timeout=PATIENCE, deadline=PATIENCE))


def journal_of(settings: Settings, places: Places, name: str) -> Source:
    """How rsync reaches the journal of an archive's upstream; it tells of a whole module, not of a part of one."""
    archive = settings.archives[name]
    assert archive.upstream
    there = replace(archive.upstream, path=journal.module_of(archive.upstream.path))
    moved = archive.model_copy(update={"upstream": there})
    whole = source_of(settings, places, name)
    return replace(whole, transport=transport_of(settings, places, moved), choice=(), title=whole.url)


def choice_of(archive: Archive) -> tuple[str, ...]:
    """What we chose not to carry, as rsync options."""
    return tuple(filters.chosen(archive.exclude, archive.arch_include, archive.arch_exclude))


def profile_of(archive: Archive) -> Profile:
    """What we know of the layout of an archive."""
    return Profile.of(archive.profile, archive.index)


def transport_of(settings: Settings, places: Places, archive: Archive) -> transport.Transport:
    """How the bytes of an archive travel."""
    upstream, family, bind = archive.upstream, archive.address_family, archive.bind_address
    assert upstream
    if upstream.scheme == "rsync+ssh":
        words = {"any": (), "ipv4": ("-4",), "ipv6": ("-6",)}[family] + (("-b", bind) if bind else ())
        argv = ssh.client(settings, places, user=upstream.user, port=upstream.port, more=words)
        return transport.ssh(upstream.ssh_target, argv)
    if upstream.scheme == "rsync+tls":
        return transport.tls(
            upstream.daemon_url, upstream.host, upstream.port, archive.tls_ca, family, bind, archive.proxy
        )
    if archive.proxy:
        place = upstream.host, upstream.port
        return transport.proxied(upstream.daemon_url, *place, archive.proxy, archive.timeout, family, bind)
    return transport.plain(upstream.daemon_url, family, bind)
