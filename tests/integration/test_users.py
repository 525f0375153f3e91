"""What users get while publications sweep through the tree: apt by our list, dnf by our metalink, curl by the redirect.

Each reads an index, what that names, and a package, and checks every sum on the way, again and again. One mirror of
three is slow, so that there is always somebody who is behind.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.harness.node import Background, Node
from tests.stock import Ours, Sample, World, variables
from tests.stock.sample import Entry

pytestmark = pytest.mark.integration

ORIGIN: Final = "origin-ours"
MIRRORS: Final = {"hub-ours": "de", "leaf-ours": "fr", "far-ours": "fr"}
SLOW: Final = "far-ours"
US: Final = f"http://{ORIGIN}:8080"
LAST: Final = 4
"""The number of the last publication."""

REGISTRY: Final = "".join(
    f'["{name}"]\nurls = ["http://{name}:8080/*/"]\ncountry = "{country}"\n' for name, country in MIRRORS.items()
)

LOOP: Final = """
while [ ! -e /tmp/stop ]; do version=$(round) || { echo "round failed: $version"; exit 1; }; echo "read $version"; done
"""

CURL: Final = f"""
set -o pipefail
mkdir -p /tmp/curl && cd /tmp/curl
get() {{ curl -fsSL -w '%{{url_effective}}\\n' -o "$1" "{US}/r/debian/$2" >>/tmp/curl/places; }}
round() {{
    get release dists/demo/Release || return
    sum=$(awk '$3 == "main/binary-amd64/Packages" {{ print $1 }}' release)
    get index "dists/demo/main/binary-amd64/by-hash/SHA256/$sum" && echo "$sum  index" | sha256sum --quiet -c || return
    path=$(awk '/^Filename:/ {{ print $2 }}' index); sum=$(awk '/^SHA256:/ {{ print $2 }}' index)
    get package "$path" && echo "$sum  package" | sha256sum --quiet -c && awk '/^Version:/ {{ print $2 }}' index
}}
"""

APT: Final = f"""
mkdir -p /tmp/apt && cd /tmp/apt
echo 'deb [trusted=yes arch=amd64] mirror+{US}/mirrors/debian/apt.txt demo main' >list
apt() {{
    apt-get -qq -o Dir::Etc::SourceList=/tmp/apt/list -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root \\
        -o Acquire::Languages=none -o Acquire::PDiffs=no -o APT::Update::Error-Mode=any \\
        "$@" >said 2>&1 || {{ cat said; return 1; }}
}}
round() {{ apt update && rm -f *.deb && apt download hello && ls *.deb; }}
"""

DNF: Final = f"""
mkdir -p /tmp/dnf && printf '[rpms]\\nname=rpms\\nmetalink={US}/mirrors/rpms/metalink/os\\n' >/tmp/dnf/rpms.repo
round() {{
    dnf -q --releasever=1 --setopt=reposdir=/tmp/dnf --setopt=cachedir=/tmp/dnf/cache --refresh \\
        repoquery --qf '%{{version}}' 2>&1
}}
"""

READERS: Final = {"curl": CURL, "apt": APT, "dnf": DNF}


def suite(version: int) -> Mapping[str, Entry]:
    """What is new in a version of the Debian archive; without InRelease, for nobody has signed it."""
    changed = Sample(version).changed()
    return {path: entry for path, entry in changed.items() if not path.endswith("/InRelease")}


def repository(version: int) -> Mapping[str, Entry]:
    """A version of the repository of RPMs, as far as dnf looks at it."""
    package = (
        f'<package type="rpm"><name>hello</name><arch>noarch</arch><version epoch="0" ver="{version}" rel="1"/>'
        f'<checksum type="sha256" pkgid="YES">{hashlib.sha256(b"rpm").hexdigest()}</checksum><summary/><description/>'
        '<packager/><url/><time file="1" build="1"/><size package="3" installed="3" archive="3"/>'
        '<location href="Packages/hello.rpm"/><format><rpm:license>MIT</rpm:license></format></package>'
    )
    primary = gzip.compress(
        '<?xml version="1.0"?><metadata xmlns="http://linux.duke.edu/metadata/common"'
        f' xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">{package}</metadata>'.encode(),
        mtime=0,
    )
    sum = hashlib.sha256(primary).hexdigest()
    root = (
        f'<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>{version}</revision>'
        f'<data type="primary"><checksum type="sha256">{sum}</checksum>'
        f'<location href="repodata/{sum}-primary.xml.gz"/><timestamp>{version}</timestamp><size>{len(primary)}</size>'
        "</data></repomd>"
    )
    return {
        "os/Packages/hello.rpm": b"rpm",
        f"os/repodata/{sum}-primary.xml.gz": primary,
        "os/repodata/repomd.xml": root.encode(),
    }


@dataclass(frozen=True, slots=True)
class Tree:
    origin: Ours
    mirrors: tuple[Ours, ...]
    client: Node

    def publish(self, version: int) -> dict[str, str]:
        """The next state of both archives; their serials."""
        for archive, changed in (("debian", suite(version)), ("rpms", repository(version))):
            self.origin.put(f"/srv/mirror/{archive}", changed, time=Sample(version).time)
        return {archive: self.origin.announce(archive) for archive in ("debian", "rpms")}

    def wait_seen(self, serials: Mapping[str, str]) -> None:
        """Until the origin sees everybody at these serials."""

        def look(_: Node) -> bool:
            seen = {(one["mirror"], one["archive"]): one["serial"] for one in self.origin.status()["mirrors"]}
            return all(seen.get((name, archive)) == serials[archive] for name in MIRRORS for archive in serials)

        self.origin.wait_for(look, 120, f"sees all at {serials}")

    def wait_read(self, name: str, version: int) -> None:
        """Until a reader has read this version."""
        self.client.wait_for(lambda _: newest(self.read(name)) >= version, 120, f"{name} reads {version}")

    def read(self, name: str) -> list[str]:
        """What a reader has said so far; it has not given up."""
        lines = self.client.run("cat", f"/tmp/{name}.log").splitlines()
        assert not any(line.startswith("round failed") for line in lines), lines[-20:]
        return lines


@pytest.fixture(scope="module")
def tree(world: World) -> Iterator[Tree]:
    downstreams = " ".join(f"{Ours.downstream(name, 'all')}&site=http://{name}:8080/*" for name in MIRRORS)
    above = {"MIRROR_DOWNSTREAMS": downstreams, "MIRROR_REGISTRY": REGISTRY, "MIRROR_COUNTRY_HEADER": "X-Country"}
    begins = {"upstream": "none"}
    archives = variables("debian", **begins) | variables("rpms", profile="rpm", **begins)
    with ExitStack() as stack:
        origin = stack.enter_context(world.ours(ORIGIN, archives | above))
        mirrors = tuple(stack.enter_context(world.ours(name, below(name))) for name in MIRRORS)
        made = Tree(origin, mirrors, stack.enter_context(world.client()))
        for archive in ("debian", "rpms"):
            origin.run("mkdir", "-p", f"/srv/mirror/{archive}")
        made.wait_seen(made.publish(1))
        yield made


def below(name: str) -> dict[str, str]:
    """The settings of a mirror; a slow one fetches four kilobytes a second."""
    slow = {"bwlimit": "4"} if name == SLOW else {}
    debian = variables("debian", upstream=Ours.upstream(ORIGIN, "debian"), **slow)
    return debian | variables("rpms", upstream=Ours.upstream(ORIGIN, "rpms"), profile="rpm", **slow)


def test_everybody_reads_what_fits_together_while_publications_sweep(tree: Tree) -> None:
    running = {name: start(tree.client, name, script) for name, script in READERS.items()}
    for version in range(2, LAST + 1):
        serials = tree.publish(version)
        for name in READERS:
            tree.wait_read(name, version)
    tree.wait_seen(serials)
    tree.client.wait_for(lambda node: away(node) > 0, 60, "curl is sent to a mirror, now that all have the last one")
    tree.client.run("touch", "/tmp/stop")
    for name, reader in running.items():
        assert reader.wait(60, f"{name} ends") == 0, tree.read(name)
    rounds = {name: len(tree.read(name)) for name in READERS}
    places = tree.client.run("cat", "/tmp/curl/places").split()
    print(rounds, {host: sum(f"//{host}:" in place for place in places) for host in (ORIGIN, *MIRRORS)})


def away(client: Node) -> int:
    """How often curl was sent to a mirror."""
    return sum(f"//{ORIGIN}:" not in place for place in client.run("cat", "/tmp/curl/places").split())


def start(client: Node, name: str, script: str) -> Background:
    return client.start_exec("bash", "-c", f"exec >/tmp/{name}.log 2>&1; {script}{LOOP}", user="root")


def newest(lines: list[str]) -> int:
    """The version in the last whole line: of the package itself, or in its file's name."""
    words = [line.split()[1] for line in lines if line.startswith("read ")]
    return int(words[-1].removeprefix("hello_").split("_")[0]) if words else 0


