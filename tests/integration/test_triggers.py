"""The ssh door: what a trigger causes, and what a key cannot do."""

from __future__ import annotations

import pytest

from tests.harness import Topology, wait_for

pytestmark = pytest.mark.integration

DISK = "find /srv/mirror /var/lib/mirror -printf '%p %s %T@\\n' | grep -v sqlite | sort"
"""Everything on both volumes with size and time; the store's own files aside, which breathe."""


def test_triggers_during_a_run_cause_exactly_one_more(topology: Topology) -> None:
    slow, client = topology.node("slow"), topology.node("client")
    assert topology.ssh("slow", "sync:all").code == 0
    before = slow.archive()["runs"]
    with slow.holding(1):
        first = client.start_exec(*topology.ssh_argv("slow"), "sync:all")
        slow.wait_for(lambda node: node.archive()["state"] == "running", 60, "has begun a run")
        words = ("sync:all", "sync:stage1", "sync:stage2", "sync:all")
        others = [client.start_exec(*topology.ssh_argv("slow"), word) for word in words]
        slow.wait_for(lambda node: node.archive()["pending"] >= len(others), 60, "the others are noted")
        assert slow.archive()["runs"] == before + 1

    assert [each.wait(60, "an answered trigger") for each in (first, *others)] == [0] * 5
    assert slow.archive()["runs"] == before + 2


def test_an_empty_archive_name_means_the_keys_first_archive(topology: Topology) -> None:
    before = topology.node("leaf2").archive("other")["runs"]
    answer = topology.ssh("leaf2", " sync:archive: sync:all", key="foreign")
    assert answer.code == 0
    assert topology.node("leaf2").archive("other")["runs"] == before + 1


def test_an_unknown_word_beside_known_ones_is_ignored_aloud(topology: Topology) -> None:
    answer = topology.ssh("leaf2", " sync:archive:debian sync:party sync:all")
    assert (answer.code, answer.out) == (0, "Unknown option sync:party ignored\n")


def test_true_is_answered_and_nothing_runs(topology: Topology) -> None:
    before = topology.node("leaf2").archive()["runs"]
    assert topology.ssh("leaf2", "true").code == 0
    assert topology.node("leaf2").archive()["runs"] == before


@pytest.mark.parametrize(
    ("command", "key", "code", "line"),
    [
        ("sync:party", "operator", 64, "no trigger word"),
        ("sh", "operator", 64, "no trigger word"),
        ("cat /etc/passwd", "operator", 64, "no trigger word"),
        ("$(touch /srv/mirror/owned);`id`|&>*", "operator", 64, "no trigger word"),
        ("sync:archive:../../etc", "operator", 78, "no archive"),
        ("sync:archive:nowhere sync:all", "operator", 78, "no archive"),
        ("sync:archive:debian sync:all", "foreign", 78, "no archive"),
        ("x" * 100_000, "operator", 64, "too long"),
    ],
)
def test_refused_with_one_line_and_nothing_changed(
    topology: Topology, command: str, key: str, code: int, line: str
) -> None:
    leaf2 = topology.node("leaf2")
    disk, runs = leaf2.run("sh", "-c", DISK), leaf2.archive()["runs"]
    answer = topology.ssh("leaf2", command, key=key)
    assert (answer.code, answer.out) == (code, "")
    assert line in answer.err
    assert answer.err.count("\n") == 1
    assert (leaf2.run("sh", "-c", DISK), leaf2.archive()["runs"]) == (disk, runs)


@pytest.mark.parametrize(
    ("options", "words", "refusal"),
    [
        (("-t", "-t"), ("sync:all",), "PTY allocation request failed"),
        (("-s",), ("sftp",), "subsystem request failed"),
        (("-W", "127.0.0.1:8080"), (), "administratively prohibited"),
        (
            ("-R", "9:localhost:9", "-o", "ExitOnForwardFailure=yes"),
            ("sync:all",),
            "remote port forwarding failed",
        ),
    ],
    ids=["terminal", "subsystem", "forwarding", "listening"],
)
def test_a_key_opens_nothing_but_triggers(
    topology: Topology, options: tuple[str, ...], words: tuple[str, ...], refusal: str
) -> None:
    answer = topology.node("client").exec(*topology.ssh_argv("leaf2", options=options), *words)
    assert answer.code == 255
    assert refusal in answer.err


@pytest.mark.parametrize(("size", "code"), [(200_000, 1), (1_000_000, 255)])
def test_more_than_a_command_can_be_is_cut_off(topology: Topology, size: int, code: int) -> None:
    """What sshd itself refuses never reaches our door: beyond 128 KiB it starts nothing, beyond 256 KiB it hangs up."""
    leaf2 = topology.node("leaf2")
    disk = leaf2.run("sh", "-c", DISK)
    # In words of 100 kB, because no single argument of the client's own ssh may be longer.
    answer = topology.ssh("leaf2", ("sync:all," * (100_000 // 9),) * (size // 100_000))
    assert answer.code == code
    assert leaf2.run("sh", "-c", DISK) == disk
    leaf2.wait_healthy()


@pytest.mark.parametrize("key", ["stranger", "elsewhere"])
def test_a_wrong_key_and_a_wrong_address_are_not_let_in(topology: Topology, key: str) -> None:
    before = topology.node("leaf2").archive()["runs"]
    answer = topology.ssh("leaf2", "sync:all", key=key)
    assert answer.code == 255
    assert "Permission denied (publickey)" in answer.err
    assert topology.node("leaf2").archive()["runs"] == before
    # Failed attempts are held against the address for a while; it must be let in again for the tests that follow.
    wait_for(lambda: topology.ssh("leaf2", "true").code == 0, 120, "the client is let in again")
