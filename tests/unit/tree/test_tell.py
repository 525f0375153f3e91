from __future__ import annotations

import pytest

from appliance.commands import Outcome
from appliance.tree import tell


@pytest.mark.parametrize(
    ("code", "stderr", "words"),
    [
        (255, "No ED25519 host key is known for [leaf]:2222\nHost key verification failed.", "not known here; put"),
        (255, "Host key for leaf has changed and you have requested strict checking.", "has changed; ask"),
        (255, "Connection timed out during banner exchange", "never says a word"),
        (255, "mirror@leaf: Permission denied (publickey).", "mirrorctl keys"),
        (255, "ssh: connect to host leaf port 22: Connection refused", "not reachable: ssh: connect"),
        (255, "", "broke off"),
        (0, "a banner", ""),
        (124, "", "no end after 5 s"),
        (78, "no archive 'x'", "does not carry"),
        (1, "lock file still exists", "busy"),
        (4, "", "its sync failed with exit 4"),
    ],
)
def test_reason(code: int, stderr: str, words: str) -> None:
    assert words in tell.reason(Outcome(("ssh",), code, "", stderr, 5))
