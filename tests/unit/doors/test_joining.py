"""The whole way of an invitation through a controller's doors, and what strangers get there."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from appliance.container import render
from appliance.doors import cli, program
from appliance.doors.joining import OFTEN, Strangers
from appliance.joining import invitation, paper
from appliance.settings import load
from tests.unit.house import House
from tests.unit.joining.joiner import Joiner
from tests.unit.service import Service
from tests.unit.upstream import eventually

NAME = "new.example.org"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    # A socket's path must be short, which pytest's directories are not.
    root = Path(tempfile.mkdtemp(prefix="house"))
    house = House(root)
    house.extra |= {"MIRROR_ARCHIVES__DEBIAN__AUTH_USERS": "*"}
    house.record_ssh(monkeypatch)
    house.store.close()
    render.apply(load(house.environ), house.places)
    service = Service(house)
    monkeypatch.setattr(program, "PLACES", house.places)
    for name, value in house.environ.items():
        monkeypatch.setenv(name, value)
    yield service
    service.process.kill()
    service.process.wait()
    shutil.rmtree(root)


APART: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
"""What click before 8.2 has to be told to keep standard error by itself."""


def mirrorctl(*words: str, feed: str = "") -> Result:
    return CliRunner(**APART).invoke(cli.app, list(words), input=feed)


def post(service: Service, body: str | bytes, address: str = "192.0.2.1") -> httpx.Response:
    """A statement as nginx hands it on."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(service.house.places.api))) as client:
        return client.post("http://appliance/join", content=body, headers={"X-Real-IP": address})


def invited(*more: str) -> tuple[Joiner, str]:
    """Whoever has the token that an invitation prints, and the token."""
    result = mirrorctl("invite", NAME, *more)
    assert result.exit_code == 0, result.stderr
    assert "to nobody else" in result.stderr
    (token,) = result.stdout.splitlines()
    return Joiner(invitation.read(token)), token


def test_the_way_of_a_new_mirror(service: Service) -> None:
    """Invited, joined, pushed, its password changed, revoked; and no secret is in any log or answer on the way."""
    places = service.house.places
    assert mirrorctl("publish", "debian", "--wait").exit_code == 0
    joiner, token = invited("--push", "all")
    assert "invited" in mirrorctl("status").stdout
    answer = post(service, joiner.says())
    assert (answer.status_code, joiner.reads(answer.text).result) == (200, "welcome")
    assert places.rsyncd_secrets.read_text() == f"{NAME}:{joiner.password}\n"
    assert f"auth users = {NAME}\n" in places.rsyncd_conf.read_text()
    assert f"[{NAME}]:2222 ssh-ed25519 " in places.known_hosts.read_text()
    eventually(lambda: f"{NAME} sync:archive:debian sync:all" in service.house.told)
    eventually(lambda: "delivered" in mirrorctl("status").stdout)
    picture = service.get("/api/v1/status").json()
    assert picture["downstreams"][NAME]["debian"]["state"] == "delivered"
    assert picture["members"][NAME]["joined_at"]
    assert "joined" in mirrorctl("status").stdout
    assert "1 joined" in service.get("/").text
    assert 'mirror_members{state="joined"} 1.0' in service.get("/metrics").text
    assert mirrorctl("rotate", NAME).exit_code == 0
    answer = post(service, joiner.says("news", joiner.secret))
    assert joiner.reads(answer.text, joiner.secret).result == "renew"
    answer = post(service, joiner.says("renew", joiner.secret, nonce="a" * 32))
    assert joiner.reads(answer.text, joiner.secret).user == f"{NAME}_2"
    assert [line.partition(":")[0] for line in places.rsyncd_secrets.read_text().split()] == [f"{NAME}_2", NAME]
    assert json.loads(mirrorctl("members", "--json").stdout)[NAME]["overlap_until"]
    assert "revoked" in mirrorctl("revoke", NAME).stdout
    assert places.rsyncd_secrets.read_text().split() == []
    said = service.log.read_text() + json.dumps(picture) + service.get("/metrics").text + service.get("/").text
    said += mirrorctl("members", "--json").stdout + mirrorctl("status", "--json").stdout
    for secret in (token, joiner.token.secret, joiner.secret, joiner.password):
        assert secret not in said


