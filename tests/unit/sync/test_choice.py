from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.sync.choice import Choice
from appliance.sync.filters import chosen
from tests.unit.examples import examples

FILES = tuple(
    f"{directory}{name}"
    for directory in ("", "a/", "b/", "foo/", "a/b/", "foo/a/", "a/b/foo/")
    for name in ("x", "a1", "foo.deb", "b.c")
)
WORDS = (
    "a", "b", "foo", "*", "**", "?", "/", "x", "[ab]", "[!a]", ".", "*.deb", "/***", "**/", "\\a", "[a-f]*",
    "[[:alpha:]]", "[![:alpha:]]", "[^[:digit:]o]", "[\\d]", "[z-b]",
)  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("source")
    for path in FILES:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def carried(source: Path, options: list[str]) -> set[str]:
    """What rsync itself takes."""
    argv = ["rsync", "-rn", "--out-format=%n", *options, f"{source}/", f"{source}-nowhere/"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return {line for line in done.stdout.splitlines() if not line.endswith("/")}


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[*HealthCheck])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("exclude", "exclude", "include")),
            st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map("".join),
        ),
        min_size=1,
        max_size=3,
    )
)  # fmt: skip
def test_the_answer_is_rsyncs(source: Path, rules: list[tuple[str, str]]) -> None:
    # Three stars anywhere but at the end, and more of them, are nothing that rsync's manual knows.
    options = [f"--{word}={pattern}" for word, pattern in rules if "***" not in pattern.removesuffix("/***")]
    choice = Choice.of(options)
    assert {path for path in FILES if not choice.excludes(path)} == carried(source, options)


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("pool/main/h/hello/hello_1_arm64.deb", True),
        ("pool/main/h/hello/hello_1_amd64.deb", False),
        ("pool/main/h/hello/hello_1_all.deb", False),
        ("pool/main/h/hello/hello_1.dsc", True),
        ("dists/s/main/binary-arm64/Packages.xz", True),
        ("dists/s/main/source/Sources.xz", True),
        ("dists/s/main/binary-amd64/Packages.xz", False),
    ],
)
def test_one_architecture(path: str, left_out: bool) -> None:
    assert Choice.of(chosen((), ("amd64",), ())).excludes(path) is left_out


def test_no_choice_leaves_nothing_out() -> None:
    assert not Choice().excludes("pool/x.deb")
