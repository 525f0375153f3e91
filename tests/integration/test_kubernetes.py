"""The Kubernetes manifests: valid by its schemas, at one with each other, and true of a container run as they say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

import httpx
import kubernetes_validate
import pytest

from tests.ground.images import TOP
from tests.ground.waiting import Stopwatch
from tests.harness import Lone, pod, wait_for
from tests.harness.pod import Document, Key
from tests.stock import Ours, Sample

pytestmark = pytest.mark.integration

OBJECTS: Final = pod.read(TOP / "tests/deploy/kubernetes")
NAME: Final = "push-mirror"
SPEC: Final = OBJECTS[Key("StatefulSet", NAME)]["spec"]
POD: Final = SPEC["template"]["spec"]
CONTAINER: Final[Document] = POD["containers"][0]
PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")
VERSIONS: Final = ("1.29", kubernetes_validate.latest_version())
PASSWORD: Final = OBJECTS[Key("Secret", NAME)]["stringData"]["password"]


@pytest.fixture(scope="module")
def running(swept: None) -> Iterator[Lone]:
    """The container below a mirror that asks for the secret's password."""
    with ExitStack() as stack:
        upstream = stack.enter_context(Lone(_upstream()))
        upstream.wait_healthy()
        Ours("upstream", upstream.container).write("debian", Sample(1))
        upstream.run("mirrorctl", "publish", "debian", "--wait")
        yield stack.enter_context(pod.start(_told(upstream), NAME))


def _upstream() -> dict[str, str]:
    return {
        "MIRROR_NAME": "upstream.example.net",
        "MIRROR_ARCHIVES__DEBIAN__AUTH_USERS": "mirror",
        "MIRROR_RSYNC_SECRETS": f"mirror:{PASSWORD}",
    }


def _told(upstream: Lone) -> Mapping[Key, Document]:
    """The manifests with what the upstream's operator tells: where it is, and its key."""
    text = json.dumps([[*key, value] for key, value in OBJECTS.items()])
    key = json.loads(upstream.run("mirrorctl", "keys", "--json"))["push_public_key"]
    for old, new in (
        ("@upstream.example.net/", f"@{upstream.address()}:8730/"),
        (json.dumps("ssh-ed25519 AAAA… push@upstream.example.net"), json.dumps(key)),
    ):
        assert old in text
        text = text.replace(old, new)
    return {Key(kind, name): value for kind, name, value in json.loads(text)}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", OBJECTS, ids="-".join)
def test_valid_for_the_oldest_and_the_newest_version(key: Key, version: str) -> None:
    assert version.startswith(kubernetes_validate.validate(OBJECTS[key], version, strict=True))


def test_what_is_referred_to_is_there() -> None:
    ports = {port["name"] for port in CONTAINER["ports"]}
    claims = {one["metadata"]["name"] for one in SPEC["volumeClaimTemplates"]}
    assert {one["name"] for one in CONTAINER["volumeMounts"]} == claims | {one["name"] for one in POD["volumes"]}
    assert {
        CONTAINER[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    } < ports
    for key, one in OBJECTS.items():
        if key.kind == "Service":
            assert one["spec"]["selector"].items() <= SPEC["template"]["metadata"]["labels"].items()
            assert {port["targetPort"] for port in one["spec"]["ports"]} < ports
    backend = OBJECTS[Key("Ingress", NAME)]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    offered = OBJECTS[Key("Service", backend["name"])]["spec"]["ports"]
    assert backend["port"]["name"] in {port["name"] for port in offered}
    assert SPEC["selector"]["matchLabels"].items() <= SPEC["template"]["metadata"]["labels"].items()


def test_it_starts_and_is_ready_by_its_probes(running: Lone) -> None:
    """In the time that the kubelet gives it; the first sync takes the secret's password."""
    startup = CONTAINER["startupProbe"]
    wait_for(lambda: _asked(running, startup), startup["periodSeconds"] * startup["failureThreshold"], "has started")
    wait_for(lambda: _asked(running, CONTAINER["readinessProbe"]), 60, "is ready")
    wait_for(lambda: _asked(running, CONTAINER["livenessProbe"]), 60, "is alive")
    assert running.serial()
    assert running.users() == {str(POD["securityContext"]["runAsUser"])}
    said = {one["variable"]: one for one in json.loads(running.run("mirrorctl", "config", "--json"))}
    assert said["MIRROR_ARCHIVES__DEBIAN__PASSWORD"]["source"] == "file /etc/mirror/password"


def _asked(node: Lone, probe: dict[str, Any]) -> bool:
    """As the kubelet asks: by the port of that name, with its patience."""
    (inside,) = (one["containerPort"] for one in CONTAINER["ports"] if one["name"] == probe["httpGet"]["port"])
    try:
        url = f"http://127.0.0.1:{node.port(inside)}{probe['httpGet']['path']}"
        return httpx.get(url, timeout=probe.get("timeoutSeconds", 1)).is_success
    except httpx.TransportError:
        return False


def test_it_ends_in_time(running: Lone) -> None:
    grace = POD["terminationGracePeriodSeconds"]
    running.wait_healthy()
    with Stopwatch() as taken:
        running.container.stop(timeout=6 * grace)
    assert running.exit_code() == 0
    assert taken.seconds < grace
