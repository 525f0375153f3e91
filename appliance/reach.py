"""From an archive's settings to the rsync that reaches its upstream."""

from __future__ import annotations

from appliance import ssh
from appliance.places import Places
from appliance.settings import Archive, Settings
from appliance.sync import filters, transport
from appliance.sync.profile import Profile
from appliance.sync.source import Source


def source_of(settings: Settings, places: Places, name: str) -> Source:
    """How rsync reaches the upstream of an archive that has one."""
    archive = settings.archives[name]
    return Source(
        transport=transport_of(settings, places, archive),
        own_name=settings.name,
        variable=f"MIRROR_ARCHIVES__{name.replace('-', '_').upper()}",
        password=archive.password.get_secret_value() if archive.password else "",
        timeout=archive.timeout,
        deadline=archive.deadline,
        bwlimit=archive.bwlimit,
        max_files=archive.max_files,
        choice=choice_of(archive),
    )


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
