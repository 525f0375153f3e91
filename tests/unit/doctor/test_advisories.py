from __future__ import annotations

import pytest

from appliance.doctor.advisories import ADVISORIES, applies
from appliance.doctor.finding import Level
from appliance.doctor.programs import judged

FIRST, LAST = ADVISORIES[0], ADVISORIES[-1]


@pytest.mark.parametrize(
    ("version", "package", "release", "bad"),
    [
        ("3.2.7", "", "", True),
        ("3.4.0", "", "", False),
        ("3.4.1", "", "", False),
        ("3.10.0", "", "", False),  # not older than 3.4.0, as texts would be
        ("3.2.7", "3.2.7-1", "12", True),
        ("3.2.7", "3.2.7-1+deb12u1", "12", False),
        ("3.2.7", "3.2.7-1+deb12u10", "12", False),
        ("3.2.7", "3.2.7-1~bpo11", "12", True),
        ("3.4.1", "3.4.1+ds1-5", "13", False),
    ],
)
def test_the_overflow_of_2024(version: str, package: str, release: str, bad: bool) -> None:
    assert applies(FIRST, version, package, release) is bad


def test_one_mended_in_another_release_only_is_a_note() -> None:
    found = judged("3.5.0", "3.5.0+ds1-0+deb13u1", "13")
    assert (found.level, LAST.names[0] in found.fact) == (Level.NOTE, True)
    assert judged("3.5.0", "3.5.0+ds1-0+deb12u1", "12").level is Level.OK


def test_an_old_package_is_told_to_be_replaced() -> None:
    found = judged("3.4.1", "3.4.1+ds1-5+deb13u2", "13")
    assert (found.level, "CVE-2026-29518" in found.fact, "docker build" in found.cure) == (Level.WARNING, True, True)


def test_what_debian_mended_and_nobody_told_us_of_is_not_accused() -> None:
    assert judged("3.2.3", "3.2.3-4+deb11u9", "11").level is Level.NOTE


def test_the_rsync_of_our_own_builds_is_well() -> None:
    assert judged("3.5.2", "", "").level is Level.OK


def test_every_fault_has_one_place() -> None:
    names = [name for one in ADVISORIES for name in one.names]
    assert len(names) == len(set(names)) == 6 + 1 + 1 + 5 + 1 + 33 + 1
