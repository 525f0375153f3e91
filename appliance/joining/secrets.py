"""What both ends can compute and nobody else: no password ever travels, so that nothing need be encrypted."""

from __future__ import annotations

import hmac
import secrets
from typing import Final

_LENGTH: Final = 32
"""Hexadecimal digits of a new secret, and of a password: 128 bits."""


def fresh() -> str:
    """A secret, or a number used once, that nobody guesses."""
    return secrets.token_hex(_LENGTH // 2)


def heir(secret: str, nonce: str) -> str:
    """The secret that follows when its holder has named a ``nonce``: who knows only one of the two does not know it."""
    return _derived(secret, "heir", nonce)


def password(secret: str) -> str:
    """The rsync password that belongs to a secret, which cannot be told from it."""
    return _derived(secret, "rsync", "")


def seal(secret: str, kind: str, text: str) -> str:
    """What proves that the holder of the secret has written the text as one of that kind (HMAC-SHA256, hexadecimal)."""
    return hmac.digest(secret.encode(), f"{kind} {text}".encode(), "sha256").hex()


def is_sealed(secret: str, kind: str, text: str, claimed: str) -> bool:
    """Whether the seal is right; takes the same time either way."""
    return hmac.compare_digest(seal(secret, kind, text).encode(), claimed.encode())


def _derived(secret: str, purpose: str, more: str) -> str:
    return seal(secret, f"push-mirror {purpose}", more)[:_LENGTH]
