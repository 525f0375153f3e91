"""Neighbours that behave badly: each ends at its own deadline, has its own words in the status, and delays nobody else.

One hub has all of them at once, as upstreams of archives of their own and as downstreams of the one good archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.ground import sweep
from tests.ground.images import NAMESPACE
from tests.harness import Lone, Node
from tests.integration.neighbour import DRIBBLING, HTTP, PROXY, REFUSING, SILENT
from tests.stock import FILES, Ours, World, variables
from tests.stock.keys import PUSH

pytestmark = pytest.mark.integration

NEIGHBOUR: Final = f"{NAMESPACE}-neighbour"
PROGRAM: Final = Path(__file__).with_name("neighbour.py")
ORIGIN: Final = "origin-ours"
STRANGE: Final = f"{sweep.named(sweep.WORLD)}-{ORIGIN}"
"""The same host by a name that is not in its certificate, and for which another host key is pinned."""
LEAF: Final = "leaf-ours"
GOOD: Final = f"rsync://{ORIGIN}:8730/good"
TIMEOUT: Final = 2
"""Seconds of silence that are enough, of those who are silent."""
MUTE: Final = 2
"""Seconds that ssh waits for the first word of a downstream."""
CALL: Final = 15
"""Seconds that a downstream has for its answer, which a good one needs on a busy machine, too."""
SOON: Final = 100
"""Seconds: more than any of this takes on a busy machine, less than what a mirror waits for who sets no deadline."""
TRUST: Final = "/etc/ssl/certs/ca-certificates.crt"
LIST: Final = f"""\
# the second line is no good
push typo {LEAF} mirror
all listed {LEAF} mirror -p 2222
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses that are known when the containers run."""

    origin: str
    nobody: str
    """In the network, and nobody's."""


def upstreams(places: Places) -> dict[str, dict[str, str]]:
    """The archives of the hub."""
    silent, brief = f"{NEIGHBOUR}:{SILENT}", {"timeout": str(TIMEOUT)}
    return {
        "good": {"upstream": GOOD, "runmirrors_file": f"{FILES}/runmirrors.mirror"},
        "proxied": {"upstream": GOOD, "proxy": f"{NEIGHBOUR}:{PROXY}"},
        "proxied-tls": {"upstream": f"rsync+tls://{ORIGIN}:1873/good", "proxy": f"{NEIGHBOUR}:{PROXY}"},
        "forbidden": {"upstream": GOOD, "proxy": f"{NEIGHBOUR}:{REFUSING}"},
        "forbidden-tls": {"upstream": f"rsync+tls://{ORIGIN}:1873/good", "proxy": f"{NEIGHBOUR}:{REFUSING}"},
        "silent-proxy": {"upstream": GOOD, "proxy": silent, **brief},
        "silent-proxy-tls": {"upstream": f"rsync+tls://{ORIGIN}:1873/good", "proxy": silent, **brief},
        "silent": {"upstream": f"rsync://{silent}/good", **brief},
        "silent-tls": {"upstream": f"rsync+tls://{silent}/good", **brief},
        "silent-ssh": {"upstream": f"rsync+ssh://mirror@{silent}/good", **brief},
        "endless": {"upstream": f"rsync://{silent}/good", "timeout": "off", "deadline": "3"},
        "changed": {"upstream": f"rsync+ssh://mirror@{STRANGE}:2222/good"},
        "unknown": {"upstream": f"rsync+ssh://mirror@{places.origin}:2222/good"},
        "stranger": {"upstream": f"rsync+tls://{STRANGE}:1873/good"},
        "nobody": {"upstream": f"rsync://{places.nobody}:8730/good"},
        "nowhere": {"upstream": "rsync://nowhere.invalid/good"},
    }


UPSTREAM_WORDS: Final = {
    "forbidden": (f"proxy {NEIGHBOUR}:{REFUSING}: answers HTTP/1.0 403 Forbidden", "__FORBIDDEN__PROXY"),
    "forbidden-tls": ("403 Forbidden", "__FORBIDDEN_TLS__PROXY"),
    # Whose clock is first over, rsync's or that of our end of the tunnel, is a matter of luck.
    "silent-proxy": (f"proxy {NEIGHBOUR}:{SILENT}: ", "__SILENT_PROXY__PROXY"),
    "silent-proxy-tls": (f"no byte came for {TIMEOUT} s", "__SILENT_PROXY_TLS__PROXY"),
    "silent": (f"no byte came for {TIMEOUT} s", "__SILENT__UPSTREAM"),
    "silent-tls": (f"no byte came for {TIMEOUT} s", "__SILENT_TLS__UPSTREAM"),
    "silent-ssh": (f"no byte came for {TIMEOUT} s", "__SILENT_SSH__UPSTREAM"),
    "endless": ("no end after 3 s", "DEADLINE"),
    "changed": ("its host key has changed", "replace the upstream's line in MIRROR_KNOWN_HOSTS"),
    "unknown": ("its host key is not known here", "check the upstream's line in MIRROR_KNOWN_HOSTS"),
    "stranger": ("certificate is refused: hostname mismatch", "__STRANGER__TLS_CA"),
    "nobody": ("No route to host", "__NOBODY__UPSTREAM"),
    "nowhere": ("Name or service not known", "__NOWHERE__UPSTREAM"),
}
"""Fact and cure of those that cannot be reached."""


