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
    """The keys in force."""

    host: KeyPair
    push: KeyPair


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
    return Keys(
        host=_obtain(settings.host_key, places.state_host_key, settings.name, places),
        push=_obtain(settings.push_key, places.state_push_key, settings.name, places),
    )


def _obtain(secret: SecretStr | None, kept: Path, comment: str, places: Places) -> KeyPair:
    if secret:
        return _pair(_normal(secret), places.keys)
    if not kept.exists():
        _generate(kept, comment)
    public = kept.with_name(f"{kept.name}.pub")
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
        new.with_name("key.pub").replace(kept.with_name(f"{kept.name}.pub"))
        new.replace(kept)
