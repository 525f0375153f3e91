"""Whether an upstream lets us in by now: tried at its rsync daemon, when nobody tells us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from pydantic import SecretStr

from appliance.errors import SyncError
from appliance.joining import secrets
from appliance.settings import Settings

Probe = Callable[[Settings, str], Awaitable[object]]
"""Reads a little of an archive's upstream as these settings have it; raises SyncError when that cannot be read."""


async def is_let_in(
    settings: Settings, archives: Iterable[str], user: str, secret: str, probe: Probe
) -> tuple[bool, frozenset[str]]:
    """Whether the secret's password is good for an archive, and which archives were seen to be open to everybody.

    Of an open one a daemon asks for no password: that it can be read says nothing about us.
    """
    everybody = set()
    for name in archives:
        if await _opens(probe, _with(settings, name, user, SecretStr(secrets.password(secret))), name):
            if await _opens(probe, _with(settings, name, "", None), name):
                everybody.add(name)
            else:
                return True, frozenset(everybody)
    return False, frozenset(everybody)


def _with(settings: Settings, name: str, user: str, password: SecretStr | None) -> Settings:
    archive = settings.archives[name]
    assert archive.upstream
    changed = {"upstream": replace(archive.upstream, user=user), "password": password}
    return settings.with_archive(name, archive.model_copy(update=changed))


async def _opens(probe: Probe, settings: Settings, name: str) -> bool:
    try:
        await probe(settings, name)
    except SyncError:
        return False
    return True
