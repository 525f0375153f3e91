"""What the store keeps, as values. Times are epoch seconds."""

from appliance.records.archives import ArchiveState, Mark, Publication
from appliance.records.members import Joined, Member
from appliance.records.mirrors import Delivery, Fresh, Sighting, Source
from appliance.records.notices import Notice
from appliance.records.serials import serial_number
from appliance.records.work import Request, Run

__all__ = [
    "ArchiveState",
    "Delivery",
    "Fresh",
    "Joined",
    "Mark",
    "Member",
    "Notice",
    "Publication",
    "Request",
    "Run",
    "Sighting",
    "Source",
    "serial_number",
]