def test_an_explanation_names_every_mirror_and_lists_agree(tree: Tree) -> None:
    ask = ("curl", "-fsS", "-H", "X-Country: fr", "-H", "Accept: application/json")
    story = json.loads(tree.client.run(*ask, f"{US}/r/debian/dists/demo/Release?explain"))
    reasons = {one["mirror"]: one["reason"] for one in story["candidates"]}
    assert set(reasons) == {ORIGIN, *MIRRORS}
    assert reasons["hub-ours"] == "is in another country"
    chosen = next(name for name, reason in reasons.items() if reason == "is where this client is sent")
    assert MIRRORS[chosen] == "fr"
    assert story["location"].startswith(f"http://{chosen}:8080/debian/")
    lines = tree.client.run(*ask, f"{US}/mirrors/debian/apt.txt").splitlines()
    assert sorted(lines) == [
        "http://far-ours:8080/debian/\tpriority:1",
        "http://hub-ours:8080/debian/\tpriority:2",
        "http://leaf-ours:8080/debian/\tpriority:1",
        f"{US}/debian/\tpriority:9",
    ]


def test_files_come_from_here_while_the_controller_rests(tree: Tree) -> None:
    (pid,) = tree.origin.run("cat", "/run/mirror/controller.pid").split()
    tree.origin.run("kill", "-STOP", pid)
    try:
        answer = tree.client.run("curl", "-sS", "-i", "-m", "60", f"{US}/r/debian/dists/demo/Release")
    finally:
        tree.origin.run("kill", "-CONT", pid)
    assert answer.startswith("HTTP/1.1 200 ")
    assert "Codename: demo" in answer
