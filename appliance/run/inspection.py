"""One update before its publication: checked on the operator's terms, and kept for a look when it is refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace

from appliance import log
from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.meanwhile import meanwhile
from appliance.run.ground import Ground
from appliance.run.reach import choice_of
from appliance.settings import Archive
from appliance.sync import plan, prune, verify
from appliance.sync.audit import REPOSITORIES, Audit
from appliance.sync.beforehand import Beforehand
from appliance.sync.behind import Behind
from appliance.sync.changes import Changes
from appliance.sync.choice import Choice
from appliance.sync.count import nobody
from appliance.sync.debian.indices import published_of
from appliance.sync.fetch import is_brief
from appliance.sync.order import roots_of
from appliance.sync.profile import Kind, kind_of
from appliance.sync.publish import staged
from appliance.sync.quarantine import Quarantine
from appliance.sync.remembered import Remembered
from appliance.sync.scope import Scope
from appliance.sync.terms import Terms
from appliance.sync.view import View


class Inspection:
    """The inspection of one run."""

    def __init__(self, ground: Ground) -> None:
        self._archive, self._store, self._profile = ground.archive, ground.store, ground.profile
        self._name, self._run, self._permits = ground.name, ground.run, ground.permits
        self._tree, self._staging = ground.tree, ground.staging
        self._remembered, self.beforehand = Remembered(), Beforehand()

    def expect(self, path: str) -> None:
        """The upstream has another file there: if it is an index, what is published will be held against it."""
        wanted = self._archive.verify == "full" and self._archive.profile == "debian" and self.beforehand.has_room
        if wanted and (index := published_of(self._tree, path)):
            self.beforehand.expect(index)

    def reading(self, payload: Changes) -> AbstractAsyncContextManager[Callable[[str], None]]:
        """While payload is fetched: whoever is told of a file that came reads it, for ``verify`` not to have to.

        Nobody is, where nothing is held against its SHA256, or is so little that it is read in no time.
        """
        if self._archive.verify != "full" or self._archive.profile not in REPOSITORIES or is_brief(payload):
            return nullcontext(nobody)
        return Behind(self._tree, self._remembered)

    async def verify(self, work: plan.Plan) -> verify.Seal:
        """Raises SyncError for an update that does not fit together."""
        if self._archive.verify == "off":
            return verify.Seal()
        view = View(self._staging.index, self._tree, frozenset(work.delete), self._remembered, self.beforehand)
        return await verify.verify(view, self._profile, self._terms)

    async def examine(self, work: plan.Plan, asked: Collection[str]) -> None:
        """Whether files that were fetched again are now what the indices say.

        Raises SyncError when they are not: then the upstream has them broken, too. To fetch them once more is no use;
        the run is tried again without them.
        """
        if not asked or self._archive.profile not in REPOSITORIES:
            return
        names = await meanwhile(staged, self._staging.index)
        roots = {*self._store.roots(self._name), *roots_of(self._profile, names)}
        gone = frozenset(work.delete)
        audit = Audit(self._tree, self._archive.profile, self._terms, True, self._staging.index, gone)
        misfits = (await audit.look(roots, Scope.of(asked, below=False))).misfits
        broken = [misfit for path, misfit in misfits.items() if path in asked]
        if broken:
            fact = f"the upstream cannot repair {SyncError.misfit(broken).fact}"
            raise SyncError(fact, "it is broken there, too: ask its operator", Verdict.BUSY, misfits=broken)

    @property
    def _terms(self) -> Terms:
        return replace(
            terms_of(self._archive),
            roots=tuple(self._store.roots(self._name)),
            serial=self._store.archive(self._name).serial,
            rollback=self._permits.rollback,
        )

    async def keep(self, error: SyncError) -> None:
        """Keep a refused update for a look, and take out of the tree what came with it and is not what it should be.

        What was here before the first run that brought anything since the last publication stays: something published
        may refer to it.
        """
        since = self._store.archive(self._name).unpublished
        strays = [(one.path, self._tree / one.path) for one in error.misfits if self._is_stray(one.path, since)]
        upstream = self._archive.upstream
        heading = f"{self._name}, run {self._run.id}, from {upstream.url if upstream else 'here'}"
        quarantine = Quarantine(self._staging.quarantine)
        try:
            report = await meanwhile(quarantine.keep, heading, error, self._staging.index, strays)
        except OSError as trouble:  # it is refused nevertheless, and for its own reason
            log.trouble("what was refused cannot be kept", archive=self._name, reason=str(trouble))
            return
        error.cure = f"{error.cure}; what was refused is kept, see {report}"

    def _is_stray(self, path: str, since: float | None) -> bool:
        if since is None:
            return False
        here = self._tree / path
        is_payload = kind_of(self._profile, path) is Kind.PAYLOAD
        return (
            is_payload
            and os.path.isfile(here)
            and not prune.below_link(self._tree, path)
            and here.stat().st_ctime > since
        )


def terms_of(archive: Archive) -> Terms:
    """What an operator asks of an archive's files, whatever is published."""
    excluded = Choice.of(choice_of(archive)).excludes
    return Terms(keyring=archive.keyring, payload=archive.verify == "full", excluded=excluded)
