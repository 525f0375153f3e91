"""Mistakes that people make, and what they are told: one line of fact that names the setting, and one of cure.

Those that a container does not start with are all in one container, which is started twice: as a mirror, which refuses,
and for the doctor alone. The others are all in one hub that runs. Of tokens a container has one: the bad ones are in
several.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import docker
import httpx
import pytest

from appliance.joining import invitation, secrets
from appliance.joining.invitation import Invitation
from tests.ground import sweep
from tests.ground.images import PRODUCT
from tests.harness import Node
from tests.stock import FILES, Ours, World, variables
from tests.stock.keys import PUSH
from tests.stock.ours import HARDENED
from tests.unit.joining.joiner import Joiner

pytestmark = pytest.mark.integration

ORIGIN: Final = "origin-ours"
STRANGE: Final = f"{sweep.named(sweep.WORLD)}-{ORIGIN}"
"""The same host by another name, for which another host key is pinned."""
LEAF: Final = "leaf-ours"
ARCHIVE: Final = "MIRROR_ARCHIVES__{}__{}"


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody reads: ``about`` is the setting (or the place) that he has to look at."""

    about: str
    fact: str
    cure: str


REFUSED: Final = {
    "password with a newline": Told("MIRROR_ARCHIVES__ONE__PASSWORD", "control character", "as one line of plain text"),
    "both VAR and VAR_FILE": Told(
        "MIRROR_ARCHIVES__TWO__PASSWORD_FILE", "MIRROR_ARCHIVES__TWO__PASSWORD too", "keep one"
    ),
    "unreadable secret file": Told(
        "MIRROR_RSYNC_SECRETS_FILE", "/etc/shadow: Permission denied", "readable by the container"
    ),
    "secret file that is not there": Told("MIRROR_PUSH_KEY_FILE", "No such file", "mount the file there"),
    "archive misspelt in DOWNSTREAMS": Told(
        "MIRROR_DOWNSTREAMS", "leaf: there is no archive 'debain'", "archives are debian"
    ),
    "key with options pasted": Told(
        "MIRROR_TRIGGERS__OPTIONS__KEY", "options in front", "remove everything in front of"
    ),
    "private key instead of public": Told("MIRROR_TRIGGERS__PRIVATE__KEY", "is a private key", ".pub file"),
    "half a key": Told("MIRROR_TRIGGERS__HALF__KEY", "does not begin with a known key type", ".pub file"),
    "http scheme": Told("MIRROR_ARCHIVES__THREE__UPSTREAM", "begins with 'http'", "write rsync://"),
    "upstream without a module": Told("MIRROR_ARCHIVES__FOUR__UPSTREAM", "is not a module", "/module[/path]"),
    "exclude that excludes everything": Told(
        "MIRROR_ARCHIVES__DEBIAN__EXCLUDE", "leaves out everything", "name what is not wanted"
    ),
    "misspelt variable": Told(
        "MIRROR_ARCHIVES__DEBIAN__KEYRNG", "no such variable", "did you mean MIRROR_ARCHIVES__DEBIAN__KEYRING"
    ),
    "interval that is none": Told("MIRROR_ARCHIVES__DEBIAN__SCHEDULE", "no interval and no cron", "minute hour day"),
    "wrong uid": Told(
        "/var/lib/mirror", "uid 4321 cannot write here: Permission denied", "give the volume's top directory to 4321"
    ),
    "read-only volume": Told("/srv/mirror", "Read-only file system", "not read-only"),
    "damaged token": Told("MIRROR_INVITE", "the token is damaged", "copy the whole line once more"),
    "port taken": Told("port 2222", "another program", "network_mode"),
}

