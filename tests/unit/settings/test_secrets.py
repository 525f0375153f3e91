from __future__ import annotations

import pytest
from pydantic import SecretStr

from appliance.settings.faults import Fault
from appliance.settings.secrets import rsync_secrets, secret_users


def test_secrets_list_their_users() -> None:
    secret = rsync_secrets(SecretStr("# one for each\nsite1.example.com:a:b\n\nsite2.example.com:x"))
    assert secret_users(secret) == ("site1.example.com", "site2.example.com")


@pytest.mark.parametrize("text", ["no-colon", "a:", ":password", "a:1\na:2", "a b:password"])
def test_a_bad_secret_is_told_without_being_quoted(text: str) -> None:
    with pytest.raises(Fault) as caught:
        rsync_secrets(SecretStr(f"good:topsecret\n{text}"))
    assert "line" in caught.value.fact
    assert "password" not in caught.value.fact.replace("user:password", "")
    assert "topsecret" not in caught.value.fact
