"""The other end of an invitation, no more of it than its lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from appliance.joining import secrets, statement
from appliance.joining.invitation import Invitation
from appliance.joining.statement import ANSWER, STATEMENT, Answer, Statement
from tests.unit.samples import LEAF_KEY

_LATER = count(1_000)


@dataclass
class Joiner:
    """Has a token, names a nonce, and knows what follows from the two."""

    token: Invitation
    nonce: str = field(default_factory=secrets.fresh)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def secret(self) -> str:
        """Its own, once it has joined."""
        return secrets.heir(self.token.secret, self.nonce)

    @property
    def password(self) -> str:
        """What it fetches with."""
        return secrets.password(self.secret)

    def says(self, wants: str = "join", secret: str = "", **changes: Any) -> str:
        """A line about itself, sealed with the token, or with another secret."""
        said = {
            "name": self.token.name,
            "nonce": self.nonce,
            "wants": wants,
            "said_at": next(_LATER),
            "mirror": self.token.name,
            "ssh": f"{self.token.name}:2222",
            "host_keys": (LEAF_KEY,),
            "site": "",
            "archives": tuple(self.token.archives),
        }
        content = Statement.model_validate(said | self.facts | changes)
        return statement.sealed(STATEMENT, self.token.name, content, secret or self.token.secret)

    def reads(self, line: str, secret: str = "") -> Answer:
        """The answer, if it is to us."""
        return statement.read(ANSWER, line).opened(ANSWER, Answer, secret or self.token.secret)
