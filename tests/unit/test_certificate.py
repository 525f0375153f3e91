"""TLS certificates and ssh keys for fetching, as an operator gets them wrong."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path

import pytest

from appliance import certificate as shown_by_us
from appliance import commands
from appliance.errors import ConfigurationError
from appliance.settings import explain, load
from tests.unit.certificates import Pair, certificate
from tests.unit.programs import program
from tests.unit.samples import HUB_KEY, LEAF_KEY, SMALLEST


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return certificate(tmp_path / "one", "DNS:mirror.example.org")


def problems(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load({**SMALLEST, **environ})
    assert all(problem.fact and problem.cure for problem in caught.value.problems)
    return str(caught.value)


def test_a_pair_that_fits(pair: Pair) -> None:
    environ = {"MIRROR_TLS_CERT_FILE": str(pair.cert), "MIRROR_TLS_KEY_FILE": str(pair.key)}
    assert load({**SMALLEST, **environ}).tls_cert.startswith("-----BEGIN CERTIFICATE")
    shown = {one.variable: one.value for one in explain({**SMALLEST, **environ})}
    assert "PRIVATE" not in shown["MIRROR_TLS_KEY"]


def test_when_it_ends(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    end = asyncio.run(shown_by_us.end_of(pair.cert.read_text()))
    monkeypatch.setattr(commands, "ENVIRONMENT", {"PATH": "/nonexistent"})
    assert asyncio.run(shown_by_us.end_of(pair.cert.read_text())) == end, "it is not asked about again and again"
    assert end == pytest.approx(time.time() + 2 * 86400, abs=60)  # made for two days
    assert asyncio.run(shown_by_us.end_of("")) is None
    assert asyncio.run(shown_by_us.end_of("no certificate")) is None


@pytest.mark.parametrize("given", ["CERT", "KEY"])
def test_one_without_the_other(pair: Pair, given: str) -> None:
    path = pair.cert if given == "CERT" else pair.key
    assert f"MIRROR_TLS_{given}: is set, but not" in problems(**{f"MIRROR_TLS_{given}_FILE": str(path)})


def test_not_a_certificate(pair: Pair) -> None:
    for text in ("no such thing", "Zertifikat für alle", pair.key.read_text()):
        said = problems(MIRROR_TLS_CERT=text, MIRROR_TLS_KEY_FILE=str(pair.key))
        assert "MIRROR_TLS_CERT: is not a certificate" in said


def test_a_key_that_does_not_belong_to_it(pair: Pair, tmp_path: Path) -> None:
    other = certificate(tmp_path / "other", "DNS:mirror.example.org")
    said = problems(MIRROR_TLS_CERT_FILE=str(pair.cert), MIRROR_TLS_KEY_FILE=str(other.key))
    assert "MIRROR_TLS_KEY: is not the key of the certificate" in said


def test_not_a_key(pair: Pair) -> None:
    said = problems(MIRROR_TLS_CERT_FILE=str(pair.cert), MIRROR_TLS_KEY="secret words")
    assert "MIRROR_TLS_KEY: cannot be used" in said
    assert "secret words" not in said


def test_a_locked_key_asks_nobody(pair: Pair, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    argv = [program("openssl"), "pkey", "-in", str(pair.key), "-aes256", "-passout", "pass:x", "-out", str(locked)]
    subprocess.run(argv, check=True, capture_output=True)
    said = problems(MIRROR_TLS_CERT_FILE=str(pair.cert), MIRROR_TLS_KEY_FILE=str(locked))
    assert "MIRROR_TLS_KEY: is locked with a passphrase" in said
    assert "openssl pkey" in said


def test_a_key_triggers_or_fetches() -> None:
    said = problems(MIRROR_TRIGGERS__HUB__KEY=HUB_KEY, MIRROR_PULLS__LEAF__KEY=f"{HUB_KEY} again")
    assert "MIRROR_PULLS__LEAF__KEY: is the key of trigger 'hub' too" in said
    assert "a key can trigger or fetch, not both" in said


def test_two_pulls_with_one_key() -> None:
    said = problems(MIRROR_PULLS__A__KEY=LEAF_KEY, MIRROR_PULLS__B__KEY=LEAF_KEY)
    assert "MIRROR_PULLS__B__KEY: is the key of pull 'a' too" in said


def test_a_pull_of_an_archive_that_is_not_there() -> None:
    said = problems(MIRROR_PULLS__A__KEY=LEAF_KEY, MIRROR_PULLS__A__ARCHIVES="debian other")
    assert "MIRROR_PULLS__A__ARCHIVES: there is no archive 'other'" in said


def test_a_proxy_has_no_part_in_ssh() -> None:
    environ = {
        "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "rsync+ssh://mirror@hub/debian",
        "MIRROR_ARCHIVES__DEBIAN__PROXY": "proxy:3128",
    }
    assert "MIRROR_ARCHIVES__DEBIAN__PROXY" in problems(**environ)
