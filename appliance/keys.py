"""The two ssh keys we own: the one we show to upstreams, and the one that triggers downstreams."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import SecretStr

from appliance.commands import run_now
from appliance.errors import ApplianceError, ConfigurationError, Problem
from appliance.places import Places
from appliance.settings import Settings


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The text of a private key and of its public half, each with the newline at its end."""

    private: str
    public: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys in force; ``next_push`` is offered beside ``push`` until everybody knows it."""

    host: KeyPair
    push: KeyPair
    next_push: KeyPair | None = None


def check(settings: Settings, places: Places) -> tuple[Problem, ...]:
    """What is wrong with the keys that were given; nothing is generated and nothing kept."""
    places.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = {"MIRROR_HOST_KEY": settings.host_key, "MIRROR_PUSH_KEY": settings.push_key}
    problems = (_problem(variable, secret, places) for variable, secret in given.items() if secret)
    return tuple(problem for problem in problems if problem)


def obtain(settings: Settings, places: Places) -> Keys:
    """The given keys, or those on the state volume, which are made there the first time and then stay."""
    if problems := check(settings, places):
        raise ConfigurationError(problems)
    is_rotating = not settings.push_key and places.state_next_push_key.exists()
    return Keys(
        host=_obtain(settings.host_key, places.state_host_key, settings.name, places),
        push=_obtain(settings.push_key, places.state_push_key, settings.name, places),
        next_push=_obtain(None, places.state_next_push_key, settings.name, places) if is_rotating else None,
    )


def begin_rotation(settings: Settings, places: Places) -> None:
    """Have a second push key beside the first; one that is there already stays. Raises ApplianceError."""
    if settings.push_key:
        cure = "put another there; members are told of it when they are heard of next, all others you tell"
        raise ApplianceError("the push key is what MIRROR_PUSH_KEY says", cure)
    if not places.state_next_push_key.exists():
        _generate(places.state_next_push_key, settings.name)


def end_rotation(places: Places) -> None:
    """Put the second push key in the place of the first. A crash leaves either; a public half is made anew."""
    public, next_public = (_public(kept) for kept in (places.state_push_key, places.state_next_push_key))
    public.unlink(missing_ok=True)
    places.state_next_push_key.replace(places.state_push_key)
    next_public.replace(public)


def _public(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.pub")


def _obtain(secret: SecretStr | None, kept: Path, comment: str, places: Places) -> KeyPair:
    if secret:
        return _pair(_normal(secret), places.keys)
    if not kept.exists():
        _generate(kept, comment)
    public = _public(kept)
    return KeyPair(kept.read_text(), public.read_text()) if public.exists() else _pair(kept.read_text(), places.keys)


def _problem(variable: str, secret: SecretStr, places: Places) -> Problem | None:
    try:
        _pair(_normal(secret), places.keys)
    except ApplianceError as error:
        return Problem(variable, error.fact, error.cure)
    return None


def _normal(secret: SecretStr) -> str:
    """The text as ssh wants it: variables lose the last newline, some editors add carriage returns."""
    return secret.get_secret_value().replace("\r\n", "\n").strip("\n") + "\n"


@lru_cache(maxsize=4)  # boot asks twice: first whether, then for what
def _pair(private: str, scratch: Path) -> KeyPair:
    """Derive the public half, which proves that the private key is usable without a passphrase."""
    with tempfile.NamedTemporaryFile("w", dir=scratch, prefix=".") as file:
        file.write(private)
        file.flush()
        outcome = run_now("ssh-keygen", "-y", "-P", "", "-f", file.name)
    if not outcome.ok:
        cure = "give an OpenSSH private key without a passphrase, as ssh-keygen -t ed25519 -N '' makes it"
        why = outcome.last_words.rpartition(": ")[2]
        raise ApplianceError(f"is not a usable private key ({why})", cure)
    return KeyPair(private, outcome.stdout.strip() + "\n")


def _generate(kept: Path, comment: str) -> None:
    """Make a pair; the private half appears last, so that neither is ever without the other."""
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".") as scratch:
        new = Path(scratch) / "key"
        outcome = run_now("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(new))
        if not outcome.ok:
            raise ApplianceError(f"no key could be made: {outcome.last_words}", f"check the volume that holds {kept}")
        new.with_name("key.pub").replace(_public(kept))
        new.replace(kept)
