from __future__ import annotations

from pathlib import Path

from appliance.sync.entry import Entry, leaves, measure, misfit_of


def test_how_a_file_measures(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("abc")
    entry = measure(tmp_path / "f")
    assert entry == Entry(3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert misfit_of(tmp_path / "f", entry) is None
    assert misfit_of(tmp_path / "f", Entry(3, "")) is None
    assert misfit_of(tmp_path / "f", Entry(4, "")) == "3 bytes"
    assert misfit_of(tmp_path / "f", Entry(3, "0" * 64)) == "3 bytes, SHA256 ba7816bf8f01cfea…"


def test_paths_that_leave() -> None:
    assert [path for path in ("a/b", "/a", "..", "a/../b", "a..b") if leaves(path)] == ["/a", "..", "a/../b"]
