"""What every part of the settings is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A part of the settings: never changed after it was read, no setting but the named ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")
