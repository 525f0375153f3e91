"""Reading shell assignments: what is understood means what a shell takes it for, and nothing is ever run."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.importing.shell import Value, read
from tests.unit.examples import examples


def values(text: str) -> dict[str, str]:
    """What is known for certain."""
    return {name: value.text for name, value in read(text).values.items() if not value.open}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1", {"A": "1"}),
        ("A=", {"A": ""}),
        ("  A=1   # why", {"A": "1"}),
        ("#A=1", {}),
        ("A=a#b", {"A": "a#b"}),
        ('A="x y" B=\'z "w"\'', {"A": "x y", "B": 'z "w"'}),
        ("A=x\"y\"'z'\\ w", {"A": "xyz w"}),
        ("export A=1; readonly B=2 && C=3", {"A": "1", "B": "2", "C": "3"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=1\nA+=2", {"A": "12"}),
        ('A=x\nB="$A/${A}y"', {"A": "x", "B": "x/xy"}),
        ('A="one\ntwo"', {"A": "one\ntwo"}),
        ('A="one \\\ntwo"', {"A": "one two"}),
        ("A=one\\\ntwo", {"A": "onetwo"}),
        ('A="5$" B="a$\'b" C=$', {"A": "5$", "B": "a$'b", "C": "$"}),
        ('A="\\$x \\"y\\" \\`z\\` \\w"', {"A": '$x "y" `z` \\w'}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("KEYFILE=.ssh/contribs-push\\@{MY}.rsa", {"KEYFILE": ".ssh/contribs-push@{MY}.rsa"}),
    ],
)
def test_what_is_understood(text: str, found: dict[str, str]) -> None:
    assert values(text) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A=`hostname -f`", "the output of a command"),
        ('A="$(date "+%s)")"', "the output of a command"),
        ("A=$((1 + 2))", "the output of a command"),
        ("A=$HOME/x", "$HOME"),
        ('A="${HOME}/x"', "$HOME"),
        ("A=${B:-x}", "${B…}"),
        ("A=$1", "$1"),
        ("A=~/x", "~"),
        ("A=(a b)", "a list"),
        ("A=$'x\\ty'", "$'…'"),
        ("B=`id`\nA=$B", "the output of a command"),
        ("if true; then A=1; fi", "a condition"),
        ("f() { A=1; }", "a condition"),
        ("case $x in y) A=1 ;; esac", "a condition"),
    ],
)
def test_what_only_a_shell_knows_is_open(text: str, why: str) -> None:
    assert read(text).values["A"].open == why


def test_what_is_no_assignment_is_listed_without_what_it_says() -> None:
    reading = read("set -e\nA=1\ncurl -u me:secret https://x\nB=2 run\n'odd thing' x\nif [ -f x ]; then\n:\nfi\nC=3")
    assert [(other.line, other.word) for other in reading.others] == [
        (1, "set"), (3, "curl"), (4, "run"), (5, "a command"), (6, "if"), (7, "a command"),
    ]  # fmt: skip
    assert "secret" not in str(reading.others)
    assert values("B=2 run\nC=3") == {"C": "3"}


def test_the_lines_are_counted() -> None:
    assert read('\n\nA="x\ny"\nB=1').values == {"A": Value(3, "x\ny"), "B": Value(5, "1")}


@pytest.mark.parametrize("text", ["A='x", 'A="x', "A=`x", "A=$(x", "A=${x", 'A=$(echo "x)'])
def test_an_open_end_is_told(text: str) -> None:
    reading = read(f"B=1\n{text}\nC=2")
    assert list(reading.values) == ["B"]
    assert reading.others[-1].word.startswith("a quote or bracket")


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    read(text)


@given(st.text(alphabet="A=B1 '\"\\$`(){}\n#;&|~<>[]!if\tdonecase", max_size=60))
def test_any_shell_like_text_is_read(text: str) -> None:
    read(text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r")))
def test_a_quoted_text_is_that_text(text: str) -> None:
    assert values(f"A={shlex.quote(text)}") == {"A": text}


@settings(max_examples=examples(60), deadline=None)
@given(st.text(alphabet="ab '\"\\$\n#=/@,.*?~", max_size=25))
def test_what_is_understood_is_what_a_shell_takes_it_for(text: str) -> None:
    """Nothing in this alphabet can make a shell run a program that does anything."""
    found = values(f"A={text}")
    argv = ["sh", "-c", 'PATH=/nonexistent; eval "A=$1" 2>/dev/null; printf %s "$A"', "sh", text]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={}, cwd="/")
    words = read(f"A={text}")
    if found.keys() == {"A"} and not words.others and done.returncode == 0 and "\n" not in text.replace("\\\n", ""):
        assert found["A"] == done.stdout


def test_nothing_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    read(f"A=$(touch {mark}) B=`touch {mark}`\ntouch {mark}\neval touch {mark}")
    assert not mark.exists()
