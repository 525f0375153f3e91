"""What the appliance carries and does, as one JSON-shaped picture: for mirrorctl, the API, the page and readiness."""

from appliance.status.members import member
from appliance.status.picture import archives, mirrors, picture
from appliance.status.readiness import not_ready
from appliance.status.runs import progress, request, run_of
from appliance.status.volumes import volumes

__all__ = ["archives", "member", "mirrors", "not_ready", "picture", "progress", "request", "run_of", "volumes"]
