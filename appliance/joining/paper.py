"""What the two ends hand each other, each one line of text: made so that what was damaged on the way is noticed."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict

from appliance.settings.faults import Fault

LONGEST: Final = 16_384
"""Bytes of a paper, unpacked: those that people may hand us are bounded before they are looked at."""


class Paper(BaseModel):
    """What is written on it. What a newer version writes more, an older one passes over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Form = TypeVar("Form", bound=Paper)


def fold(kind: str, content: Paper) -> str:
    """One line without white space: the kind, a full stop, and the content, which a checksum ends (zlib, RFC 1950)."""
    text = json.dumps(content.model_dump(mode="json"), separators=(",", ":"), sort_keys=True)
    return f"{kind}.{_letters(zlib.compress(text.encode(), 9))}"


def unfold(kind: str, form: type[Form], line: str) -> Form:
    """The content; raises Fault when the line is of another kind, was cut or changed. The fault never quotes it."""
    given, _, text = "".join(line.split()).partition(".")
    if given != kind:
        raise Fault(f"is not a line that begins with {kind}.", "paste the whole line as it was printed, and no other")
    cure = "a part of it is missing or changed: copy the whole line once more"
    try:
        return form.model_validate(_content(text))
    except (ValueError, zlib.error, RecursionError):
        raise Fault("is damaged", cure) from None


def _content(text: str) -> Any:
    packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _letters(packed) != text:
        # Of the last letter base64 passes over some bits.
        raise ValueError
    reader = zlib.decompressobj()
    unpacked = reader.decompress(packed, LONGEST)
    if not reader.eof or reader.unused_data:
        raise ValueError
    return json.loads(unpacked)


def _letters(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")
