"""What one run of one archive works with, and what it says of itself to hooks and in traces."""

from __future__ import annotations

from appliance.places import Places
from appliance.records import Run
from appliance.run import hooks
from appliance.run.chronicle import Chronicle
from appliance.run.figures import Figures, Permits
from appliance.run.reach import profile_of
from appliance.run.testimony import testify
from appliance.settings import Archive, Settings
from appliance.store import Store
from appliance.sync import trace
from appliance.sync.staging import Staging
from appliance.volume import Volume


class Ground:
    """The settings, places and figures of one run; all that its steps share."""

    def __init__(
        self,
        settings: Settings,
        places: Places,
        store: Store,
        name: str,
        run: Run,
        permits: Permits,
        figures: Figures | None = None,
        volume: Volume | None = None,
    ) -> None:
        self.settings, self.places, self.store = settings, places, store
        self.name, self.run, self.permits = name, run, permits
        self.archive: Archive = settings.archives[name]
        self.profile = profile_of(self.archive)
        self.tree = places.archive(name)
        self.staging = Staging(places.staging(name))
        self.volume = volume or Volume(places, settings.reserve)
        self.figures = figures or Figures()
        self.chronicle = Chronicle(places, name, settings.name)
        self.paths = 0
        """How many paths the upstream's tree has, 0 while that is not known."""

    def trace(self) -> trace.Trace:
        """Our trace file, as things are now."""
        return testify(self.settings, self.places, self.name, self.run, self.figures)

    async def hook(self, point: int) -> None:
        """Call the hook of this number, if there is one. Raises HookError."""
        figures, upstream = self.figures, self.archive.upstream
        facts: dict[str, hooks.Fact] = {
            "archive": self.name,
            "run": self.run.id,
            "kind": self.run.kind,
            "trigger": self.run.trigger,
            "tree": str(self.tree),
            "upstream": upstream.url if upstream else None,
            "serial": trace.serial_of(self.tree),
            "payload": figures.payload,
            "index": figures.index,
            "bytes": figures.bytes,
        }
        await hooks.call(self.settings.hooks, point, facts, self.settings.hook_deadline)