FOUND: Final = {
    "unreachable upstream": Told(ARCHIVE.format("NOBODY", "UPSTREAM"), "no way leads there", "check the host"),
    "upstream that nobody knows": Told(ARCHIVE.format("NOWHERE", "UPSTREAM"), "no such host", "spelling of the host"),
    "wrong port": Told(ARCHIVE.format("PORT", "UPSTREAM"), "nobody listens there", f"write {ORIGIN}:8730"),
    "port of another program": Told(ARCHIVE.format("SSHD", "UPSTREAM"), "is no rsync daemon", f"write {ORIGIN}:8730"),
    "wrong module": Told(ARCHIVE.format("MODULE", "UPSTREAM"), "no module 'open-'", "did you mean open?"),
    "wrong password": Told(ARCHIVE.format("WRONG", "PASSWORD"), "no such user and password", "check the password"),
    "password forgotten": Told(ARCHIVE.format("FORGOTTEN", "PASSWORD"), "asks for a password", "set it"),
    "password without a user": Told(ARCHIVE.format("USERLESS", "PASSWORD"), "names no user", "rsync://USER@"),
    "not admitted": Told(ARCHIVE.format("DENIED", "UPSTREAM"), "does not admit our address", "operator admit it"),
    "host key changed": Told("MIRROR_KNOWN_HOSTS", f"mirror@{STRANGE}:2222/open has changed", "ask its operator"),
    "host key not pinned": Told(
        "MIRROR_KNOWN_HOSTS", "no host key of unpinned", "compare this with what its operator says"
    ),
    "wrong key": Told("MIRROR_DOWNSTREAMS: refused", "refuses our key", "let our key in"),
    "wrong port of a downstream": Told(
        "MIRROR_DOWNSTREAMS: port", "Connection refused", "a mirror of ours listens on 2222"
    ),
    "our own key as the upstream's": Told(
        "MIRROR_TRIGGERS__UPSTREAM__KEY", "is our own push key", "the other mirror's key"
    ),
    "secrets that nobody is asked for": Told("MIRROR_RSYNC_SECRETS", "whom no archive asks for one", "AUTH_USERS"),
    "full disk": Told("/srv/mirror", "MIRROR_RESERVE keeps", "lower MIRROR_RESERVE"),
    "clock off": Told("clock", "from now: our clock is behind, or that of its writer ahead", "by NTP"),
    "missing volume": Told("/var/lib/mirror", "its volume has no name", "-v mirror-state:/var/lib/mirror"),
    "upstream that cannot be called": Told("MIRROR_INVITE", "nowhere.invalid cannot be reached", "paste the line"),
}

TOKENS: Final = {
    "used": Told("MIRROR_INVITE", "the token was used already", "ask its operator for another token"),
    "revoked": Told("MIRROR_INVITE", f"{ORIGIN} has ended our membership", "ask its operator for another token"),
}
"""What the doctor says of tokens that an upstream does not take any more."""


def offer(**changes: Any) -> Invitation:
    """An invitation by nobody."""
    facts: dict[str, Any] = {
        "name": "hub-ours",
        "upstream": ORIGIN,
        "secret": secrets.fresh(),
        "expires_at": int(time.time()) + 3600,
        "callback": "http://nowhere.invalid/join",
        "rsync": f"rsync://{ORIGIN}:8730",
        "push_keys": (),
        "host_keys": (),
        "archives": {"closed": "generic"},
    }
    return Invitation.model_validate(facts | changes)


