"""The suites of a Debian archive, as an audit needs them."""

from __future__ import annotations

import posixpath
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from appliance.errors import Misfit, SyncError
from appliance.sync.debian.indices import bases_of
from appliance.sync.debian.release import NOTHING, Release
from appliance.sync.debian.suite import Suite
from appliance.sync.debian.suites import parsed, text_of
from appliance.sync.order import suite_of, suites_of
from appliance.sync.references import Payload
from appliance.sync.scope import Audited, Listing, Scope
from appliance.sync.terms import Terms
from appliance.sync.view import View


async def suites(view: View, terms: Terms, roots: Iterable[str], scope: Scope) -> AsyncIterator[Audited]:
    """Every root file among ``roots`` that is here, with what it lists; of a suite's two, the second adds little.

    Nothing is too old and nothing has expired: what is asked is whether it fits together.
    """
    terms = replace(terms, payload=False, rollback=True)
    before: dict[str, Release] = {}
    for name in _with_text(view, roots):
        directory = posixpath.dirname(name)
        try:
            release = parsed(name, await text_of(view, name, terms.keyring))
            suite = Suite(view, terms, Payload(view, terms.excluded), name, release, before.get(directory, NOTHING))
            found = await _audited(suite, scope)
        except SyncError as error:
            found = Audited(name, error.misfits)
        else:
            before[directory] = release
        yield found


def _with_text(view: View, roots: Iterable[str]) -> list[str]:
    """The files that say what a suite is, InRelease before Release; no Release file of a component."""
    known = [name for name in roots if view.find(name)]
    suites = suites_of(known)
    named = {name for name in known if posixpath.basename(name) in ("InRelease", "Release")}
    return sorted(name for name in named if suite_of(posixpath.dirname(name), suites) == posixpath.dirname(name))


async def _audited(suite: Suite, scope: Scope) -> Audited:
    """Raises SyncError for a Release file that says nothing."""
    asked = suite if scope.opens(suite.name) else suite.within(scope.__contains__)
    misfits: list[Misfit] = [*await asked.misfits(), *asked.lost_names()]
    bases = bases_of(posixpath.dirname(suite.name))
    whole = scope.opens(suite.name)
    listings = tuple(
        Listing(index, bases, whole or scope.opens(index.path))
        for index in suite.indices(broken={one.path for one in misfits})
    )
    return Audited(suite.name, tuple(misfits), listings, len(asked.release.entries))
