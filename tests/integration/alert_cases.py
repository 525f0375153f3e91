"""When each alert fires and when it does not: series minute by minute, in promtool's notation.

Its clock begins at the epoch: a timestamp is a minute, times sixty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HERE: Final = {"job": "push-mirror", "instance": "hub"}
DEBIAN: Final = {**HERE, "archive": "debian"}


@dataclass(frozen=True, slots=True)
class Case:
    """``series`` are metrics, their labels and their values; an alert with ``labels`` fires at the minute ``fires`` and
    says ``summary``, and does not at ``quiet``."""

    alert: str
    series: tuple[tuple[str, dict[str, str], str], ...]
    quiet: int
    fires: int
    summary: str
    labels: dict[str, str]


def _condition(alert: str, word: str, quiet: int, fires: int, summary: str) -> Case:
    labels = {**DEBIAN, "condition": word}
    return Case(alert, (("mirror_archive_condition", labels, "0x9 1x120"),), quiet, fires, summary, labels)


def _volume(alert: str, figure: str, values: str, quiet: int, fires: int, summary: str, kept: str = "5e9") -> Case:
    labels = {**HERE, "volume": "data"}
    series = ((f"mirror_volume_{figure}", labels, values), ("mirror_volume_reserve_bytes", labels, f"{kept}x120"))
    return Case(alert, series, quiet, fires, summary, labels)


LEAF: Final = {**HERE, "downstream": "leaf", "archive": "debian"}
FAR: Final = {**HERE, "mirror": "far", "archive": "debian"}
TIER: Final = {**FAR, "tier": "2"}

CASES: Final = (
    Case("MirrorAway", (("up", HERE, "1x9 0x120"),), 14, 16, "hub does not answer", HERE),
    _condition("MirrorSyncsFail", "failing", 20, 30, "debian on hub cannot be synced"),
    _condition("MirrorStale", "stale", 9, 10, "debian on hub had no good sync for eight hours"),
    _condition("MirrorUpdateRefused", "refused", 9, 10, "an update of debian was refused on hub"),
    _condition("MirrorDeletesHeld", "held", 20, 30, "deletes of debian are held back on hub"),
    _condition("MirrorSuiteExpired", "expired", 9, 10, "a suite of debian on hub has expired"),
    Case(
        "MirrorSuiteExpires", (("mirror_archive_valid_until_timestamp_seconds", DEBIAN, "50000x180"),), 60, 180,
        "a suite of debian on hub expires within 10h 53m 20s", DEBIAN,
    ),
    Case(
        "MirrorDrift", (("mirror_archive_drift_paths_total", DEBIAN, "3x30 5x60"),), 30, 40,
        "an audit of debian on hub found paths that nobody had told of", DEBIAN,
    ),
    Case(
        "MirrorRequestsAge",
        (
            ("mirror_archive_oldest_request_timestamp_seconds", DEBIAN, "600x300"),
            ("mirror_run_stage", {**DEBIAN, "stage": "payload"}, "1x100 0x200"),
            ("mirror_archive_paused", DEBIAN, "0x90 1x60 0x150"),
        ),
        150, 180, "a request for debian on hub waits for 2h 50m 0s", DEBIAN,
    ),
    Case(
        "MirrorPaused", (("mirror_archive_paused", DEBIAN, "0x9 1x1500"),), 1440, 1460,
        "debian on hub has been paused for a day", DEBIAN,
    ),
    Case(
        "MirrorDownstreamLost", (("mirror_delivery_state", {**LEAF, "state": "lost"}, "0x9 1x20"),), 9, 10,
        "hub cannot reach its downstream leaf", {**LEAF, "state": "lost"},
    ),
    Case(
        "MirrorDownstreamNotTold",
        (
            ("mirror_delivery_owed_timestamp_seconds", LEAF, "600x400"),
            ("mirror_delivery_state", {**LEAF, "state": "lost"}, "0x100 1x200 0x100"),
        ),
        290, 330, "leaf has not taken debian from hub for 5h 20m 0s", LEAF,
    ),
    Case(
        "MirrorBehind", (("mirror_watched_freshness", {**FAR, "freshness": "stale"}, "0x9 1x20"),), 14, 15,
        "far is stale: it lacks what hub publishes of debian", {**FAR, "freshness": "stale"},
    ),
    Case(
        "MirrorInconsistent", (("mirror_watched_consistent", FAR, "1x9 0x60"),), 39, 40,
        "far has other indices of debian than its trace tells", FAR,
    ),
    Case(
        "MirrorPropagationSlow",
        (
            ("mirror_propagation_seconds_bucket", {**TIER, "le": "3600.0"}, "0x120 0x300"),
            ("mirror_propagation_seconds_bucket", {**TIER, "le": "14400.0"}, "0x120 10x300"),
            ("mirror_propagation_seconds_bucket", {**TIER, "le": "+Inf"}, "0x120 10x300"),
        ),
        120, 140, "news of debian takes 3h 42m 0s from hub to far", TIER,
    ),
    _volume("MirrorDiskReserve", "free_bytes", "6e9x9 4e9x60", 14, 15, "the data volume of hub is down to its reserve"),
    _volume("MirrorDiskFull", "free_bytes", "6e9x9 4e7x60", 14, 15, "the data volume of hub is full", "0"),
    _volume("MirrorDiskFull", "free_inodes", "6e9x9 400x60", 14, 15, "the data volume of hub is full"),
    _volume("MirrorReadOnly", "read_only", "0x9 1x60", 10, 11, "the data volume of hub cannot be written"),
    Case(
        "MirrorCertificateExpires", (("mirror_certificate_expiry_timestamp_seconds", HERE, "1300000x4000"),),
        1500, 3000, "the TLS certificate of hub ends in 12d 23h 6m 40s", HERE,
    ),
)  # fmt: skip