def faulty(world: World) -> dict[str, str]:
    """As an operator might write it who makes every mistake at once."""
    return {
        "MIRROR_NAME": "leaf",
        "MIRROR_ARCHIVES__DEBIAN__EXCLUDE": "/*",
        "MIRROR_ARCHIVES__DEBIAN__SCHEDULE": "every hour",
        "MIRROR_ARCHIVES__DEBIAN__KEYRNG": "/etc/mirror/keyring.gpg",
        "MIRROR_ARCHIVES__ONE__PASSWORD": "secret\nsecret",
        "MIRROR_ARCHIVES__TWO__PASSWORD": "secret",
        "MIRROR_ARCHIVES__TWO__PASSWORD_FILE": "/etc/mirror/password",
        "MIRROR_ARCHIVES__THREE__UPSTREAM": "http://hub/debian",
        "MIRROR_ARCHIVES__FOUR__UPSTREAM": "rsync://hub",
        "MIRROR_INVITE": offer(archives={"debian": "generic"}).token[:-20],
        "MIRROR_RSYNC_SECRETS_FILE": "/etc/shadow",
        "MIRROR_PUSH_KEY_FILE": "/etc/mirror/push",
        "MIRROR_DOWNSTREAMS": "leaf=ssh://leaf?archives=debain",
        "MIRROR_TRIGGERS__OPTIONS__KEY": f'restrict,command="~/bin/ftpsync" {world.keys.public(PUSH)}',
        "MIRROR_TRIGGERS__PRIVATE__KEY": world.keys.private(PUSH),
        "MIRROR_TRIGGERS__HALF__KEY": world.keys.public(PUSH).split()[1],
    }


def mistaken(world: World) -> dict[str, str]:
    """A hub that starts, and in which next to nothing is right."""
    nobody = f"{world.subnet.rpartition('.')[0]}.250"
    upstreams = {
        "nobody": f"rsync://{nobody}:8730/open",
        "nowhere": "rsync://nowhere.invalid/open",
        "port": f"rsync://{ORIGIN}:8739/open",
        "sshd": f"rsync://{ORIGIN}:2222/open",
        "module": f"rsync://{ORIGIN}:8730/open-",
        "wrong": f"rsync://hub@{ORIGIN}:8730/closed",
        "forgotten": f"rsync://hub@{ORIGIN}:8730/closed",
        "userless": f"rsync://{ORIGIN}:8730/open",
        "denied": f"rsync://{ORIGIN}:8730/denied",
        "changed": f"rsync+ssh://mirror@{STRANGE}:2222/open",
    }
    found: dict[str, str] = {}
    for name, upstream in upstreams.items():
        found |= variables(name, upstream=upstream, profile="generic", poll="off")
    address = world.address(LEAF)
    return found | {
        "MIRROR_ARCHIVES__WRONG__PASSWORD": "not-the-password",
        "MIRROR_ARCHIVES__USERLESS__PASSWORD": "whose",
        "MIRROR_INVITE": offer().token,
        "MIRROR_RESERVE": "900T",
        "MIRROR_RSYNC_SECRETS": "leaf:secret",
        "MIRROR_DOWNSTREAMS": f"refused=ssh://{LEAF}:2222?key={FILES}/stranger port=ssh://{LEAF}:22 "
        f"unpinned=ssh://{address}:2222",
        "MIRROR_KNOWN_HOSTS": world.keys.known_host(LEAF, 2222)
        + f"[{STRANGE}]:2222 {' '.join(world.keys.public('stranger').split()[:2])}\n",
    }


def origin(world: World) -> dict[str, str]:
    """A good neighbour."""
    found: dict[str, str] = {}
    for name in ("open", "closed", "denied"):
        found |= variables(name, upstream="none", profile="generic")
    return found | {
        "MIRROR_ARCHIVES__CLOSED__AUTH_USERS": "hub",
        "MIRROR_ARCHIVES__DENIED__HOSTS_ALLOW": "192.0.2.1",
        "MIRROR_RSYNC_SECRETS": "hub:the-password",
        "MIRROR_PUBLIC__RSYNC": f"{ORIGIN}:8730",
        "MIRROR_PUBLIC__HTTP": f"http://{ORIGIN}:8080",
        "MIRROR_TRIGGERS__UPSTREAM__KEY": world.keys.public("second"),
        "MIRROR_PULLS__HUB__KEY": world.keys.public(PUSH),
    }


@dataclass(frozen=True, slots=True)
class Ward:
    """What was said: the log of who would not start, the doctor's answer about him, and that about the hub."""

    log: str
    status: int
    refused: dict[str, Any]
    hub: Ours
    found: dict[str, Any]
    guests: dict[str, Ours]


