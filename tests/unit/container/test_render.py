"""What the programs read, by eye: the files in golden/ are what an operator with `samples.LARGE` gets.

After a change that is meant: GOLDEN=write python -m pytest tests/unit/container/test_render.py, then read the diff."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from appliance.container import render
from appliance.container.render import File, authorized_keys, install
from appliance.errors import ApplianceError, ConfigurationError
from appliance.places import Places
from appliance.settings import load
from tests.unit.samples import HUB_KEY, KEYS, LARGE, LEAF_KEY, OTHER_KEY, SMALLEST, smallest

GOLDEN = Path(__file__).with_name("golden")
RENDERED = (
    "sshd_config",
    "authorized_keys",
    "known_hosts",
    "rsyncd.conf",
    "rsyncd-pull-leaf3-9d396c0e.conf",
    "rsyncd.secrets",
    "nginx.conf",
    "supervisord.conf",
)


def rendered(environ: dict[str, str], *, ipv6: bool = True) -> dict[str, File]:
    return {file.path.name: file for file in render.render(load(environ), Places(), KEYS, ipv6=ipv6)}


@pytest.mark.parametrize("name", RENDERED)
def test_golden(name: str) -> None:
    golden, text = GOLDEN / name, rendered(LARGE)[name].text
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", ["nginx.conf", "rsyncd-tls.conf", "supervisord.conf"])
def test_golden_with_a_certificate(name: str) -> None:
    settings = load(LARGE).model_copy(update={"tls_cert": "certificate", "tls_key": SecretStr("key")})
    files = {file.path.name: file for file in render.render(settings, Places(), KEYS)}
    golden = GOLDEN / "tls" / name
    if os.environ.get("GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(files[name].text)
    assert files[name].text == golden.read_text()
    assert {files["tls.crt"].text, files["tls.key"].text} == {"certificate\n", "key\n"}


def test_rendering_is_pure(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rendered(LARGE)
    monkeypatch.setenv("MIRROR_NAME", "other")
    monkeypatch.chdir("/")
    assert rendered(LARGE) == before


def test_nothing_private_is_readable_by_others() -> None:
    open_to_all = {name for name, file in rendered(LARGE).items() if file.mode & 0o077}
    assert open_to_all == {"ssh_host_ed25519_key.pub", "push_ed25519.pub"}


def test_open_access_has_no_secrets_file() -> None:
    module = rendered(SMALLEST)["rsyncd.conf"].text.partition("[debian]")[2]
    assert "auth users" not in module
    assert "secrets file" not in module
    assert "hosts allow" not in module


def test_without_ipv6_nobody_listens_there() -> None:
    files = rendered(SMALLEST, ipv6=False)
    assert "[::]" not in files["nginx.conf"].text
    assert "AddressFamily inet\n" in files["sshd_config"].text


@pytest.mark.parametrize(("source", "look_up"), [("192.0.2.7,2001:db8::/32", "no"), ("hub.example.org", "yes")])
def test_names_are_looked_up_only_where_one_is_given(source: str, look_up: str) -> None:
    text = rendered({**SMALLEST, "MIRROR_TRIGGERS__HUB__KEY": HUB_KEY, "MIRROR_TRIGGERS__HUB__FROM": source})
    assert f"UseDNS {look_up}\n" in text["sshd_config"].text


def test_a_key_names_its_archives_the_default_first() -> None:
    settings = smallest(
        archives__alma__profile="rpm",
        archives__zebra__profile="generic",
        triggers__hub__key=HUB_KEY,
        triggers__one__key=OTHER_KEY,
        triggers__one__archives="zebra alma",
    )
    hub, one = authorized_keys(settings, Places()).splitlines()
    stamp = "[0-9a-f]{8}"
    assert re.fullmatch(f'restrict,command="exec /usr/bin/mirror-trigger hub debian,alma,zebra {stamp}",from=.*', hub)
    assert hub.endswith(f',from="*" {HUB_KEY}')
    assert re.match(f'restrict,command="exec /usr/bin/mirror-trigger one alma,zebra {stamp}",', one)


@pytest.mark.parametrize("changed", [{"from": "192.0.2.1"}, {"key": OTHER_KEY}, {"archives": "debian"}, {}])
def test_every_change_of_a_key_line_changes_its_command(changed: dict[str, str]) -> None:
    """A connection that is kept goes on with the command it began with."""
    archives = {"archives__zebra__profile": "generic", "archives__debian__profile": "debian"}
    before = {"key": HUB_KEY, "archives": "debian zebra", "from": "192.0.2.0/24"}

    def command(line: dict[str, str]) -> str:
        words = {f"triggers__hub__{name}": value for name, value in line.items()}
        return authorized_keys(smallest(**archives, **words), Places()).split('"')[1]

    assert (command({**before, **changed}) == command(before)) is not bool(changed)


def test_a_key_that_may_fetch_gets_a_daemon_of_its_own() -> None:
    leaf3 = rendered(LARGE)["authorized_keys"].text.splitlines()[-1]
    daemon = "/usr/bin/rsync --server --daemon --config=/run/mirror/rsyncd-pull-leaf3-9d396c0e.conf ."
    assert leaf3 == f'restrict,command="{daemon}",from="198.51.100.0/24" {LEAF_KEY}'


def test_the_key_is_the_password_of_who_fetches_by_ssh() -> None:
    text = rendered(LARGE)["rsyncd-pull-leaf3-9d396c0e.conf"].text
    assert "[debian]" in text
    assert "[debian-security]" not in text
    assert "auth users" not in text
    assert "hosts allow = 192.0.2.0/24" in text


def test_every_way_in_counts_with_the_same_lock() -> None:
    settings = load(LARGE).model_copy(update={"tls_cert": "certificate", "tls_key": SecretStr("key")})
    files = {file.path.name: file.text for file in render.render(settings, Places(), KEYS)}
    names = ("rsyncd.conf", "rsyncd-tls.conf", "rsyncd-pull-leaf3-9d396c0e.conf")
    assert {re.findall("lock file = .*", files[name])[0] for name in names} == {
        "lock file = /run/mirror/rsyncd.debian.lock"
    }


def test_install_writes_what_differs_and_says_so(tmp_path: Path) -> None:
    one, two = File(tmp_path / "one", "1\n"), File(tmp_path / "two", "2\n", 0o644)
    assert install((one, two)) == (one.path, two.path)
    assert install((one, two)) == ()
    assert install((File(one.path, "new\n"), two)) == (one.path,)
    assert one.path.read_text() == "new\n"
    assert (one.path.stat().st_mode & 0o777, two.path.stat().st_mode & 0o777) == (0o600, 0o644)


def test_install_mends_a_mode(tmp_path: Path) -> None:
    file = File(tmp_path / "key", "private\n")
    install((file,))
    file.path.chmod(0o644)
    assert install((file,)) == (file.path,)
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_install_replaces_and_never_writes_into_a_file_in_use(tmp_path: Path) -> None:
    file = File(tmp_path / "conf", "old\n")
    install((file,))
    with file.path.open() as reader:
        install((File(file.path, "new\n"),))
        assert reader.read() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["conf"]


def test_install_gets_over_what_a_crash_left(tmp_path: Path) -> None:
    (tmp_path / ".conf.new").write_text("half a fi")
    install((File(tmp_path / "conf", "whole\n"),))
    assert [path.name for path in tmp_path.iterdir()] == ["conf"]


def test_apply_again_changes_nothing(places: Places) -> None:
    settings = load(LARGE)
    assert len(render.apply(settings, places)) == len(RENDERED) + 4
    assert render.apply(settings, places) == ()


def test_apply_with_a_bad_key_changes_nothing(places: Places) -> None:
    render.apply(load(SMALLEST), places)
    before = {path: path.read_bytes() for path in places.run.rglob("*") if path.is_file()}
    with pytest.raises(ConfigurationError):
        render.apply(smallest(push_key="no key", downstreams="a=ssh://b"), places)
    assert {path: path.read_bytes() for path in places.run.rglob("*") if path.is_file()} == before


def test_who_must_be_told(places: Places) -> None:
    assert render.programs((places.authorized_keys, places.rsyncd_conf, places.known_hosts), places) == ()
    assert render.programs((places.sshd_config, places.host_key, places.nginx_conf), places) == ("nginx", "sshd")
    assert render.programs((places.tls_cert,), places) == render.programs((places.tls_key,), places) == ("nginx",)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_supervisord_that_hangs_or_is_away_holds_up_no_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    monkeypatch.setattr(render, "PATIENCE", 0.2)
    places = Places(tmp_path, tmp_path, tmp_path)
    with socket.socket(socket.AF_UNIX) as hanging:
        if is_there:
            hanging.bind(str(places.supervisor))
            hanging.listen()
        with pytest.raises(ApplianceError, match="supervisord does not reload sshd: "):
            render.reload_programs((places.sshd_config,), places)
    assert socket.getdefaulttimeout() is None
