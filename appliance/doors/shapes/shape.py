"""What every answer of the API is made of.

Times are epoch seconds, sizes bytes, durations seconds. Names are stable: they may gain neighbours, they do not go.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Count = int
Epoch = float


class Shape(BaseModel):
    """Everything that is there is described."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)
