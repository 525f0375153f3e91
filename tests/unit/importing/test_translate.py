"""Old configurations, the same in our settings: by eye in golden/, and by our settings themselves.

After a change that is meant: GOLDEN=write python -m pytest tests/unit/importing, then read the diff."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from appliance.errors import ApplianceError, ConfigurationError
from appliance.importing import sheet
from appliance.importing.translate import head, translate
from appliance.settings import Settings, load
from appliance.settings.upstream import Upstream
from tests.unit.examples import examples
from tests.unit.samples import HUB_KEY

HERE = Path(__file__).parent
OLD = HERE / "old"
PASSWORDS = ('it is "secret"', "a_password", "other_password")

KNOWN = """
MIRRORNAME TO MAILTO HUB RSYNC_HOST RSYNC_PATH RSYNC_USER RSYNC_PASSWORD RSYNC_SOURCE RSYNC_TRANSPORT RSYNC_SSL
RSYNC_SSL_PORT RSYNC_SSL_CAPATH RSYNC_SSL_METHOD RSYNC_PROXY INFO_MAINTAINER INFO_SPONSOR INFO_COUNTRY INFO_LOCATION
INFO_THROUGHPUT INFO_TRIGGER ARCH_INCLUDE ARCH_EXCLUDE EXCLUDE LOGDIR LOG ERRORSONLY FULLLOGS LOGROTATE LOG_RSYNC
LOG_RSYNC_ERROR LOCKTIMEOUT UIPSLEEP UIPRETRIES TRACEHOST RSYNC RSYNC_EXTRA RSYNC_BW RSYNC_OPTIONS RSYNC_OPTIONS1
RSYNC_OPTIONS2 CALLBACKUSER CALLBACKHOST CALLBACKKEY HOOK1 HOOK2 HOOK3 HOOK4 HOOK5 PROGRAM BASEDIR
"""
"""All that ftpsync knows (PROTOCOL section 5)."""
VARIABLES = KNOWN.split()


def environ(text: str) -> dict[str, str]:
    """The variables as `docker run --env-file` takes them."""
    return dict(line.split("=", 1) for line in text.split("\n") if line and not line.startswith("#"))


def taken_over(directory: Path, files: Path, **more: str) -> Settings:
    """The settings of a container that gets the environment file, and the directory with the files at /etc/mirror."""
    lines = translate(directory)
    sheet.write(lines, files)
    if not (files / "push_key").exists():
        (files / "push_key").write_text("the operator's copy\n")
    given = environ(sheet.render(lines, files)) | more
    return load({name: value.replace("/etc/mirror", str(files)) for name, value in given.items()})


def old(directory: Path, **files: str) -> Path:
    """A directory with these files; two underscores stand for a dot, one for a dash."""
    for name, text in files.items():
        (directory / name.replace("__", ".").replace("_", "-")).write_text(text)
    return directory


@pytest.mark.parametrize("name", ["debian", "smeserver"])
def test_golden(name: str) -> None:
    lines = translate(OLD / name)
    text = sheet.render(head(Path("/old"), lines), None)
    golden = HERE / "golden" / f"{name}.env"
    if os.environ.get("GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()
    assert not any(password in text for password in PASSWORDS)


def test_debian_is_accepted_and_means_the_same(tmp_path: Path) -> None:
    settings = taken_over(OLD / "debian", tmp_path)
    debian, security = settings.archives["debian"], settings.archives["security"]
    assert (settings.name, settings.default_archive, settings.push_timeout) == ("mirror.example.org", "debian", 900)
    assert debian.upstream == Upstream(
        "syncproxy.eu.debian.org", "debian", user="mirror.example.org", port=1873, scheme="rsync+tls"
    )
    assert debian.password
    assert debian.password.get_secret_value() == PASSWORDS[0]
    assert (debian.arch_exclude, debian.bwlimit, debian.auth_users) == (("alpha", "arm64", "hurd-i386"), 5000, ("*",))
    assert security.upstream == Upstream("syncproxy.eu.debian.org", "debian-security", port=22, scheme="rsync+ssh")
    assert (security.hosts_allow, security.max_connections) == (("198.51.100.0/24",), 10)
    assert [one.name for one in settings.downstreams_of("debian")] == ["site1", "site2"]
    assert settings.triggers["security-push"].archives == ("security",)
    assert settings.triggers["archvsync-syowa"].background
    assert settings.pulls["leaf"].archives == ()


def test_smeserver_is_accepted_and_means_the_same(tmp_path: Path) -> None:
    settings = taken_over(OLD / "smeserver", tmp_path, MIRROR_NAME="mirror.example.org")
    archive = settings.archives["smeserver"]
    assert archive.upstream == Upstream("mirror.canada.pialasse.com", "smeserver")
    assert (archive.profile, archive.exclude, archive.hosts_allow) == ("rpm", ("--exclude=obsolete/",), ("192.0.2.7",))
    assert (settings.rsync_max_connections, settings.rsync_timeout) == (5, 300)
    assert settings.triggers["contribs-push-hub"].from_ == ("192.0.2.1",)
    leaf1, tier2 = settings.downstreams_of("smeserver")
    assert (leaf1.options, leaf1.push, tier2.push) == (("-p", "2222"), "staged", "mhop")


def test_secrets_are_files_for_their_owner_alone(tmp_path: Path) -> None:
    sheet.write(translate(OLD / "debian"), tmp_path / "secrets")
    written = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    assert set(written) == {"password-debian", "rsync_secrets", "runmirrors.mirror", "push_key"}
    assert {path.stat().st_mode & 0o777 for path in written.values()} == {0o600}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert written["rsync_secrets"].read_text() == "site1.example.com:a_password\nsite2.example.com:other_password\n"
    sheet.write(translate(OLD / "debian"), tmp_path / "secrets")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_what_root_writes_belongs_to_the_directorys_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 10001, 10002)
    sheet.write(translate(OLD / "debian"), tmp_path)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in tmp_path.iterdir()} == {(10001, 10002)}


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "push_key").write_text("precious\n")
    with pytest.raises(ApplianceError, match="push_key is there already"):
        sheet.write(translate(OLD / "debian"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["push_key"]


@pytest.mark.parametrize("names", [VARIABLES, *([name] for name in VARIABLES)], ids="-".join)
def test_every_variable_of_ftpsync_is_treated_knowingly(tmp_path: Path, names: list[str]) -> None:
    directory = old(tmp_path, ftpsync__conf="".join(f"{name}=x\n" for name in names))
    assert "is unknown, and left out" not in sheet.render(translate(directory), None)


def test_an_unknown_variable_is_told(tmp_path: Path) -> None:
    text = sheet.render(translate(old(tmp_path, ftpsync__conf="RSYNC_HOST=h\nRSYNC_HOTS=h\n")), None)
    assert "# ftpsync.conf, line 2: RSYNC_HOTS is unknown, and left out\n" in text


def test_nothing_to_import(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="no ftpsync"):
        translate(tmp_path)


def test_nothing_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"RSYNC_HOST=$(touch {mark})\ntouch {mark}\nHOOK1=`touch {mark}`\n"
    directory = old(tmp_path, ftpsync__conf=text, runmirrors__conf=text, runmirrors__mirror=text, rsyncd__conf=text)
    sheet.render(translate(directory), None)
    assert not mark.exists()


def test_an_upstream_that_is_not_known_is_told(tmp_path: Path) -> None:
    text = sheet.render(translate(old(tmp_path, ftpsync__conf='RSYNC_HOST="$UPSTREAM"\n')), None)
    assert "MIRROR_ARCHIVES__DEBIAN__UPSTREAM is missing" in text
    assert "RSYNC_HOST holds $UPSTREAM" in text


@pytest.mark.parametrize(
    ("lines", "result"),
    [
        ("RSYNC_TRANSPORT=ssl\nRSYNC_SSL_PORT=1874", "rsync+tls://h:1874/debian"),
        ("RSYNC_SSL=true", "rsync+tls://h/debian"),
        ("RSYNC_TRANSPORT=ssh\nRSYNC_USER=me", "rsync+ssh://me@h/debian"),
        ("RSYNC_PATH=/pub/debian/", "rsync://h/pub/debian"),
    ],
)
def test_transports(tmp_path: Path, lines: str, result: str) -> None:
    given = environ(sheet.render(translate(old(tmp_path, ftpsync__conf=f"RSYNC_HOST=h\n{lines}\n")), None))
    assert given["MIRROR_ARCHIVES__DEBIAN__UPSTREAM"] == result


def test_rsync_options_that_are_settings(tmp_path: Path) -> None:
    conf = """
        RSYNC_HOST=h
        RSYNC_EXTRA="-4 --address=192.0.2.9 --fuzzy --include=/keep"
        EXCLUDE="--exclude=/x --filter=y"
    """
    text = sheet.render(translate(old(tmp_path, ftpsync__conf=conf)), None)
    given = environ(text)
    assert given["MIRROR_ARCHIVES__DEBIAN__ADDRESS_FAMILY"] == "ipv4"
    assert given["MIRROR_ARCHIVES__DEBIAN__BIND_ADDRESS"] == "192.0.2.9"
    assert given["MIRROR_ARCHIVES__DEBIAN__EXCLUDE"] == "--include=/keep --exclude=/x"
    assert "RSYNC_EXTRA: --fuzzy has no counterpart" in text
    assert "EXCLUDE: --filter=y is neither" in text


@pytest.mark.parametrize(
    "module",
    [
        "hosts allow = @trusted",
        "hosts allow = !192.0.2.7",
        "hosts deny = *",
        "hosts deny = 192.0.2.7",
        "auth users = @staff\nsecrets file = /x",
        "auth users = thief:deny, *\nsecrets file = /x",
    ],
)
def test_what_was_closed_and_cannot_be_said_is_closed_to_all(tmp_path: Path, module: str) -> None:
    conf = f"[debian]\npath = /srv/mirrors/debian\n{module}\n"
    text = sheet.render(translate(old(tmp_path, ftpsync__conf="RSYNC_HOST=h\n", rsyncd__conf=conf)), None)
    assert environ(text)["MIRROR_ARCHIVES__DEBIAN__HOSTS_ALLOW"] == "127.0.0.1"
    assert "nobody may fetch" in text


def test_users_without_a_password_keep_the_container_from_starting(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    conf = "[debian]\npath = /srv/mirrors/debian\nauth users = leaf\nsecrets file = /secrets\n"
    files = {"ftpsync__conf": "MIRRORNAME=m\nRSYNC_HOST=h\n", "rsyncd__conf": conf, "secrets": "other:x\n"}
    directory = old(tmp_path, **files)
    assert "AUTH_USERS will be refused" in sheet.render(translate(directory), None)
    with pytest.raises(ConfigurationError, match="no user 'leaf'"):
        taken_over(directory, tmp_path / "files")


def test_a_key_whose_bounds_cannot_be_kept_is_left_out(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    key = re.search("ssh-ed25519.*", (OLD / "smeserver/.ssh/authorized_keys").read_text())
    assert key
    for bound in ('from="not/an/address",command="ftpsync"', 'command="ftpsync sync:archive:other"'):
        (tmp_path / ".ssh/authorized_keys").write_text(f"{bound} {key[0]}\n")
        text = sheet.render(translate(old(tmp_path, ftpsync__conf="RSYNC_HOST=h\n")), None)
        assert "the key contribs-push@hub is left out" in text
        assert not any("TRIGGERS" in name for name in environ(text))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "ftpsync.conf").write_bytes(b"x" * 300_000)
    assert "is too large" in sheet.render(translate(tmp_path), None)


@profile(deadline=None, max_examples=examples(40), suppress_health_check=[*HealthCheck])
@given(
    st.dictionaries(
        st.sampled_from(VARIABLES),
        st.one_of(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
            st.sampled_from(["true", "none", "ssl", "ssh", "10", "a.example.org", "--exclude=x --bogus", "/srv/x/"]),
        ),
    )
)
def test_whatever_the_values_are_the_result_is_accepted(tmp_path: Path, values: dict[str, str]) -> None:
    conf = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    (tmp_path / "ftpsync.conf").write_text(conf)
    lines = translate(tmp_path)
    given = environ(sheet.render(lines, None))
    texts = {sheet.mounted(line.name): line.text.rstrip("\n") for line in lines if isinstance(line, sheet.Enclosed)}
    files = {name.removesuffix("_FILE"): texts[value] for name, value in given.items() if value in texts}
    plain = {name: value for name, value in given.items() if value not in texts}
    assert load({"MIRROR_NAME": "m", "MIRROR_ARCHIVES__OTHER__UPSTREAM": "none", **plain, **files})


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ('command="/usr/bin/rrsync -ro /srv" ', "runs a command of its own"),
        ('command="rsync --server --sender -logDtpre.iLsfxCIvu . /srv/mirrors" ', "runs a command of its own"),
        ("no-pty ", "may do anything, and triggers nothing"),
    ],
)
def test_a_key_that_triggers_nothing_is_no_trigger(tmp_path: Path, command: str, said: str) -> None:
    directory = old(tmp_path, ftpsync__conf="RSYNC_HOST=h\n")
    (directory / ".ssh").mkdir()
    (directory / ".ssh/authorized_keys").write_text(f"{command}{HUB_KEY}\n")
    text = sheet.render(translate(directory), None)
    assert not [name for name in environ(text) if name.startswith(("MIRROR_TRIGGERS", "MIRROR_PULLS"))]
    assert f"the key hub.example.org is left out: it {said}" in text


def test_archives_that_would_have_one_name_get_several(tmp_path: Path) -> None:
    for name in ("a-b", "a_b", "a.b", "a+b"):
        (tmp_path / f"ftpsync-{name}.conf").write_text("RSYNC_HOST=h\n")
    given = environ(sheet.render(translate(tmp_path), None))
    names = sorted(name.split("__")[1] for name in given if name.endswith("__UPSTREAM"))
    assert names == ["A_B", "A_B_ARCHIVE", "A_B_ARCHIVE_2", "A_B_ARCHIVE_3"]