def test_a_line_can_be_pasted_and_is_kept_over_a_restart(service: Service) -> None:
    joiner, _ = invited("--archive", "debian")
    result = mirrorctl("admit", "-", feed=joiner.says() + "\n")
    assert result.stdout == f"{NAME} is in: debian, pushed at {NAME}:2222\n"
    said = mirrorctl("rotate", "--push-key").stdout
    key = service.house.places.next_push_public_key.read_text().strip()
    assert f"not told yet: {NAME}" in said
    assert said.endswith(f"told of this key by you alone, for a MIRROR_TRIGGERS__…__KEY there:\n{key}\n")
    said = mirrorctl("admit", joiner.says("news", joiner.secret)).stdout
    assert said.splitlines()[-1] == key, "its operator is reminded whenever he speaks of it"
    service.kill()
    render.apply(load(service.house.environ), service.house.places)
    again = Service(service.house)
    assert list(again.get("/api/v1/status").json()["downstreams"]) == [NAME]
    assert mirrorctl("reload").exit_code == 0
    assert joiner.password in service.house.places.rsyncd_secrets.read_text()
    again.process.kill()
    again.process.wait()


def test_who_has_lost_its_state_volume_is_let_in_again(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    """The token that it has is used: what to do stands where its upstream's operator looks."""
    joiner, _ = invited()
    assert post(service, joiner.says()).status_code == 200
    empty = Joiner(joiner.token)
    assert empty.reads(post(service, empty.says()).text).result == "used"
    cure = f"mirrorctl revoke {NAME}, then mirrorctl invite {NAME}"
    assert cure in service.log.read_text()
    assert cure in mirrorctl("admit", empty.says(), "--json").stdout
    with pytest.raises(SystemExit):
        cli.main(["invite", NAME])
    assert f"first: mirrorctl revoke {NAME}" in capsys.readouterr().err
    assert mirrorctl("revoke", NAME).exit_code == 0
    again = mirrorctl("invite", NAME)
    assert "stays no good" in again.stderr
    new = Joiner(invitation.read(again.stdout.strip()))
    assert new.reads(post(service, new.says()).text).result == "welcome"
    assert post(service, joiner.says("news", joiner.secret)).status_code == 403


REFUSED = {
    "admit hello": "the line is not a line that begins with push-mirror-join-1.",
    "admit push-mirror-join-1.AAAA": "the line is damaged",
    f"invite {NAME} --archive other": "there are: debian",
    f"invite {NAME} --expires never": "--expires: 'never' is not a duration",
    f"invite {NAME} --expires off": "a year at most",
    f"revoke {NAME}": "nobody called",
    f"rotate {NAME}": "these were: nobody",
}


def test_what_is_refused_is_refused_in_words(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    for words, says in REFUSED.items():
        with pytest.raises(SystemExit) as caught:
            cli.main(words.split())
        said = capsys.readouterr()
        assert (caught.value.code, said.out) == (1, "")
        assert says in said.err
        assert len(said.err.splitlines()) == 2, "a fact and a cure"


def test_strangers_learn_nothing_and_fill_no_log(service: Service) -> None:
    joiner, _ = invited()
    others = joiner.says(secret="f" * 32)
    known = joiner.says()
    bodies: list[str | bytes] = [
        "",
        "hello",
        b"\xff\x00" * 100,
        known[:-5],
        others,
        known + "." * paper.LONGEST,
        "x" * (1 << 20),
        joiner.says(secret="e" * 32, name="nobody.example.org"),
    ]
    answers = [post(service, body) for body in bodies]
    assert {(one.status_code, one.text) for one in answers} == {(403, "not believed\n")}
    assert service.get("/join").status_code == 405
    assert service.log.read_text().count("was not believed") == 1
    assert joiner.reads(post(service, known).text).result == "welcome"


def test_of_many_strangers_the_log_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    from appliance import log

    log.start("human", "info")
    now = 100.0
    strangers = Strangers(lambda: now)
    for _ in range(1000):
        strangers.note("192.0.2.1")
    now += OFTEN
    strangers.note("192.0.2.2")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "others=999" in lines[1]