@pytest.fixture(scope="module")
def ward(world: World) -> Iterator[Ward]:
    """All of them, seen once."""
    with ExitStack() as stack:
        neighbour = stack.enter_context(world.ours(ORIGIN, origin(world)))
        neighbour.put("/srv/mirror/open", {"project/trace/origin": b"x"})
        neighbour.run("touch", "-d", "+2 hours", "/srv/mirror/open/project/trace/origin")
        later = variables("open", upstream="rsync://hub-ours:8730/open") | {"MIRROR_ARCHIVES__OPEN__POLL": "off"}
        tokens = {name: _invited(neighbour, name) for name in TOKENS}
        used = Joiner(invitation.read(tokens["used"])).says()
        assert httpx.post(f"http://{world.address(ORIGIN)}:8080/join", content=used, timeout=60).status_code == 200
        neighbour.run("mirrorctl", "revoke", "revoked")
        guests = {
            "used": stack.enter_context(world.ours(LEAF, later | {"MIRROR_INVITE": tokens["used"]})),
            "revoked": stack.enter_context(world.ours("leaf-2", {"MIRROR_INVITE": tokens["revoked"]}, shared=False)),
        }
        files = {"stranger": world.keys["stranger"]}
        hub = stack.enter_context(world.ours("hub-ours", mistaken(world), files))
        hub.wait_for(lambda node: _membership(node).get("trouble"), 60, "has tried to call its upstream")
        seen = hub.exec("mirrorctl", "doctor", "--json")
        assert seen.code == 2, seen.err
        status, log = _refused(world, neighbour, "boot")
        _, answer = _refused(world, neighbour, "doctor", "--json")
        yield Ward(log, status, json.loads(answer), hub, json.loads(seen.out), guests)


def _membership(node: Node) -> dict[str, Any]:
    return node.status().get("membership") or {}


def _invited(upstream: Node, name: str) -> str:
    return upstream.run("mirrorctl", "invite", name, "--archive", "closed", "--push", "staged").strip()


def _refused(world: World, beside: Node, *command: str) -> tuple[int, str]:
    """How a container ends that shares its network with another, and what it says; as a uid that owns nothing."""
    options = {key: value for key, value in HARDENED.items() if key != "tmpfs"}
    container = docker.from_env(timeout=600).containers.run(
        PRODUCT, list(command), detach=True, environment=faulty(world), labels=world.labels, user="4321:4321",
        network_mode=f"container:{beside.container.id}", tmpfs={"/run": "mode=1777", "/tmp": "mode=1777"},
        volumes={world.volume(): {"bind": "/srv/mirror", "mode": "ro"}, _owned(world): {"bind": "/var/lib/mirror"}},
        **options,
    )  # fmt: skip
    try:
        status = container.wait(timeout=120)["StatusCode"]
        return status, container.logs().decode()
    finally:
        container.remove(force=True, v=True)


OWNED: Final = "chmod 755 /var/lib/mirror && chown 10001:10001 /var/lib/mirror && touch /var/lib/mirror/file"
"""An empty volume would be given the owner and mode of the image's directory once more."""


def _owned(world: World) -> str:
    """A volume that belongs to uid 10001 alone."""
    name = world.volume()
    docker.from_env(timeout=600).containers.run(
        PRODUCT, ["-c", OWNED], entrypoint="sh", user="0",
        volumes={name: {"bind": "/var/lib/mirror"}}, remove=True, labels=world.labels, network_mode="none",
    )  # fmt: skip
    return name


