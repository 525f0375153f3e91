"""Links that leave an archive, in a tree that begins here: no way of serving leads out through them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.container import render, volumes
from appliance.settings import load
from tests.unit.house import House
from tests.unit.programs import program, running
from tests.unit.service import Service
from tests.unit.upstream import free_port

RAW = b"raw\xe9".decode("utf-8", "surrogateescape")

LEAVING = (
    "evil/secret", "evil/", "evil/sub/", "evil", "file", "chain/secret", "chain/", "key", "index/", "inside/up/secret",
    "other/a", "other/", f"{RAW}/evil/secret",
)  # fmt: skip
"""Every path is a way to what is not in the archive."""

STAYING = {
    "pool/a": "payload",
    "stable/a": "payload",
    "stable/": 'href="a"',
    "absolute/a": "payload",
    "linked": "payload",
    "stable/deep/a": "payload",
    f"{RAW}/stable/a": "payload",
    "shown/": "an index of its own",
}


def fill(house: House) -> None:
    """An archive of links, and what they must not lead to."""
    tree, out = house.tree, house.root / "out"
    for directory in (out / "sub", tree / "pool/deep", tree / "index", tree / "shown", tree / RAW):
        directory.mkdir(parents=True)
    for path in (out / "secret", out / "sub/x", house.places.archive("other") / "a"):
        path.write_text("a secret")
    for path in (tree / "pool/a", tree / "pool/deep/a"):
        path.write_text("payload")
    (tree / "pool/page.html").write_text("an index of its own")
    links: dict[str, str | Path] = {
        "evil": "../../out", "file": "../../out/secret", "chain": "hop", "hop": "evil", "key": house.places.push_key,
        "inside": "pool", "pool/up": "../../../out", "index/index.html": "../../../out/secret", "other": "../other",
        f"{RAW}/evil": out, f"{RAW}/stable": "../pool", "stable": "pool", "absolute": tree / "pool", "linked": "pool/a",
        "shown/index.html": "../pool/page.html",
    }  # fmt: skip
    for name, target in links.items():
        (tree / name).symlink_to(target)


@pytest.fixture
def house() -> Iterator[House]:
    # A socket's path must be short, which pytest's directories are not.
    root = Path(tempfile.mkdtemp(prefix="house"))
    root.chmod(0o755)  # nginx that root starts works as somebody else
    house = House(root, extra={"MIRROR_ARCHIVES__OTHER__PROFILE": "generic", "MIRROR_DEFAULT_ARCHIVE": "debian"})
    house.store.close()
    settings = load(house.environ)
    volumes.prepare(house.places, settings.archives)
    render.apply(settings, house.places)
    fill(house)
    yield house
    shutil.rmtree(root)


@pytest.fixture
def http(house: House) -> Iterator[str]:
    """nginx with the controller behind it."""
    port = free_port()
    text = re.sub(r"listen \[::\].*\n", "", house.places.nginx_conf.read_text())
    house.places.nginx_conf.write_text(text.replace("listen 8080", f"listen 127.0.0.1:{port}"))
    argv = [program("nginx"), "-e", "stderr", "-c", str(house.places.nginx_conf)]
    service = Service(house)
    with running(argv, house.root / "nginx.log", port):
        yield f"http://127.0.0.1:{port}/debian/"
    assert service.end() == 0


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def quoted(path: str) -> str:
    return urllib.parse.quote(os.fsencode(path))


def test_by_http(http: str) -> None:
    answers = {path: get(http + quoted(path)) for path in LEAVING}
    assert {path: code for path, (code, _) in answers.items() if code != 403} == {}
    assert not [path for path, (_, text) in answers.items() if "secret" in text]
    for path, wanted in STAYING.items():
        code, text = get(http + quoted(path))
        assert (path, code, wanted in text) == (path, 200, True)


@pytest.mark.parametrize("path", ["pool/a%0d%0aX-Path:%20/debian/pool/a", "%00", "pool/%1b", "pool/a%7f"])
def test_control_characters_are_no_path(http: str, path: str) -> None:
    assert get(http + path)[0] in (400, 404)


@pytest.mark.parametrize("path", ["/.inside", "/control/inside"])
def test_nobody_else_asks_what_is_inside(http: str, path: str) -> None:
    assert get(urllib.parse.urljoin(http, path))[0] == 404


def test_by_rsync(house: House, tmp_path: Path) -> None:
    port = free_port()
    owned = ["--dparam=uid=root", "--dparam=gid=root"] if os.getuid() == 0 else []
    argv = [program("rsync"), "--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}", *owned]
    url = f"rsync://127.0.0.1:{port}/debian/"
    with running([*argv, f"--config={house.places.rsyncd_conf}"], tmp_path / "output", port):
        names = b"\0".join(os.fsencode(path) for path in (*LEAVING, "pool/a"))
        by_list = ["rsync", "-rl", "--from0", "--files-from=-", url, f"{tmp_path}/by-list/"]
        subprocess.run(by_list, input=names, capture_output=True, check=False)
        for path in LEAVING:
            subprocess.run(["rsync", "-rl", f"{url}{path}", f"{tmp_path}/by-name/"], capture_output=True, check=False)
        whole = ["rsync", "-rl", url, f"{tmp_path}/whole/"]
        assert subprocess.run(whole, capture_output=True, check=False).returncode == 0
    # Links are links, whatever they say; nothing that they lead to has come along.
    came = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in came if b"a secret" in path.read_bytes()]
    assert (tmp_path / "by-list/pool/a").read_text() == "payload"
