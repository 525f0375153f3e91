"""The documents about the variables say what the settings say."""

from __future__ import annotations

import re
from pathlib import Path

from appliance.doors import exits
from appliance.settings import load, variables
from appliance.settings.reference import example, table

TOP = Path(__file__).parents[3]


def test_env_example_is_the_settings() -> None:
    # To make it anew: python -m appliance example > .env.example
    assert (TOP / ".env.example").read_text() == example()


def test_readme_has_the_table() -> None:
    # To make it anew: python -m appliance variables
    found = re.search(r"<!-- variables -->\n(.*?)<!-- /variables -->", (TOP / "README.md").read_text(), re.DOTALL)
    assert found
    assert found[1].strip() == table().strip()


def test_env_example_is_a_mirror_as_it_stands() -> None:
    assert load(_assignments(r"^([A-Z][A-Z0-9_]*)=(.*)$")).archives["debian"].upstream


def test_env_example_shows_the_defaults() -> None:
    shown = _assignments(r"^#?(MIRROR_[A-Z0-9_]*)=(.*)$")
    assert len(shown) == len(variables())
    # A trigger and a pull are nothing without their key, which has no default.
    values = {name: value for name, value in shown.items() if value and not re.search("TRIGGERS|PULLS", name)}
    assert load(values) == load(_assignments(r"^([A-Z][A-Z0-9_]*)=(.*)$"))


def _assignments(pattern: str) -> dict[str, str]:
    return dict(re.findall(pattern, (TOP / ".env.example").read_text(), re.MULTILINE))


def test_every_variable_is_explained() -> None:
    assert all(variable.description and "\n" not in variable.description for variable in variables())


def test_the_readme_has_the_exit_statuses_of_mirrorctl() -> None:
    readme = (TOP / "README.md").read_text()
    assert f"<!-- exits -->\n{exits.table()}<!-- /exits -->" in readme
    assert all(f"{status}:" in exits.spelled() for status in exits.EXITS)
