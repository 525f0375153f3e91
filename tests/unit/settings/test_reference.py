"""The documents about the variables say what the settings say."""

from __future__ import annotations

import re
from pathlib import Path

from appliance.doors import exits
from appliance.settings import load, variables
from appliance.settings.reference import example, table
from tests.readme import pasted
from tests.unit.samples import HUB_KEY

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


def test_env_example_has_what_compose_asks_for_with_its_default() -> None:
    compose = re.findall(r"\$\{(\w+):-([^}]*)\}", (TOP / "compose.yaml").read_text())
    assert dict(compose).items() <= _assignments(r"^#([A-Z_]+)=(.*)$").items()


def test_every_variable_is_explained() -> None:
    assert all(variable.description and "\n" not in variable.description for variable in variables())


def test_whoever_may_choose_is_told_among_what() -> None:
    told = {one.name: one.meaning for one in variables()}
    assert told["MIRROR_LOG_FORMAT"].startswith("`human` or `json`: ")
    assert told["MIRROR_ARCHIVES__<NAME>__PROFILE"].startswith("`debian`, `rpm` or `generic`: ")
    assert "\n# human or json: form" in example(), "as it is to be written"


def test_what_the_table_refers_to_is_in_the_readme() -> None:
    readme = (TOP / "README.md").read_text()
    for title in re.findall(r"see ([A-Z][a-z]+(?: [a-z]+)*)", " | ".join(one.meaning for one in variables())):
        assert f"**{title}.**" in readme or f"### {title}\n" in readme, title


def test_the_readme_has_the_exit_statuses_of_mirrorctl() -> None:
    readme = (TOP / "README.md").read_text()
    assert f"<!-- exits -->\n{exits.table()}<!-- /exits -->" in readme
    assert all(f"{status}:" in exits.spelled() for status in exits.EXITS)


def test_what_two_operators_tell_each_other_without_a_token_is_all_there_is_to_set(tmp_path: Path) -> None:
    for name, text in (("password", "its-own\n"), ("rsync_secrets", "leaf:its-own\n"), ("known_hosts", "")):
        (tmp_path / name).write_text(text)
    leaf, hub = (load({"MIRROR_NAME": "hub.example.org", **_told(f"told-{end}", tmp_path)}) for end in ("leaf", "hub"))
    upstream, password = leaf.archives["debian"].upstream, leaf.archives["debian"].password
    assert upstream
    assert password
    assert (leaf.name, password.get_secret_value(), [*leaf.triggers]) == ("leaf.example.org", "its-own", ["hub"])
    assert upstream.url == f"rsync://{hub.archives['debian'].auth_users[0]}@{hub.name}/debian"
    assert [one.name for one in hub.downstreams_of("debian")] == ["leaf"]


def _told(name: str, secrets: Path) -> dict[str, str]:
    """An example as it is meant: with files that are there, and a key."""
    text = pasted(name).replace("/etc/mirror/", f"{secrets}/").replace("ssh-ed25519 AAAA… hub.example.org", HUB_KEY)
    return dict(line.split("=", 1) for line in text.splitlines())