def _assert_told(told: Told, findings: list[dict[str, Any]]) -> None:
    """Exactly one finding is about it, with its fact and its cure on a line each."""
    fitting = [one for one in findings if one["about"] == told.about and told.fact in one["fact"]]
    about = [one for one in findings if one["about"] == told.about]
    assert len(fitting) == 1, about or sorted({one["about"] for one in findings})
    assert told.cure in fitting[0]["cure"]
    assert "\n" not in fitting[0]["fact"] + fitting[0]["cure"]


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_that_keeps_the_container_from_starting(ward: Ward, mistake: str) -> None:
    """The same in the log of the container and by the doctor."""
    told = REFUSED[mistake]
    assert ward.status == 78
    lines = ward.log.splitlines()
    told_at = [n for n, line in enumerate(lines) if line.startswith(f"{told.about}: ") and told.fact in line]
    assert len(told_at) == 1, ward.log
    assert lines[told_at[0] + 1].startswith("  ")
    assert told.cure in lines[told_at[0] + 1]
    if mistake != "port taken":  # who is started for the doctor alone listens nowhere
        _assert_told(told, ward.refused["findings"])


@pytest.mark.parametrize("mistake", FOUND)
def test_a_mistake_that_the_doctor_finds(ward: Ward, mistake: str) -> None:
    _assert_told(FOUND[mistake], ward.found["findings"])


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_that_is_not_taken_any_more(ward: Ward, token: str) -> None:
    guest = ward.guests[token]
    guest.wait_for(lambda node: _membership(node).get("state") == "refused", 60, "was told")
    _assert_told(TOKENS[token], json.loads(guest.exec("mirrorctl", "doctor", "--local", "--json").out)["findings"])
    assert guest.exec("mirrorctl", "join").code == 1


def test_a_token_that_has_expired(ward: Ward, world: World) -> None:
    """A container does not start with it."""
    log = docker.from_env(timeout=600).containers.run
    with pytest.raises(docker.errors.ContainerError) as refused:
        log(PRODUCT, environment={"MIRROR_INVITE": offer(expires_at=1).token}, labels=world.labels, remove=True)
    assert refused.value.exit_status == 78
    said = refused.value.stderr.decode()
    assert f"MIRROR_INVITE: the token from {ORIGIN} for hub-ours has expired on 1970-01-01 at 00:00 UTC" in said
    assert "mirrorctl invite hub-ours --archive closed" in said


def test_no_secret_is_ever_shown(ward: Ward) -> None:
    said = json.dumps(ward.found) + json.dumps(ward.refused) + ward.log + ward.hub.run("mirrorctl", "config")
    assert "not-the-password" not in said
    assert "PRIVATE KEY" not in said.replace("is a private key", "")


def test_what_is_pasted_cures(ward: Ward, world: World) -> None:
    """The offered line for known_hosts is the one that pins the leaf."""
    offered = next(one["paste"] for one in ward.found["findings"] if "unpinned" in one["fact"])
    assert offered == world.keys.known_host(LEAF, 2222).replace(LEAF, world.address(LEAF)).strip()


def test_the_shell_completes_archives(ward: Ward) -> None:
    """As bash in the image asks: the script is read by every interactive one."""
    script = "mirrorctl_words() { COMP_WORDS=(mirrorctl sync n); COMP_CWORD=2; _mirrorctl_completion mirrorctl; }; "
    said = ward.hub.run("bash", "-ic", f"{script} mirrorctl_words; echo ${{COMPREPLY[*]}}")
    assert said.split() == ["nobody", "nowhere"]


def test_the_last_lines_of_an_archive_say_their_run(ward: Ward) -> None:
    lines = json.loads(ward.hub.run("mirrorctl", "logs", "nowhere", "--json"))
    assert {"event": "run starts", "archive": "nowhere", "run": 1}.items() <= lines[0].items() or lines[0]["run"] > 0
    runs = json.loads(ward.hub.run("mirrorctl", "runs", "nowhere", "--json"))
    assert lines[-1]["run"] in {run["id"] for run in runs}


def test_other_programs_speak_in_our_form(ward: Ward) -> None:
    ward.hub.exec("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/2222; echo not-ssh >&3; cat <&3")
    ward.hub.wait_for(lambda node: "program=sshd" in node.logs(), 60, "sshd has said something")
    assert all(line[:4].isdigit() and "Z " in line[:22] for line in ward.hub.logs().splitlines())
