"""The section `sync`: what a sync costs, by what changed and by how much there is.

For each size the archive is built once. The candidates sync in turn, another one first in each round: once from
nothing, which fills their trees, then with no change, with 100 packages of the newest suite replaced, with one package
in a hundred of all suites replaced. Behind each change the origin publishes, which is a row of its own: it is paid
once, however many are below. At the end every tree is held against the origin's.

In the times: everything from the forced command or program that is started to its end. Not in them: sshd's key exchange
(the same for ours and ftpsync, none for rsync), and the engine's own way into a container.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tests.bench import candidates
from tests.bench.candidates import Candidate, Origin
from tests.bench.meter import FailedError
from tests.bench.rows import Options, Row, Run
from tests.stock import World

NAME: Final = "sync"
CHANGES: Final = 100
PERCENT: Final = 100
ROUNDS: Final[Mapping[int, int]] = {10_000: 15}
"""By size; larger ones have FEW. What takes a third of a second differs by as much from one time to the next."""
FEW: Final = 3
PUBLISH: Final = "mirrorctl publish"


def rows(options: Options) -> Iterator[Row]:
    """All sizes, one behind the other. Raises FailedError when a tree is not the origin's in the end."""
    for files in options.sizes:
        with World() as world:
            yield from rows_of(world, options, files)


def rows_of(world: World, options: Options, files: int) -> Iterator[Row]:
    """One size, in a world that has nothing else in it. Raises FailedError as `rows`."""
    rounds = 1 if options.quick else ROUNDS.get(files, FEW)
    with candidates.running(world) as (origin, subjects):
        yield from _Size(options, files, rounds, origin, subjects).rows()


class _Size:
    def __init__(self, options: Options, files: int, rounds: int, origin: Origin, subjects: list[Candidate]) -> None:
        self._files, self._rounds, self._origin, self._subjects = files, rounds, origin, subjects
        self._progress, self._filled = options.progress, options.filled

    def rows(self) -> Iterator[Row]:
        """Everything with a tree of one size."""
        self._say("is built")
        self._origin.build(self._files)
        if self._filled:
            self._fill()
        else:
            yield from self._operation("first sync", 1, lambda: None)
        yield from self._operation("no change", self._rounds)
        yield from self._operation(f"{CHANGES} changed", self._rounds, lambda: self._change(CHANGES, spread=False))
        share = self._files // PERCENT
        yield from self._operation("1 % changed", self._rounds, lambda: self._change(share, spread=True))
        self._compare()

    def _fill(self) -> None:
        """Everybody's tree is copied; the sync behind it finds that out, and is not measured."""
        self._origin.publish()
        for subject in self._subjects:
            self._say(f"{subject.name} is filled")
            self._origin.fill(subject)
            subject.sync()

    def _change(self, count: int, spread: bool) -> None:
        self._origin.change(count, spread)

    def _operation(self, name: str, rounds: int, change: Callable[[], None] | None = None) -> Iterator[Row]:
        """All candidates at one operation; one that has to do with a change is behind its publication."""
        runs: dict[str, list[Run]] = {subject.name: [] for subject in self._subjects}
        published: list[Run] = []
        for number in range(rounds):
            if change:
                change()
                published.append(self._origin.publish())
            turn = number % len(self._subjects)
            for subject in [*self._subjects[turn:], *self._subjects[:turn]]:
                self._say(f"{name}, {number + 1} of {rounds}: {subject.name}")
                runs[subject.name].append(subject.sync())
        for subject in self._subjects:
            measured, first = tuple(runs[subject.name]), subject is self._subjects[0]
            yield Row(NAME, name, subject.name, measured, self._files, reference=first)
        if published:
            yield Row(NAME, f"{name}: publish", PUBLISH, tuple(published), self._files)

    def _compare(self) -> None:
        for subject in self._subjects:
            self._say(f"{subject.name} is compared")
            if found := subject.differences():
                raise FailedError(f"{subject.name}, {self._files} files: {len(found)} paths differ, as {found[:5]}")

    def _say(self, text: str) -> None:
        self._progress(f"{self._files:,} files: {text}")
