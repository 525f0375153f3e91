"""How rsync reaches an upstream: the part of its command line that every call to one archive shares."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appliance import complaints
from appliance.commands import Outcome, Verdict
from appliance.errors import SyncError
from appliance.sync.choice import Choice
from appliance.sync.profile import HIERARCHY, TRACE_DIRECTORY
from appliance.sync.transport import Transport, openssl_said
from appliance.sync.verdicts import rsync_verdict

_CURES: Final[Mapping[Verdict, str]] = {
    Verdict.MOVED: "the upstream changed meanwhile; the next run plans again",
    Verdict.NETWORK: "it is tried again by itself; if it stays, check host and port in {variable}__UPSTREAM",
    Verdict.BUSY: "the upstream has no free connection; it is tried again by itself",
    Verdict.REFUSED: "check {variable}__UPSTREAM, and that the upstream allows this host",
    Verdict.LOCAL: "check the space, the inodes and the permissions of the volume",
}

_THROUGH_PROXY: Final = "it is tried again by itself; if it stays, check {variable}__PROXY, then {variable}__UPSTREAM"

_TIMEOUT: Final = 30
"""rsync's exit code when its own timeout has passed."""

_MORE_FILES: Final = "if that is right: raise {variable}__MAX_FILES"

_TOLD: Final[Sequence[tuple[str, str]]] = (
    ("auth failed", "check the user in {variable}__UPSTREAM and its {variable}__PASSWORD_FILE"),
    ("nknown module", "check the module name in {variable}__UPSTREAM, the part behind the host"),
    (
        "verify error:num=",
        "the upstream must show a certificate for the host in {variable}__UPSTREAM, signed by an authority in the file "
        "{variable}__TLS_CA",
    ),
    (
        "has changed and you have requested strict",
        "ask its operator whether it was him, then replace the upstream's line in MIRROR_KNOWN_HOSTS",
    ),
    ("out of memory", _MORE_FILES),
    ("Host key verification failed", "check the upstream's line in MIRROR_KNOWN_HOSTS"),
    (
        "Permission denied (publickey",
        "have the upstream let our key in, mirrorctl keys shows it; as user mirror if it is ours",
    ),
)
"""What the other side says when only an operator can help, and how he can."""

_BASE_MEMORY: Final = 64 << 20
_MEMORY_OF_A_PATH: Final = 256
"""Bytes of address space; rsync was seen to need 60 for a plain file, more for hard links and long names."""

_SILENCE: Final = re.compile(
    r"rsync: (\[\w+\] )?(did not see server greeting|connection unexpectedly closed|safe_(read|write) failed)"
)


