from __future__ import annotations

import pytest

from appliance.sync.profile import Kind, Profile, kind_of

SHA = "a" * 64
DEBIAN, RPM, GENERIC = (Profile(name) for name in ("debian", "rpm", "generic"))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("pool/main/h/hello/hello_1_all.deb", Kind.PAYLOAD),
        ("dists/trixie/InRelease", Kind.INDEX),
        ("dists/trixie/main/binary-amd64/Packages.xz", Kind.INDEX),
        (f"dists/trixie/main/binary-amd64/by-hash/SHA256/{SHA}", Kind.PAYLOAD),
        ("dists/stable", Kind.INDEX),
        ("dists/trixie/main/installer-amd64/current/images/SHA256SUMS", Kind.INDEX),
        ("indices/files/arch-amd64.files", Kind.INDEX),
        ("ls-lR.gz", Kind.INDEX),
        ("Packages.gz", Kind.INDEX),
        ("project/trace/master", Kind.TRACE),
        ("pool/main/r/release/Releaser_1.deb", Kind.PAYLOAD),
    ],
)
def test_debian(path: str, kind: Kind) -> None:
    assert kind_of(DEBIAN, path) is kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("os/x86_64/repodata/repomd.xml", Kind.INDEX),
        (f"os/x86_64/repodata/{SHA}-primary.xml.gz", Kind.PAYLOAD),
        ("os/x86_64/Packages/a/a-1.rpm", Kind.PAYLOAD),
        ("project/trace/mirror.example.org", Kind.TRACE),
    ],
)
def test_rpm(path: str, kind: Kind) -> None:
    assert kind_of(RPM, path) is kind


def test_generic_is_all_payload_but_the_traces() -> None:
    assert kind_of(GENERIC, "dists/trixie/InRelease") is Kind.PAYLOAD
    assert kind_of(GENERIC, "project/trace/master") is Kind.TRACE


@pytest.mark.parametrize("profile", ["debian", "rpm", "generic"])
def test_the_operators_patterns_add_to_what_a_profile_knows(profile: str) -> None:
    ours = Profile.of(profile, ["*.db", "/lastupdate", "lists/"])
    for path in ("a/b/core.db", "lastupdate", "x/lists/deep/file", "core.db/inside"):
        assert kind_of(Profile(profile), path) is Kind.PAYLOAD
        assert kind_of(ours, path) is Kind.INDEX
    for path in ("a/b/core.db.tar", "deep/lastupdate", "lists"):
        assert kind_of(ours, path) is Kind.PAYLOAD


def test_names_that_tell_their_content_stay_payload() -> None:
    assert kind_of(Profile.of("rpm", ["*.gz"]), f"repodata/{SHA}-primary.xml.gz") is Kind.PAYLOAD
    assert kind_of(Profile.of("generic", ["*.gz"]), f"repodata/{SHA}-primary.xml.gz") is Kind.INDEX
    assert kind_of(Profile.of("generic", ["*"]), "project/trace/master") is Kind.TRACE
