"""The TLS certificate we show: whether it can be used, before anything depends on it, and until when."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from appliance import commands
from appliance.errors import Problem

_CURE = "give it as PEM text: first our own certificate, then those that lead to the authority"


def fault(cert: str, key: str) -> Problem | None:
    """What is wrong with a certificate and its key, if anything. Touches no disk."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(cadata=cert)
    except (ssl.SSLError, TypeError, ValueError):
        return Problem("MIRROR_TLS_CERT", "is not a certificate", _CURE)
    try:
        with _readable(cert) as cert_path, _readable(key) as key_path:
            # Without an answer of ours OpenSSL would ask the terminal for the passphrase.
            context.load_cert_chain(cert_path, key_path, password=lambda: "-")
    except ssl.SSLError as error:
        return _key_fault(error.reason or "", key)
    return None


_ends: dict[str, float] = {}
"""Of the certificate that was asked about last: anybody may ask as often as he likes."""


async def end_of(cert: str) -> float | None:
    """When a certificate ends (epoch seconds); None when there is none, or nobody can tell."""
    if cert and cert not in _ends and (end := await _read_end(cert)):
        _ends.clear()
        _ends[cert] = end
    return _ends.get(cert)


async def _read_end(cert: str) -> float | None:
    outcome = await commands.run(["openssl", "x509", "-noout", "-enddate"], deadline=5, feed=cert.encode())
    found = re.search(r"^notAfter=(.+ GMT)$", outcome.stdout, re.M)
    return float(ssl.cert_time_to_seconds(found[1])) if outcome.ok and found else None


def _key_fault(reason: str, key: str) -> Problem:
    if reason == "KEY_VALUES_MISMATCH":
        fact, cure = "is not the key of the certificate", "give the two that were made together"
    elif "ENCRYPTED" in key:
        fact, cure = "is locked with a passphrase", "unlock it: openssl pkey -in KEY -out UNLOCKED"
    else:
        why = reason.replace("_", " ").lower() or "not a private key"
        fact, cure = f"cannot be used ({why})", "give the certificate's private key as PEM text"
    return Problem("MIRROR_TLS_KEY", fact, cure)


@contextmanager
def _readable(text: str) -> Iterator[str]:
    """A path for a text that never reaches a disk: OpenSSL reads its key from a file only."""
    memory = os.memfd_create("certificate")
    try:
        os.write(memory, text.encode())
        yield f"/proc/self/fd/{memory}"
    finally:
        os.close(memory)
