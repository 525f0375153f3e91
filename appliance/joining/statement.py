"""What a downstream says of itself to join, to be told what is new, and to have its password changed; and the answer.

One line each, that travels by HTTP or is pasted by people. Both are sealed with a secret that is never in them, so that
neither needs to be kept from anybody, and neither can be made up."""

from __future__ import annotations

import json
from typing import Annotated, Final, Literal

from pydantic import Field

from appliance.joining import paper, secrets
from appliance.joining.paper import Form, Paper
from appliance.settings.faults import Fault
from appliance.settings.hosts import HostName, HostPatterns
from appliance.settings.publickey import PublicKey
from appliance.settings.values import Line

STATEMENT: Final = "push-mirror-join-1"
ANSWER: Final = "push-mirror-answer-1"
"""The first words of a downstream's line and of the upstream's; another number is another form."""

Result = Literal["welcome", "renew", "refused", "expired", "used", "revoked"]

Nonce = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Statement(Paper):
    """A downstream about itself."""

    name: HostName
    """What it was invited as."""
    nonce: Nonce
    """New for each secret that it wants, the same when it says the same again: `heir(secret, nonce)` is the secret."""
    wants: Literal["join", "renew", "news"]
    """To join by a token; a new secret and with it a new password; nothing but an answer."""
    said_at: Annotated[int, Field(ge=1, le=1 << 40)]
    """Seconds since the epoch, by its own clock, and later than whatever it said before by the same secret: of two
    statements the older is no news, and renews nothing."""
    mirror: HostName
    """Its own `MIRROR_NAME`."""
    ssh: Line
    """`host:port` of the sshd that takes triggers; empty: nobody reaches it, it fetches by a schedule."""
    host_keys: Annotated[tuple[PublicKey, ...], Field(max_length=8)]
    """The keys of that sshd."""
    site: Line
    """Where its users find an archive, `*` in it for the archive's name."""
    archives: Annotated[tuple[HostName, ...], Field(max_length=100)]
    """Those of the offered ones that it carries."""


class Answer(Paper):
    """What an upstream answers to a statement that it believes."""

    to: Nonce
    """The statement's nonce."""
    result: Result
    """`renew`: all is well, and it asks for a renewal. `refused`: not with this statement, ``says`` tells why. Anything
    but these and `welcome` is final for this secret."""
    says: Line = ""
    """For people: a fact and its cure; empty when all is well."""
    user: HostName
    """The rsync user that belongs to the secret which the downstream has from now on."""
    push_keys: Annotated[tuple[PublicKey, ...], Field(max_length=8)]
    """All keys that may trigger now."""
    host_keys: Annotated[tuple[Line, ...], Field(max_length=16)]
    """The upstream's own sshd now, as lines of a `known_hosts` file."""
    sources: HostPatterns = ()
    """Addresses that triggers come from now; empty: any."""


class Sealed(Paper):
    """A text, and the proof of who has written it."""

    name: HostName
    """Whose secret it is sealed with."""
    text: Annotated[str, Field(max_length=paper.LONGEST)]
    seal: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    def is_by(self, kind: str, secret: str) -> bool:
        """Whether the holder of the secret has sealed it as a line of that kind: what we said is nobody's answer."""
        return secrets.is_sealed(secret, kind, self.text, self.seal)

    def opened(self, kind: str, form: type[Form], secret: str) -> Form:
        """The content; raises Fault when another secret has sealed it, or the text is not of that form."""
        if not self.is_by(kind, secret):
            raise Fault("is sealed by another secret", "use the line and the token that belong together")
        try:
            return form.model_validate(json.loads(self.text))
        except (ValueError, RecursionError):
            raise Fault("says what nobody here understands", "both ends should run versions of the same year") from None


def sealed(kind: str, name: str, content: Statement | Answer, secret: str) -> str:
    """The content as one line that proves its writer."""
    text = json.dumps(content.model_dump(mode="json"), separators=(",", ":"), sort_keys=True)
    return paper.fold(kind, Sealed(name=name, text=text, seal=secrets.seal(secret, kind, text)))


def read(kind: str, line: str) -> Sealed:
    """A line that has not been opened yet: nothing in it is to be believed. Raises Fault."""
    return paper.unfold(kind, Sealed, line)
