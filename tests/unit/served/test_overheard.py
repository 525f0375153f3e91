from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from appliance.served import overheard
from appliance.served.overheard import Overheard, Served, totals
from tests.unit.upstream import daemon, eventually

AT = b"2026/11/21 17:05:26"


def heard(file: Path, *lines: bytes) -> dict[str, Served]:
    ears = Overheard(file)
    for line in lines:
        ears.hear(line)
    ears.keep()
    return totals(file)


def test_what_a_real_daemon_says(tmp_path: Path) -> None:
    tree, log = tmp_path / "tree", tmp_path / "log"
    tree.mkdir()
    (tree / "file").write_bytes(b"x" * 300_000)
    with daemon(tmp_path, {"debian": tree}, f"log file = {log}") as port:
        for number in range(2):
            copy = ["rsync", "-a", f"rsync://127.0.0.1:{port}/debian/", f"{tmp_path}/copy{number}/"]
            subprocess.run(copy, check=True)
        eventually(lambda: log.read_text().count("total size") == 2)
    served = heard(tmp_path / "totals", *log.read_bytes().splitlines())
    assert list(served) == ["debian"]
    assert callers(*log.read_bytes().splitlines()) == [("", "127.0.0.1")], "once, for it came twice"
    assert served["debian"].connections == 2
    assert 600_000 < served["debian"].bytes < 601_000


def callers(*lines: bytes) -> list[tuple[str, str]]:
    ears = Overheard(Path("/nonexistent"))
    for line in lines:
        ears.hear(line)
    return [*ears.callers(), *ears.callers()]


def test_who_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        AT + b" [7] rsync on debian/ from leaf@leaf.example.org (2001:db8::1)",
        AT + b" [8] rsync on debian/x from evil@h (10.9.9.9) from b (10.0.0.2)",
        AT + b" [9] rsync on debian/ from leaf@leaf.example.org (2001:db8::1)",
        AT + b" [9] rsync on debian/ from UNKNOWN",
        AT + b" [9] rsync to debian/ from c (10.0.0.3)",
        b"somebody says: " + AT + b" [7] rsync on debian/ from d (10.0.0.4)",
    )
    assert callers(*lines) == [("leaf", "2001:db8::1"), ("", "10.0.0.2")]
    monkeypatch.setattr(overheard, "AGAIN", 0.0)
    assert callers(lines[0], lines[2]) == [("leaf", "2001:db8::1")] * 2
    monkeypatch.setattr(overheard, "MOST", 1)
    assert callers(*lines[:3]) == [("leaf", "2001:db8::1"), ("", "10.0.0.2"), ("leaf", "2001:db8::1")]


def test_connections_that_overlap_and_lines_that_only_look_so(tmp_path: Path) -> None:
    found = heard(
        tmp_path / "totals",
        AT + b" [7] rsync on debian/ from a (10.0.0.1)",
        AT + b" [8] rsync on debian_journal/recent/1 from b (10.0.0.2)",
        AT + b" [9] rsync on sme from b (10.0.0.2)",
        AT + b" [8] sent 80 bytes  received 1 bytes  total size 10",
        AT + b" [7] send 10.0.0.1 debian  pool/[7] sent 5 bytes  received 5 bytes  total size 5 1",
        AT + b" [6] sent 1 bytes  received 1 bytes  total size 1",
        b"somebody says: " + AT + b" [7] sent 1 bytes  received 1 bytes  total size 1",
        AT + b" [7] sent 700 bytes  received 1 bytes  total size 10",
        AT + b" [7] sent 700 bytes  received 1 bytes  total size 10",
        b"\xff\xfe",
        AT + b" [9] sent 9 bytes  received 1 bytes  total size 10",
    )
    assert found == {"debian_journal": Served(1, 80), "debian": Served(1, 700), "sme": Served(1, 9)}


def test_who_never_ends_is_forgotten(tmp_path: Path) -> None:
    begun = [AT + b" [%d] rsync on debian/ from a (10.0.0.1)" % number for number in range(overheard.MOST + 1)]
    ended = [AT + b" [%d] sent 1 bytes  received 1 bytes  total size 1" % number for number in (0, 1)]
    assert heard(tmp_path / "totals", *begun, *ended) == {"debian": Served(1, 1)}


def test_without_room_it_goes_on(tmp_path: Path) -> None:
    lines = AT + b" [1] rsync on debian/ from a (10.0.0.1)", AT + b" [1] sent 1 bytes  received 1 bytes  total size 1"
    assert heard(tmp_path / "missing" / "totals", *lines) == {}
