from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance import tracefile
from appliance.tree import sight
from tests.unit.tree.www import www
from tests.unit.upstream import daemon


def seen(site: str, scratch: Path) -> tuple[str | None, str]:
    return asyncio.run(sight.serial(site, scratch))


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    traces = tmp_path / "debian" / "project" / "trace"
    traces.mkdir(parents=True)
    return traces


def test_by_rsync_through_a_link(tmp_path: Path, traces: Path) -> None:
    (traces / "origin").write_text("Sat Nov 21\nDate: Sat\narchive SERIAL: 2026112101 \n")
    (traces / "master").symlink_to("origin")
    with daemon(tmp_path, {"debian": tmp_path / "debian"}) as port:
        assert seen(f"rsync://127.0.0.1:{port}/debian", tmp_path) == ("2026112101", "")
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["debian"]
        (traces / "origin").write_text("x" * (tracefile.LONGEST + 1))
        serial, trouble = seen(f"rsync://127.0.0.1:{port}/debian", tmp_path)
        assert serial is None
        assert "project/trace/master" in trouble
        serial, trouble = seen(f"rsync://127.0.0.1:{port}/nothing", tmp_path)
        assert (serial, "nothing" in trouble) == (None, True)


@pytest.mark.parametrize(
    "text", ["", "Archive serial: unknown\n", "Archive serial: 1x\n", f"Archive serial: {'9' * 19}\n"]
)
def test_what_is_no_serial(tmp_path: Path, traces: Path, text: str) -> None:
    (traces / "master").write_text(text)
    with daemon(tmp_path, {"debian": tmp_path / "debian"}) as port:
        serial, trouble = seen(f"rsync://127.0.0.1:{port}/debian", tmp_path)
    assert (serial, trouble.endswith("has no serial")) == (None, True)


def test_a_trace_that_is_not_there_is_told_as_such(tmp_path: Path, traces: Path) -> None:
    with daemon(tmp_path, {"debian": tmp_path / "debian"}) as port:
        serial, trouble = seen(f"rsync://127.0.0.1:{port}/debian", tmp_path)
    assert (serial, trouble.endswith("project/trace/master is not there")) == (None, True)


def test_who_does_not_answer(tmp_path: Path) -> None:
    serial, trouble = seen("http://127.0.0.1:1/debian", tmp_path)
    assert (serial, "127.0.0.1" in trouble) == (None, True)


def test_a_port_that_is_none(tmp_path: Path) -> None:
    """In the URL that we were given, or where a server sends us on to."""
    serial, trouble = seen("http://127.0.0.1:99999/debian", tmp_path)
    assert (serial, "127.0.0.1:99999/debian cannot be looked at" in trouble) == (None, True)
    with www(tmp_path) as server:
        server.redirect("/project/trace/master", "http://127.0.0.1:99999/master")
        serial, trouble = seen(server.url, tmp_path)
    assert (serial, "it sends us on to no URL" in trouble) == (None, True)
