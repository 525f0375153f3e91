"""Lines that two mirrors hand each other: read as written, or known to be damaged, made up, or of another secret."""

from __future__ import annotations

import json
import re
import zlib
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.joining import invitation, secrets, statement
from appliance.joining.invitation import Invitation
from appliance.joining.statement import ANSWER, STATEMENT, Answer, Sealed, Statement
from appliance.settings.faults import Fault

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFbtBVBVSFStw1XnO0QO2pTCHQFd2BaNhZOOPWgBvKcT push@hub.example.org"
SECRET = "0123456789abcdef" * 2
OFFER = Invitation(
    name="leaf.example.org",
    upstream="hub.example.org",
    secret=SECRET,
    expires_at=2_000_000_000,
    callback="https://hub.example.org/join",
    rsync="rsync://hub.example.org:873",
    push_keys=(KEY,),
    host_keys=("[hub.example.org]:2222 " + " ".join(KEY.split()[:2]),),
    archives={"debian": "debian", "smeserver": "rpm"},
)
SAID = Statement(
    name="leaf.example.org",
    nonce=SECRET[::-1],
    wants="join",
    said_at=1_900_000_000,
    mirror="leaf.example.org",
    ssh="leaf.example.org:2222",
    host_keys=(KEY,),
    site="http://leaf.example.org/*",
    archives=("debian",),
)


def test_a_token_is_one_word_and_says_what_was_offered() -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+", OFFER.token)
    assert invitation.read(OFFER.token) == OFFER


def test_mail_that_breaks_lines_does_no_harm() -> None:
    broken = "\n > ".join([OFFER.token[:70], OFFER.token[70:]]).replace(">", " ")
    assert invitation.read(f"  {broken}\r\n") == OFFER


@given(st.integers(0, len(OFFER.token) - 1), st.sampled_from("Aa0_-.~ü"))
def test_a_changed_letter_is_noticed(place: int, letter: str) -> None:
    """Unless it means nothing: some bits in front of the checksum are padding."""
    changed = OFFER.token[:place] + letter + OFFER.token[place + 1 :]
    found = read(changed)
    assert found == OFFER or (isinstance(found, Fault) and changed != OFFER.token)
    assert isinstance(found, Invitation) or SECRET not in f"{found.fact} {found.cure}"


def read(token: str) -> Invitation | Fault:
    """The invitation, or what is wrong with it."""
    try:
        return invitation.read(token)
    except Fault as fault:
        return fault


@given(st.integers(0, len(OFFER.token) - 1))
def test_a_token_that_was_cut_is_noticed(length: int) -> None:
    with pytest.raises(Fault, match="the token is"):
        invitation.read(OFFER.token[:length])


@given(st.text() | st.binary().map(lambda data: f"{invitation.KIND}.{urlsafe_b64encode(zlib.compress(data)).decode()}"))
def test_anything_else_is_a_fault_and_nothing_worse(text: str) -> None:
    with pytest.raises(Fault):
        invitation.read(text)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = urlsafe_b64encode(zlib.compress(b"[" * 50_000_000, 9)).decode()
    with pytest.raises(Fault):
        statement.read(STATEMENT, f"{STATEMENT}.{bomb}")


def test_the_repr_of_an_invitation_has_no_secret() -> None:
    assert SECRET not in repr(OFFER)


def test_a_statement_is_read_by_the_secret_it_was_sealed_with() -> None:
    line = statement.sealed(STATEMENT, SAID.name, SAID, SECRET)
    sealed = statement.read(STATEMENT, line)
    assert sealed.name == SAID.name
    assert sealed.opened(STATEMENT, Statement, SECRET) == SAID
    with pytest.raises(Fault, match="another secret"):
        sealed.opened(STATEMENT, Statement, secrets.fresh())


def test_what_was_changed_under_its_seal_is_not_believed() -> None:
    sealed = statement.read(STATEMENT, statement.sealed(STATEMENT, SAID.name, SAID, SECRET))
    forged = sealed.text.replace("leaf.example.org:2222", "evil.example.org:2222")
    with pytest.raises(Fault, match="another secret"):
        Sealed(name=sealed.name, text=forged, seal=sealed.seal).opened(STATEMENT, Statement, SECRET)


def test_a_statement_is_no_answer() -> None:
    line = statement.sealed(STATEMENT, SAID.name, SAID, SECRET)
    with pytest.raises(Fault, match="begins with"):
        statement.read(ANSWER, line)
    with pytest.raises(Fault, match="nobody here understands"):
        statement.read(STATEMENT, line).opened(STATEMENT, Answer, SECRET)


def test_a_seal_is_for_one_kind_of_line() -> None:
    """Whatever fields the two may have in common one day, what we said ourselves is never taken for an answer."""
    line = statement.sealed(STATEMENT, SAID.name, SAID, SECRET)
    with pytest.raises(Fault, match="another secret"):
        statement.read(ANSWER, line.replace(STATEMENT, ANSWER)).opened(ANSWER, Statement, SECRET)


def test_what_is_nested_too_deep_is_a_fault_and_nothing_worse() -> None:
    text = "[" * 16_000
    deep = Sealed(name=SAID.name, text=text, seal=secrets.seal(SECRET, STATEMENT, text))
    with pytest.raises(Fault, match="nobody here understands"):
        deep.opened(STATEMENT, Statement, SECRET)


def test_neither_line_holds_the_secret_or_a_password() -> None:
    sealed = statement.read(STATEMENT, statement.sealed(STATEMENT, SAID.name, SAID, SECRET))
    new = secrets.heir(SECRET, SAID.nonce)
    assert not {SECRET, new, secrets.password(SECRET), secrets.password(new)} & set(re.findall(r"\w+", sealed.text))


def test_a_newer_version_may_say_more() -> None:
    text = json.dumps(SAID.model_dump(mode="json") | {"weather": "fine"})
    assert (
        Sealed(name=SAID.name, text=text, seal=secrets.seal(SECRET, STATEMENT, text)).opened(
            STATEMENT, Statement, SECRET
        )
        == SAID
    )


@given(st.text(min_size=1), st.text(min_size=1))
def test_secrets_that_follow_differ_in_all_they_are_used_for(secret: str, nonce: str) -> None:
    new = secrets.heir(secret, nonce)
    assert len({secret, new, secrets.password(secret), secrets.password(new), secrets.heir(secret, nonce + "x")}) == 5
