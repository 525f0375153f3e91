"""What can be configured, and what is in force: environment → one frozen, validated `Settings`, or every problem."""

from appliance.settings.admitted import KeyHolder, Pull, Trigger
from appliance.settings.archive import Archive
from appliance.settings.downstream import Downstream
from appliance.settings.environment import Variable, variables
from appliance.settings.reading import Effective, Reading, explain, load, read
from appliance.settings.registered import RegisteredMirror
from appliance.settings.schema import Info, Settings
from appliance.settings.upstream import Upstream

__all__ = [
    "Archive",
    "Downstream",
    "Effective",
    "Info",
    "KeyHolder",
    "Pull",
    "Reading",
    "RegisteredMirror",
    "Settings",
    "Trigger",
    "Upstream",
    "Variable",
    "explain",
    "load",
    "read",
    "variables",
]
