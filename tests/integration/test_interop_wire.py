"""What travels on the wire when a mirror list is worked off: stock's runmirrors and our pusher say the same words.

The same list, line by line, is given to both; an account that only records is at the other end (PROTOCOL sections 1.1
and 1.4).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.stock import FILES, Recorder, World, variables
from tests.stock.peer import HOME

pytestmark = pytest.mark.integration


HOST: Final = "far-stock"
DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Form:
    """A mirror list, and what it makes a pusher say; NAME is its archive there, KEYS the directory of keys here."""

    name: str
    lines: tuple[str, ...]
    said: tuple[str, ...] = (" sync:archive:NAME sync:all",)
    key: str = "push"
    port: int = 22
    kind: str = "all"

    @property
    def archive(self) -> str:
        """Each form has one to itself; the default archive has no name."""
        return "" if self.name == DEFAULT else self.name

    @property
    def expected(self) -> list[str]:
        return [words.replace("NAME", self.archive) for words in self.said]

    def list(self, keys: str) -> list[str]:
        return [line.replace("KEYS", keys) for line in self.lines]


FORMS: Final = (
    Form("all", (f"all short {HOST} one",)),
    Form("staged", (f"staged short {HOST} one",), (" sync:archive:NAME sync:stage1", " sync:archive:NAME sync:stage2")),
    Form(
        "mhop",
        (f"mhop short {HOST} one",),
        (" sync:archive:NAME sync:mhop sync:stage1", " sync:archive:NAME sync:mhop sync:stage2"),
        kind="mhop",
    ),
    Form("options", (f"all short {HOST} one -p 2222",), port=2222),
    Form("key", (f"all short {HOST} one 2 KEYS/second",), key="second"),
    Form("url", (f"all short ssh+ftpsync://one@{HOST}",)),
    Form("url-archive", (f"all short ssh+ftpsync://one@{HOST}/elsewhere",), (" sync:archive:elsewhere sync:all",)),
    Form("blanks", ("# a comment", "", f"  all   short\t{HOST}   one")),
    Form(DEFAULT, (f"all short {HOST} one",)),
)
"""Every form of a list line (PROTOCOL section 1.4)."""
DELAY: Final = Form("delay", (f"all first {HOST} one", "DELAY 3", f"all second {HOST} two"))


class Pushers:
    """A stock pusher and one of ours with the same lists, and who they talk to."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._stock = stack.enter_context(world.stock("origin-stock"))
        self._ours = stack.enter_context(world.ours("origin-ours", _variables(), {"second": world.keys["second"]}))
        far = stack.enter_context(world.stock(HOST))
        self.one = Recorder(far, "one", world.keys, "push", "second")
        self.two = Recorder(far, "two", world.keys)
        for form in (*FORMS, DELAY):
            self._stock.runmirrors(form.archive, *form.list(f"{HOME}/.ssh"))

    def push(self, who: str, archive: str, kind: str = "all") -> None:
        """Works off the archive's list; what was recorded before is forgotten."""
        self.one.script()
        self.two.script()
        if who == "stock":
            assert self._stock.push(archive, kind).code == 0
        else:
            self._ours.announce(archive or "debian")


def _variables() -> dict[str, str]:
    found: dict[str, str] = {}
    for form in (*FORMS, DELAY):
        text = "".join(f"{line}\n" for line in form.list(FILES))
        found |= variables(form.archive or "debian", runmirrors=text)
    return found


@pytest.fixture(scope="module")
def pushers(world: World) -> Iterator[Pushers]:
    with ExitStack() as stack:
        yield Pushers(world, stack)


@pytest.mark.parametrize("who", ["stock", "ours"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_list_says_the_words_of_the_protocol(pushers: Pushers, who: str, form: Form) -> None:
    pushers.push(who, form.archive, form.kind)
    told = pushers.one.wait_answered(len(form.expected))
    assert [record.command for record in told] == form.expected
    assert {(record.key, record.port) for record in told} == {(form.key, form.port)}


@pytest.mark.parametrize("who", ["stock", "ours"])
def test_who_stands_below_a_delay_is_told_later(pushers: Pushers, who: str) -> None:
    started = time.time()
    pushers.push(who, DELAY.archive)
    pushers.one.wait_answered(1)
    (second,) = pushers.two.wait_answered(1)
    # Counted from before the first: where that arrives it may be noted late.
    assert second.began - started > 3
