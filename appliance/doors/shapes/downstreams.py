"""Those whom we tell, those whom we invited, and who has invited us, as the API has them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from appliance.doors.shapes.shape import Count, Epoch, Shape


class Delivery(Shape):
    """How far a downstream has been told of an archive."""

    state: Literal["pending", "pushing", "delivered", "failing", "lost"]
    serial: str | None
    carries: str | None = Field(description="the serial it was last seen to publish")
    confirmed: bool
    attempts: Count
    error: str | None
    next_at: Epoch | None


class Member(Shape):
    """A mirror that was invited to be a downstream of ours."""

    state: Literal["invited", "joined", "revoked"]
    archives: list[str] = Field(description="what it was offered")
    invited_at: Epoch
    expires_at: Epoch = Field(description="until when the invitation could be used")
    joined_at: Epoch | None
    seen_at: Epoch | None = Field(description="when it last told us something new of itself")


class Membership(Shape):
    """What has come of the token that an upstream has invited us by."""

    upstream: str
    name: str = Field(description="what we were invited as")
    archives: list[str] = Field(description="those that come by it")
    state: Literal["waiting", "joined", "refused"]
    renewing: bool = Field(description="whether a new password is asked for")
    joined_at: Epoch | None
    answered_at: Epoch | None = Field(description="when the upstream has last answered; null: by paste, or never")
    trouble: str | None = Field(description="what is wrong, for people")
    cure: str | None
