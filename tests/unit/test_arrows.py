"""The arrows between the rooms run one way, and some doors are the only ones."""

from __future__ import annotations

import ast
import re
from collections.abc import Set
from functools import cache
from pathlib import Path

import pytest

import appliance

ROOT = Path(appliance.__file__).parent
MODULES = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py"))


TOP = {
    "CHANGELOG.md", "Dockerfile", "LICENSE", "Makefile", "README.md",
    "appliance", "compose.yaml", "pyproject.toml", "rootfs", "tests",
}  # fmt: skip
MADE = {"push_mirror.egg-info", "build", "__pycache__"}


def test_the_top_level_is_what_a_newcomer_looks_through_in_a_minute() -> None:
    kept = {path.name for path in ROOT.parent.iterdir() if not path.name.startswith(".")}
    if not (ROOT.parent / "Makefile").exists():
        pytest.skip("not in a checkout")
    assert kept - MADE == TOP


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    """Everything in a file: all rules look at the same."""
    return tuple(ast.walk(ast.parse((ROOT / module).read_text())))


@cache
def imports(module: str) -> frozenset[str]:
    """Every module a file imports, anywhere in it, with what it takes from packages."""
    found: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def named(imported: Set[str], *rooms: str) -> set[str]:
    return {name for name in imported for room in rooms if name == room or name.startswith(f"{room}.")}


LAYERS = (
    ("__main__",),
    ("serve",),
    ("doors",),
    ("board", "doctor", "metrics", "report"),
    ("status",),
    ("controller",),
    ("lanes", "notices"),
    ("container", "expiry", "run"),
    ("importing", "joining", "served", "sync", "tree"),
    ("backup", "introduction", "keys", "volume"),
    ("ssh",),
    ("settings", "store"),
    ("calls", "certificate", "lasting", "ports"),
    ("errors", "log"),
    ("commands", "lines", "names", "space"),
    ("bell", "children", "clock", "complaints", "digest", "meanwhile", "places", "records", "tracefile", "words"),
    ("",),
)
"""The rooms from the top down: each knows those below its own line, and nobody beside it. Last, the version."""

HEIGHTS = {room: height for height, rooms in enumerate(reversed(LAYERS)) for room in rooms}


def rooms(names: Set[str]) -> set[str]:
    """The rooms that imported names are in."""
    return {name.split(".")[1] for name in named(names, "appliance") if "." in name} - {"__version__"}


def test_every_room_has_its_place() -> None:
    assert {module.split("/")[0].removesuffix(".py").replace("__init__", "") for module in MODULES} == HEIGHTS.keys()


@pytest.mark.parametrize("module", MODULES)
def test_arrows_run_down(module: str) -> None:
    own = module.split("/")[0].removesuffix(".py").replace("__init__", "")
    assert {room for room in rooms(imports(module)) - {own} if HEIGHTS[room] >= HEIGHTS[own]} == set()


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith("sync/")])
def test_a_sync_knows_neither_settings_nor_state(module: str) -> None:
    assert not rooms(imports(module)) & {"settings", "store", "keys", "ssh", "volume", "introduction"}


@pytest.mark.parametrize("module", MODULES)
def test_one_door_to_other_programs(module: str) -> None:
    if module not in ("commands.py", "container/keeper.py"):  # the keeper is what starts everything else
        assert not named(imports(module), "sh", "subprocess", "asyncio.subprocess")
        assert "create_subprocess" not in (ROOT / module).read_text()


@pytest.mark.parametrize("module", MODULES)
def test_one_place_makes_lists_for_rsync(module: str) -> None:
    texts = (node.value for node in nodes(module) if isinstance(node, ast.Constant))
    lists = [text for text in texts if isinstance(text, str) and re.search("--(files|include|exclude)-from|^-0$", text)]
    assert module == "sync/feed.py" or not lists


@pytest.mark.parametrize("module", MODULES)
def test_only_the_edges_see_the_environment(module: str) -> None:
    edges = ("__main__.py", "container/keeper.py", "doors/program.py", "doors/ssh.py")
    assert module in edges or "os.environ" not in (ROOT / module).read_text()


def test_the_forced_command_needs_the_standard_library_only() -> None:
    reached: set[str] = set()
    queue = ["doors/ssh.py"]
    while queue:
        names = imports(queue.pop())
        for name in named(names, "appliance") - reached:
            reached.add(name)
            file = name.removeprefix("appliance.").replace(".", "/") + ".py"
            if (ROOT / file).is_file():
                queue.append(file)
    assert not named(reached, "appliance.settings", "appliance.store", "appliance.controller", "appliance.errors")
