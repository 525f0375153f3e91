"""One topology for all scenarios; each leaves it as it found it: up, healthy, every mirror at the origin's serial.

Or one world, which tests of interoperation populate as they need. No test uses both, so that each kind can have a
process of its own, and neither sweeps what is the other's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.ground import sweep
from tests.ground.images import TOP
from tests.harness import MIRRORS, Lone, Project, Topology, report
from tests.harness.project import FILE
from tests.stock import World

TREE = ("origin", "hub:origin:mhop", "leaf1:hub:staged", "leaf2:hub:staged", "slow:hub")
PROJECT = Project(sweep.TESTS, (FILE, TOP / "tests/integration/compose.yaml"), TREE)


@pytest.fixture(scope="session")
def swept() -> Iterator[None]:
    """No single container is there before or after: neither ours nor what is left of a run that was killed."""
    sweep.lone()
    yield
    sweep.lone()


@pytest.fixture(scope="session")
def topology(swept: None) -> Iterator[Topology]:
    """The topology with a signed archive, published at the origin and arrived everywhere."""
    with Topology(PROJECT, (*MIRRORS, "slow")) as running:
        running.release("init")
        running.wait_serial(running.publish(), *MIRRORS)
        yield running


@pytest.fixture
def lone(swept: None) -> Iterator[Callable[..., Lone]]:
    """Makes single containers; they live until the test's report is written."""
    with ExitStack() as stack:
        yield lambda *words, **options: stack.enter_context(Lone(*words, **options))


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """A network for mirrors of both kinds; each test module brings up what it needs."""
    with World() as running:
        yield running


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs the stock mirrors or the topology, before `-m` selects."""
    for item in items:
        for fixture, mark in (("world", pytest.mark.interop), ("topology", pytest.mark.topology)):
            if isinstance(item, pytest.Function) and fixture in item.fixturenames:
                item.add_marker(mark)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A failure comes with what every node has to say."""
    done = yield
    if done.failed and item.get_closest_marker("integration"):
        done.sections += report.sections(_labels(item))
    return done


def _labels(item: pytest.Item) -> tuple[str, ...]:
    """Whose containers have to do with the test."""
    if item.get_closest_marker("chaos"):
        return report.CHAOS
    return report.WORLD if item.get_closest_marker("interop") else report.TOPOLOGY
