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


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith("sync/")])
def test_sync_knows_nothing_of_what_is_above_it(module: str) -> None:
    above = (
        "tree",
        "doors",
        "controller",
        "lane",
        "ends",
        "answers",
        "run",
        "reach",
        "serve",
        "settings",
        "store",
        "status",
    )
    assert not named(imports(module), *(f"appliance.{room}" for room in above))


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith("tree/")])
def test_tree_knows_neither_doors_nor_controller(module: str) -> None:
    assert not named(
        imports(module),
        *(
            f"appliance.{room}"
            for room in ("doors", "controller", "lane", "ends", "answers", "run", "reach", "serve", "sync")
        ),
    )


@pytest.mark.parametrize("module", MODULES)
def test_one_door_to_other_programs(module: str) -> None:
    if module not in ("commands.py", "keeper.py"):  # the keeper is what starts everything else
        assert not named(imports(module), "sh", "subprocess", "asyncio.subprocess")
        assert "create_subprocess" not in (ROOT / module).read_text()


@pytest.mark.parametrize("module", MODULES)
def test_one_place_makes_lists_for_rsync(module: str) -> None:
    texts = (node.value for node in nodes(module) if isinstance(node, ast.Constant))
    lists = [text for text in texts if isinstance(text, str) and re.search("--(files|include|exclude)-from|^-0$", text)]
    assert module == "sync/feed.py" or not lists


@pytest.mark.parametrize("module", MODULES)
def test_only_the_edges_see_the_environment(module: str) -> None:
    edges = ("__main__.py", "keeper.py", "doors/program.py", "doors/ssh.py")
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