@dataclass(frozen=True, slots=True)
class Source:
    """One archive at its upstream.

    ``timeout`` (I/O silence) and ``deadline`` (one whole rsync) are seconds, ``bwlimit`` is KiB/s with 0 for none;
    ``streams`` are the connections that one fetch may use, which share that bandwidth; ``choice`` are the filter rules
    of what we chose not to carry; ``own_name`` is the name of our own trace, which no upstream may overwrite or delete;
    ``max_files`` are the paths that the upstream may show; ``variable`` is the beginning of the archive's settings, for
    errors.
    """

    transport: Transport
    own_name: str
    variable: str = ""
    password: str = field(default="", repr=False)
    timeout: int = 120
    deadline: int = 21600
    bwlimit: int = 0
    choice: tuple[str, ...] = ()
    title: str = ""
    """What people know it by, when that is not where it is."""
    max_files: int = 10_000_000
    streams: int = 1

    @property
    def leaves_room(self) -> bool:
        """Whether a second connection may be opened beside one, which has all the bandwidth there is."""
        return self.streams > 1 and not self.bwlimit

    @property
    def memory(self) -> int:
        """Bytes that a walk may need: a directory comes as a whole, so an endless one ends here and not by counting."""
        return _BASE_MEMORY + _MEMORY_OF_A_PATH * self.max_files

    @property
    def environment(self) -> Mapping[str, str]:
        """The password travels in the environment, never in argv (rsync(1), RSYNC_PASSWORD)."""
        return {**self.transport.environment, **({"RSYNC_PASSWORD": self.password} if self.password else {})}

    @property
    def url(self) -> str:
        """Where it is, for people."""
        return self.title or self.transport.url

    @property
    def where(self) -> str:
        """The tree as rsync's source argument."""
        return f"{self.transport.url}/"

    def options(self) -> list[str]:
        """Options of every call.

        No owners and no devices; modes are D755,F644 as stock mirrors have them (PROTOCOL section 2.1). Times of
        directories and links are left out: they would make every publication look like a change to the next tier, and a
        ``master`` link made anew like one for ever.
        """
        return [
            "--links", "--perms", "--times", "--omit-dir-times", "--omit-link-times", "--hard-links",
            "--chmod=D755,F644", "--no-motd",
            f"--timeout={self.timeout}",
            *([f"--bwlimit={self.bwlimit}"] if self.bwlimit else []),
            *self.transport.options,
        ]  # fmt: skip

    def filters(self) -> list[str]:
        """Filter rules of a walk: our own traces are neither fetched nor deleted, other mirrors' requests not seen."""
        own = (self.own_name, f"{self.own_name}-stage1", "_hierarchy", "_traces")
        return [
            *(f"--filter={rule} /{TRACE_DIRECTORY}/{name}" for name in own for rule in ("hide", "protect")),
            f"--filter=protect /{HIERARCHY}",
            "--filter=hide /Archive-Update-Required-*",
            "--filter=hide .~tmp~/",
            *self.choice,
        ]

    @property
    def hidden(self) -> Choice:
        """What a walk would not see, as an answer for one path."""
        own = (self.own_name, f"{self.own_name}-stage1", "_hierarchy", "_traces")
        traces = (f"--exclude=/{TRACE_DIRECTORY}/{name}" for name in own)
        return Choice.of([*traces, "--exclude=/Archive-Update-Required-*", "--exclude=.~tmp~/", *self.choice])

    def argv(self, *options: str, target: Path) -> list[str]:
        """A whole rsync command line that brings (a part of) the tree to the directory ``target``."""
        return ["rsync", *self.options(), *options, self.where, f"{target}/"]

    def failure(self, doing: str, outcome: Outcome) -> SyncError:
        """What a failed rsync means, in words: the fact, and the cure with the setting it is about."""
        cure = next((cure for words, cure in _TOLD if words in outcome.stderr), None)
        verdict = Verdict.REFUSED if cure else rsync_verdict(outcome)
        said = f"no byte came for {self.timeout} s" if outcome.code == _TIMEOUT else _said(outcome)
        through = f" through the proxy {self.transport.proxy}" if self.transport.proxy else ""
        fact = f"{doing} {self.url}{through}: {said} (rsync exit {outcome.code})"
        usual = _THROUGH_PROXY if through and verdict is Verdict.NETWORK else _CURES[verdict]
        return SyncError(fact, (cure or usual).format(variable=self.variable), verdict)

    def endless(self) -> SyncError:
        """The upstream shows more than it may."""
        fact = f"{self.url} shows more than {self.max_files} paths"
        return SyncError(fact, _MORE_FILES.format(variable=self.variable), Verdict.REFUSED)


def _said(outcome: Outcome) -> str:
    """The cause. rsync's own last line only sums it up: what the daemon or the failing part said stands above it."""
    if reason := openssl_said(outcome.stderr) or complaints.about_key(outcome.stderr):
        return reason
    if complaints.hung_up(outcome.stderr):
        return complaints.HUNG_UP
    lines = [line.strip() for line in outcome.stderr.splitlines()]
    causes = [line for line in lines if line and not line.startswith(("rsync error:", "rsync warning:"))]
    # Prefer what others said to rsync's remark that they said no more.
    causes = [line for line in causes if not _SILENCE.match(line)] or causes
    return causes[-1].removeprefix("@ERROR: ") if causes else outcome.last_words
