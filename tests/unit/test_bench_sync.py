"""The bench's large archive is one that the profile's verification takes; its rows are compared with the right one."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench import large, plot, results
from tests.bench.reader import Reference, files, indices
from tests.bench.results import Measured
from tests.bench.rows import Options, Row, Run, ratio
from tests.bench.sheet import sheet

FILES = 30


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(large, "VERSIONS", tmp_path / "versions")
    monkeypatch.setattr(large, "SUITE", 16)
    large.build(tmp_path / "bench", FILES)
    return tmp_path / "bench"


def referred(root: Path) -> Iterator[tuple[Path, Reference]]:
    """Everything that Release files and indices name, where it is."""
    for release in root.glob("dists/*/InRelease"):
        for index in indices(release.read_bytes()):
            named = release.parent / index.path
            if not named.suffix:
                continue  # listed, and not carried
            yield named, index
            yield named.parent / "by-hash/SHA256" / index.sha256, index
            if named.suffix == ".gz":
                yield from ((root / file.path, file) for file in files(named.read_bytes()))


def check(root: Path) -> set[str]:
    """Raises AssertionError unless all fits together; the paths of the pool."""
    for path, reference in referred(root):
        data = path.read_bytes()
        assert (len(data), sha256(data).hexdigest()) == (reference.size, reference.sha256), path
    named = {str(path.relative_to(root)) for path, _ in referred(root)}
    held = {str(path.relative_to(root)) for path in root.glob("pool/**/*") if path.is_file()}
    assert held <= named
    return held


def test_a_built_archive_fits_together(root: Path) -> None:
    assert len(check(root)) == FILES
    assert len(list(root.glob("dists/*"))) == 2


def test_a_push_replaces_packages_of_the_newest_suite(root: Path) -> None:
    before, old = check(root), (root / "dists/suite000/Release").read_bytes()
    large.change(root, 4, spread=False)
    assert len(check(root) - before) == len(before - check(root)) == 4
    assert (root / "dists/suite000/Release").read_bytes() == old


def test_by_hash_files_of_two_publications_stay(root: Path) -> None:
    for _ in range(3):
        large.change(root, FILES, spread=True)
        check(root)
    assert len(list(root.glob("dists/*/main/*/by-hash/SHA256/*"))) == 2 * len(list(root.glob("dists/*/main/*/*.*z")))


def test_a_row_is_compared_with_the_reference_of_its_operation_and_size() -> None:
    ours = [Row("sync", "no change", "ours", (Run(size / 10),), size, reference=True) for size in (1, 10)]
    other = Row("sync", "no change", "other", (Run(1.0), Run(4.0), Run(9.0)), 10)
    assert ratio([*ours, other], other) == 4.0
    assert ratio([*ours, other], other, "cpu") is None
    assert ratio([other], other) is None


def test_answers_have_columns_where_they_were_counted() -> None:
    counted = Row("redirect", "many clients", "ours", (Run(2.0, rate=2500.4, p50=0.0301, p99=0.0449),))
    cells = {str(column.header): [*column.cells] for column in sheet([counted]).columns}
    assert [cells[title] for title in ("answers/s", "p50 ms", "p99 ms")] == [["2500"], ["30.1"], ["44.9"]]
    assert "p99 ms" not in {column.header for column in sheet([Row("sync", "no change", "ours", (Run(2.0),))]).columns}


def test_sections_keep_what_they_have_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("docker", reason="without the engine's library there are no sections")
    from tests.bench import __main__ as bench

    asked: list[Options] = []

    def rows(options: Options) -> Iterator[Row]:
        asked.append(options)
        yield from (Row("some", "told", str(size), (Run(1.5),), reference=True) for size in options.sizes)

    monkeypatch.setattr(bench, "SECTIONS", {"some": rows, "other": rows})
    assert bench.main(["other", "--sizes", "2k,1m", "--into", str(tmp_path)]) == 0
    assert bench.main(["some", "--quick", "--into", str(tmp_path)]) == 0
    assert asked[0].sizes == (2_000, 1_000_000)
    kept = results.read(tmp_path)
    assert list(kept) == ["other", "some"]
    assert len(kept["other"].rows) == 2
    assert kept["other"].command == "python -m tests.bench other --sizes 2k,1m"
    assert "1.50" in capsys.readouterr().out
    assert (tmp_path / "some.svg").exists()


def test_a_run_that_is_cut_short_is_drawn_as_far_as_it_came(tmp_path: Path) -> None:
    rows = [
        Row("sync", "no change", "ours", (Run(0.1, 0.1, 0.1),), 10_000, reference=True),
        Row("sync", "no change", "other", (Run(0.2, 0.2, 0.2),), 10_000),
        Row("sync", "no change", "ours", (Run(0.3, 0.3, 0.3),), 100_000, reference=True),
    ]
    plot.write(tmp_path, {"sync": Measured.now("test", rows)})
    assert "busy with others" not in (tmp_path / "sync.svg").read_text()
    dots = ElementTree.parse(tmp_path / "sync.svg").findall(".//{*}circle")
    assert len(dots) == 2 * len(rows)


def test_a_picture_tells_that_the_machine_was_not_alone(tmp_path: Path) -> None:
    rows = [Row("some", "told", "ours", (Run(2.0, elsewhere=1.0), Run(2.0, elsewhere=3.0)), reference=True)]
    plot.write(tmp_path, {"some": Measured.now("test", rows)})
    assert "1.0 CPUs were busy with others" in (tmp_path / "some.svg").read_text()
