"""The repositories of an RPM archive, as an audit needs them."""

from __future__ import annotations

import posixpath
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from appliance.errors import SyncError
from appliance.sync import signature
from appliance.sync.references import Payload
from appliance.sync.rpm.repomd import NOTHING
from appliance.sync.rpm.repositories import ROOT, parsed
from appliance.sync.rpm.repository import Primary, Repository
from appliance.sync.scope import Audited, Listing, Scope
from appliance.sync.terms import Terms
from appliance.sync.view import View


async def repositories(view: View, terms: Terms, roots: Iterable[str], scope: Scope) -> AsyncIterator[Audited]:
    """Every repository whose repomd.xml is among ``roots`` and here, with what it lists; none is too old."""
    terms = replace(terms, payload=False, rollback=True)
    for name in sorted(root for root in roots if f"/{root}".endswith(f"/{ROOT}") and view.find(root)):
        directory = posixpath.dirname(posixpath.dirname(name))
        try:
            if terms.keyring:
                await signature.check(view, name, f"{name}.asc", terms.keyring)
            new, payload = parsed(view, name, directory), Payload(view, terms.excluded)
            found = await _audited(Repository(view, terms, payload, directory, name, new, NOTHING), scope)
        except SyncError as error:
            found = Audited(name, error.misfits)
        yield found


async def _audited(repository: Repository, scope: Scope) -> Audited:
    whole = scope.opens(repository.name)
    data = {path: data for path, data in repository.new.data.items() if whole or path in scope}
    asked = replace(repository, new=replace(repository.new, data=data))
    # What is lost here may well be there upstream: an audit is no update.
    misfits = tuple(replace(misfit, again=True) for misfit in await asked.misfits())
    path = repository.new.primary
    held = repository.view.find(path) if path and path not in {one.path for one in misfits} else None
    if path is None or held is None:
        return Audited(repository.name, misfits, measured=len(data))
    primary = Primary(path, held, repository.directory)
    return Audited(repository.name, misfits, (Listing(primary, ("",), whole or scope.opens(path)),), len(data))
