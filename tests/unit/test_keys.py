from __future__ import annotations

from pathlib import Path

import pytest

from appliance import keys
from appliance.errors import ConfigurationError
from appliance.places import Places
from tests.unit.programs import ssh_key
from tests.unit.samples import smallest


def test_keys_are_made_once_and_stay(places: Places) -> None:
    first = keys.obtain(smallest(), places)
    assert first.host.public.split()[0] == first.push.public.split()[0] == "ssh-ed25519"
    assert first.host.public.split()[2] == "mirror.example.org"
    assert first.host.private != first.push.private
    assert keys.obtain(smallest(), places) == first
    assert places.state_push_key.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in places.state_push_key.parent.iterdir()) == [
        "push_ed25519",
        "push_ed25519.pub",
        "ssh_host_ed25519_key",
        "ssh_host_ed25519_key.pub",
    ]


def test_a_public_half_that_got_lost_is_derived_again(places: Places) -> None:
    first = keys.obtain(smallest(), places)
    places.state_push_key.with_name("push_ed25519.pub").unlink()
    assert keys.obtain(smallest(), places) == first


@pytest.mark.parametrize("spoil", [str, lambda text: text.rstrip("\n"), lambda text: text.replace("\n", "\r\n")])
def test_a_given_key_is_used_and_nothing_made(places: Places, tmp_path: Path, spoil: type[str]) -> None:
    private = ssh_key(tmp_path / "key")
    pair = keys.obtain(smallest(push_key=spoil(private)), places).push
    assert pair.private == private
    assert pair.public == (tmp_path / "key.pub").read_text()
    assert not places.state_push_key.exists()


def test_keys_that_cannot_be_used_are_told_together(places: Places, tmp_path: Path) -> None:
    settings = smallest(push_key="no key", host_key=ssh_key(tmp_path / "key", passphrase="locked"))
    with pytest.raises(ConfigurationError) as caught:
        keys.obtain(settings, places)
    assert [problem.variable for problem in caught.value.problems] == ["MIRROR_HOST_KEY", "MIRROR_PUSH_KEY"]
    assert "incorrect passphrase" in caught.value.problems[0].fact
    assert not places.state_push_key.exists()
    assert list(places.keys.iterdir()) == []