def downstreams(places: Places) -> dict[str, str]:
    """Whom the hub tells about its good archive, besides its mirror list."""
    return {
        "live": f"ssh://mirror@{LEAF}:2222?push=staged",
        "http": f"http://{NEIGHBOUR}:{HTTP}/told#",
        "mute": f"ssh://mirror@{NEIGHBOUR}:{SILENT}?push=staged&options=-oConnectTimeout%3D{MUTE}",
        "endless": f"ssh://mirror@{NEIGHBOUR}:{SILENT}?push=all",
        "mute-http": f"http://{NEIGHBOUR}:{SILENT}/#",
        "endless-http": f"http://{NEIGHBOUR}:{DRIBBLING}/#",
        "changed": f"ssh://mirror@{STRANGE}:2222?push=all",
        "unknown": f"ssh://mirror@{places.origin}:2222?push=all",
        "refused": f"ssh://mirror@{LEAF}:2222?push=all&key={FILES}/stranger",
        "password": f"http://hub:wrong-password@{LEAF}:8080/trigger#",
        "stranger": f"https://{STRANGE}:8443/trigger#",
        "nobody": f"ssh://mirror@{places.nobody}:2222?push=all",
        "nowhere": "ssh://mirror@nowhere.invalid?push=all",
    }


DOWNSTREAM_WORDS: Final = {
    "mute": "never says a word; see whether its sshd is well",
    "endless": f"no end after {CALL} s",
    "mute-http": f"{NEIGHBOUR} does not answer: no end after {CALL} s",
    "endless-http": f"{NEIGHBOUR} does not answer: no end after {CALL} s",
    "changed": "its host key has changed; ask its operator",
    "unknown": "its host key is not known here; put the line",
    "refused": "it refuses our key",
    "password": f"{LEAF} refuses the trigger with status 401; check the credentials",
    "stranger": f"{STRANGE}: its TLS certificate is refused: Hostname mismatch",
    "nobody": "not reachable: ssh: connect to host {nobody} port 2222: No route to host",
    "nowhere": "not reachable: ssh: Could not resolve hostname nowhere.invalid",
}


@dataclass(frozen=True, slots=True)
class Street:
    """The hub, and those around it of whom a test wants to know something."""

    hub: Ours
    leaf: Ours
    neighbour: Node
    places: Places

    def told(self, name: str) -> dict[str, Any]:
        """What the hub's status says of a downstream and the good archive; empty until it has been told."""
        return dict(self.hub.status()["downstreams"].get(name, {}).get("good", {}))


