from __future__ import annotations

import pytest

from appliance.settings.faults import Fault
from appliance.settings.publickey import public_key
from tests.unit.samples import HUB_KEY


def test_a_public_key_may_be_a_pub_file_with_comments() -> None:
    assert public_key(f"# from the hub\n\n{HUB_KEY}\n") == HUB_KEY
    assert public_key(" ".join(HUB_KEY.split()[:2])) == " ".join(HUB_KEY.split()[:2])


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "0 keys"),
        (f"{HUB_KEY}\n{HUB_KEY}", "2 keys"),
        (f'restrict,command="id" {HUB_KEY}', "options in front"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "private key"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA", "another program"),
        ("ssh-dss AAAA", "known key type"),
        ("ssh-ed25519", "known key type"),
        ("ssh-ed25519 A$AA", "damaged"),
        (HUB_KEY.replace("ssh-ed25519", "ssh-rsa"), "not that of a key of type ssh-rsa"),
        (HUB_KEY[:40], "damaged|not that"),
        (f"{HUB_KEY}\a", "control character"),
    ],
)
def test_what_is_no_public_key_is_told(text: str, fact: str) -> None:
    with pytest.raises(Fault, match=fact):
        public_key(text)
