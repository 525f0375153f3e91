"""A public key of somebody else, as its owner handed it over."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import AfterValidator

from appliance.settings.faults import Fault
from appliance.settings.values import single_line

KEY_TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)


_CURE: Final = "give one line as in the upstream's .pub file: type, base64 text and perhaps a comment, no options"


def public_key(value: str) -> str:
    """One OpenSSH public key, `type base64 [comment]`, without options. Raises Fault."""
    if "PRIVATE KEY" in value:
        fact = "is a private key, which nobody but its owner may have"
        raise Fault(fact, "its owner gives the .pub file beside it, and makes a new pair, since this one was passed on")
    if "SSH2 PUBLIC KEY" in value:
        raise Fault("is a public key in another program's form", "convert it: ssh-keygen -i -f FILE")
    words = single_line(_only_line(value)).split()
    _check_kind(words)
    _check_blob(*words[:2])
    return " ".join(words)


def _only_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) != 1:
        raise Fault(f"holds {len(lines)} keys instead of one", _CURE)
    return lines[0]


def _check_kind(words: Sequence[str]) -> None:
    if words[0] not in KEY_TYPES and (kind := next((word for word in words if word in KEY_TYPES), "")):
        cure = f"remove everything in front of {kind}: FROM and ARCHIVES are settings of their own here"
        raise Fault("has options in front of the key, as authorized_keys has", cure)
    if len(words) < 2 or words[0] not in KEY_TYPES:
        raise Fault(f"does not begin with a known key type but with {words[0][:40]!r}", _CURE)


def _check_blob(kind: str, text: str) -> None:
    """That the key's text is one, and says the same of its type (RFC 4253 section 6.6)."""
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Fault("the key's base64 text is damaged", _CURE) from None
    if blob[4 : 4 + len(kind)] != kind.encode() or len(blob) < 40:
        raise Fault(f"the key's text is not that of a key of type {kind}", _CURE)


PublicKey = Annotated[str, AfterValidator(public_key)]
