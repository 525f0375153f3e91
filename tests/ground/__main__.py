"""`python3 -m tests.ground VERB …`: the set-up behind the Makefile's commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final

from tests.ground import base, engine, images, programs, sweep, venv
from tests.ground.console import StopError, step


def _images() -> None:
    tag = base.ensure()
    images.product(tag)
    images.tools(tag)


def _peer() -> None:
    images.peer(base.ensure())


def _prometheus() -> None:
    images.prometheus(base.ensure())


def _browser() -> None:
    images.browser(base.ensure())


def _down() -> None:
    if engine.answers():
        with step("removing containers, networks and volumes of the demo and the tests"):
            for name in (sweep.DEMO, sweep.TESTS, sweep.COMPOSE):
                sweep.project(name)
            sweep.everything()


VERBS: Final[Mapping[str, Callable[[], None]]] = {
    "engine": engine.ensure,
    "images": _images,
    "peer": _peer,
    "prometheus": _prometheus,
    "hands": images.hands,
    "browser": _browser,
    "programs": programs.ensure,
    "runner": images.runner,
    "venv": venv.ensure,
    "down": _down,
    "clean": sweep.images,
}


def main(words: list[str]) -> int:
    """Runs the named verbs in order; an exit status for the shell."""
    unknown = [word for word in words if word not in VERBS]
    if unknown or not words:
        print(f"usage: python3 -m tests.ground {'|'.join(VERBS)} …", file=sys.stderr)
        return 64
    try:
        for word in words:
            VERBS[word]()
    except StopError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
