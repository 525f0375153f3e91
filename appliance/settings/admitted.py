"""Who may trigger us and who may fetch by a key of his own: what can be configured of each."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, Field

from appliance.settings.frozen import Frozen
from appliance.settings.hosts import HostPatterns, names_host
from appliance.settings.publickey import PublicKey
from appliance.settings.secrets import Password
from appliance.settings.values import FILE, Words


class KeyHolder(Frozen):
    """Somebody whom sshd lets in for one purpose."""

    key: Annotated[PublicKey, FILE] = Field(description="ssh public key, one line as in its owner's `.pub` file")
    from_: HostPatterns = Field(
        ("*",),
        validation_alias=AliasChoices("from", "from_"),
        serialization_alias="from",
        description="addresses, networks or hosts that the key is good from",
    )

    @property
    def is_from_names(self) -> bool:
        """Whether `from_` can only be checked by looking up the name of a client's address."""
        return any(map(names_host, self.from_))


class Trigger(KeyHolder):
    """Somebody who may tell us by ssh that there is something new."""

    archives: Words = Field((), description="archives that the key may trigger; empty: all")
    background: bool = Field(
        False, description="whatever the trigger says is `sync:all` and answered at once, as Ubuntu's keys expect"
    )


class Pull(KeyHolder):
    """Somebody who may fetch by rsync at the end of an ssh connection."""

    archives: Words = Field((), description="archives that the key may fetch, without a password; empty: all")


class HttpTrigger(Frozen):
    """Somebody who may tell us by HTTP that there is something new."""

    password: Annotated[Password | None, FILE] = Field(
        None,
        description="who loads `https://<name>:PASSWORD@mirror/trigger` triggers `ARCHIVES`; 16 characters or more",
    )
    token: Annotated[Password | None, FILE] = Field(
        None,
        description="who loads `https://mirror/trigger/ARCHIVE/TOKEN` triggers the archive; 20 characters or more",
    )
    from_: HostPatterns = Field(
        ("*",),
        validation_alias=AliasChoices("from", "from_"),
        serialization_alias="from",
        description="addresses or networks that it is good from",
    )
    archives: Words = Field((), description="archives that it may trigger; empty: all")
