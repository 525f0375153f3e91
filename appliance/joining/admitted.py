"""Those who have joined, as settings: what an operator would otherwise have written himself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

from pydantic import SecretStr

from appliance.introduction import pinned_as
from appliance.joining.member import passwords
from appliance.records import Member
from appliance.settings import Archive, Downstream, Settings
from appliance.settings.public import host_port
from appliance.settings.secrets import secret_users

NOBODY: Final = "-"
"""A user that has no line among the secrets, for it cannot have one: an archive without any user would be open."""


def with_members(settings: Settings, members: Iterable[Member], now: float) -> Settings:
    """The settings with everybody in them who has joined; what the operator has written himself stays and wins."""
    joined = [one for one in members if one.is_joined]
    if not joined:
        return settings
    names = downstream_names(settings)
    pushed = [one for one in joined if one.ssh and one.name not in names and _carried(one, settings)]
    return settings.model_copy(
        update={
            "downstreams": (*settings.downstreams, *(_downstream(one, settings) for one in pushed)),
            "known_hosts": _lines(settings.known_hosts, (line for one in pushed for line in _pins(one))),
            "rsync_secrets": _secrets(settings, joined, now),
            "archives": {
                name: _admitting(archive, settings, _users(joined, name, now))
                for name, archive in settings.archives.items()
            },
        }
    )


def downstream_names(settings: Settings) -> frozenset[str]:
    """What the downstreams of all archives are called."""
    return frozenset(one.name for archive in settings.archives for one in settings.downstreams_of(archive)) | frozenset(
        one.name for one in settings.downstreams
    )


def _carried(member: Member, settings: Settings) -> tuple[str, ...]:
    return tuple(name for name in member.carries if name in member.archives and name in settings.archives)


def _downstream(member: Member, settings: Settings) -> Downstream:
    host, port = host_port(member.ssh)
    return Downstream(
        name=member.name, host=host, port=port, push=member.push, archives=_carried(member, settings), site=member.site
    )


def _pins(member: Member) -> Iterator[str]:
    """Lines of a known_hosts file."""
    return (f"{pinned_as(member.ssh)} {' '.join(key.split()[:2])}" for key in member.host_keys)


def _secrets(settings: Settings, joined: Iterable[Member], now: float) -> SecretStr | None:
    """The operator's lines, and one for each user whom an archive asks for a password."""
    known = set(secret_users(settings.rsync_secrets))
    closed = {name for name, archive in settings.archives.items() if archive.auth_users}
    asked = [one for one in joined if closed & set(one.archives)]
    lines = [f"{user}:{word}" for one in asked for user, word in passwords(one, now).items() if user not in known]
    if not lines:
        return settings.rsync_secrets
    given = settings.rsync_secrets
    return SecretStr(_lines(given.get_secret_value() if given else "", lines))


def _lines(text: str, more: Iterable[str]) -> str:
    return "\n".join([*([text.strip("\n")] if text.strip("\n") else []), *more])


def _users(joined: Iterable[Member], archive: str, now: float) -> tuple[str, ...]:
    return tuple(user for one in joined if archive in one.archives for user in passwords(one, now))


def _admitting(archive: Archive, settings: Settings, users: tuple[str, ...]) -> Archive:
    """The archive with these users let in, too. One that is open to everybody stays so.

    The operator's patterns are about his own users: a `*` lets nobody in who was invited to other archives.
    """
    if not archive.auth_users:
        return archive
    own = secret_users(settings.rsync_secrets)
    theirs = [user for user in own if any(fnmatchcase(user, pattern) for pattern in archive.auth_users)]
    return archive.model_copy(update={"auth_users": tuple(dict.fromkeys((*theirs, *users))) or (NOBODY,)})