@pytest.fixture(scope="module")
def street(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """Everybody is there, and the hub has begun its first syncs."""
    trust = tmp_path_factory.mktemp("trust") / "ca.pem"
    trust.write_bytes(world.keys["ca.pem"])
    trust.chmod(0o644)
    with ExitStack() as stack:
        neighbour = stack.enter_context(
            Lone(
                {},
                name=NEIGHBOUR,
                network=world.name,
                labels=world.labels,
                entrypoint=["python3", "-c", PROGRAM.read_text()],
            )
        )
        origin = stack.enter_context(_origin(world))
        leaf = stack.enter_context(world.ours(LEAF, variables("good", upstream="rsync://hub-ours:8730/good") | LATER))
        places = Places(origin.address(), f"{world.subnet.rpartition('.')[0]}.250")
        files = {
            "runmirrors.mirror": LIST.encode(),
            "stranger": world.keys["stranger"],
            "ca.pem": world.keys["ca.pem"],
        }
        mounted = [f"{trust}:{TRUST}:ro"]
        hub = stack.enter_context(world.ours("hub-ours", _hub(world, places), files, volumes=mounted))
        yield Street(hub, leaf, neighbour, places)


LATER: Final = {"MIRROR_ARCHIVES__GOOD__PROFILE": "generic", "MIRROR_ARCHIVES__GOOD__POLL": "off"}


@contextmanager
def _origin(world: World) -> Iterator[Ours]:
    """Serves the good archive on all ways, by ssh to the hub's key."""
    files = {name: world.keys[name] for name in ("tls.crt", "tls.key")}
    settings = variables("good", upstream="none", profile="generic") | {
        "MIRROR_TRIGGERS__UPSTREAM__KEY": world.keys.public("second"),
        "MIRROR_PULLS__HUB__KEY": world.keys.public(PUSH),
        "MIRROR_TLS_CERT_FILE": f"{FILES}/tls.crt",
        "MIRROR_TLS_KEY_FILE": f"{FILES}/tls.key",
    }
    with world.ours(ORIGIN, settings, files) as node:
        node.put("/srv/mirror/good", {"pool/a": b"payload"})
        node.announce("good")
        yield node


def _hub(world: World, places: Places) -> dict[str, str]:
    archives: dict[str, str] = {}
    for name, settings in upstreams(places).items():
        common = {"profile": "generic", "poll": "off", "tls_ca": f"{FILES}/ca.pem"}
        archives |= variables(name, **{**common, **settings})
    told = [f"{name}={url}{'&' if '?' in url else ''}archives=good" for name, url in downstreams(places).items()]
    other = f"[{STRANGE}]:2222 {' '.join(world.keys.public('stranger').split()[:2])}\n"
    pinned = "".join(world.keys.known_host(name, 2222) for name in (ORIGIN, LEAF)) + other
    return archives | {
        "MIRROR_DOWNSTREAMS": " ".join(told),
        "MIRROR_KNOWN_HOSTS": pinned,
        "MIRROR_PUSH_DEADLINE": str(CALL),
    }


@pytest.mark.parametrize("name", ["good", "proxied", "proxied-tls"])
def test_good_upstreams_are_not_delayed_by_bad_ones(street: Street, name: str) -> None:
    """All syncs begin at once."""
    state = street.hub.wait_for(lambda node: _ended(node, name), SOON, f"{name} has been synced")
    assert (state["result"], state["error"]) == ("success", "")
    # That of the good archive waits for the stage 1 of the mute downstream; without its end that would be PUSH_TIMEOUT.
    assert state["ended_at"] - state["started_at"] < SOON


def test_a_proxy_is_asked_for_the_upstream(street: Street) -> None:
    for port in (8730, 1873):
        street.neighbour.wait_for(lambda node, port=port: f"CONNECT {ORIGIN}:{port} " in node.logs(), SOON, "is asked")  # type: ignore[misc]


@pytest.mark.parametrize("name", UPSTREAM_WORDS)
def test_a_bad_upstream_is_one_line_with_its_cure(street: Street, name: str) -> None:
    state = street.hub.wait_for(lambda node: _ended(node, name), SOON, f"{name} has been given up")
    fact, cure = UPSTREAM_WORDS[name]
    assert state["result"] == "error"
    assert fact.lower() in state["error"].lower()
    assert cure in state["error"]
    assert state["ended_at"] - state["started_at"] < SOON


def _ended(node: Node, name: str) -> dict[str, Any]:
    """The archive's last run, when it is over."""
    run = node.archive(name).get("last_run") or {}
    return run if run.get("ended_at") else {}


@pytest.mark.parametrize("name", ["live", "http", "listed"])
def test_good_downstreams_are_not_delayed_by_bad_ones(street: Street, name: str) -> None:
    street.hub.wait_for(lambda _: street.told(name).get("state") == "delivered", SOON, f"{name} knows")
    assert street.told(name)["attempts"] == 1


@pytest.mark.parametrize("name", DOWNSTREAM_WORDS)
def test_a_bad_downstream_is_one_line_with_its_cure(street: Street, name: str) -> None:
    words = DOWNSTREAM_WORDS[name].format(nobody=street.places.nobody)

    def given_up(_: object) -> dict[str, Any]:
        """Not before it has its own words: a machine that is too busy may pass its deadline first."""
        told = street.told(name)
        return told if words in (told.get("error") or "") else {}

    told = street.hub.wait_for(given_up, 2 * SOON, f"{name} has been given up with {words!r}")
    assert "wrong-password" not in told["error"]
    assert told["state"] in ("failing", "pushing"), "it is tried again"


def test_a_line_of_the_mirror_list_that_nobody_can_read(street: Street) -> None:
    fault = f"{FILES}/runmirrors.mirror, line 2: 'push' is not a type; choose one of all, staged, mhop"
    assert street.hub.archive("good")["notes"] == [fault]
    street.hub.wait_for(lambda node: fault in " ".join(node.logs(2000).split()), SOON, "says so in its log")
    shown = " ".join(street.hub.run("mirrorctl", "status").split())
    assert fault in shown


def test_the_status_shows_all_of_them(street: Street) -> None:
    """What a person reads, when each has been given up."""
    street.hub.wait_for(lambda _: street.told("password").get("error"), SOON, "has told who wants another password")
    shown = street.hub.wait_for(_complete, SOON, "shows every upstream with its cure")
    assert "wrong-password" not in shown + street.hub.logs(5000)


def _complete(hub: Node) -> str:
    """The status without its white space, when all words about upstreams are in it."""
    shown = "".join(hub.run("mirrorctl", "status").split())
    told = (("".join(fact.lower().split()), "".join(cure.split())) for fact, cure in UPSTREAM_WORDS.values())
    return shown if all(fact in shown.lower() and cure in shown for fact, cure in told) else ""
