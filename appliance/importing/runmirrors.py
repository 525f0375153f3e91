"""`runmirrors.conf` and `runmirrors.mirror`: whom we trigger (PROTOCOL section 1.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from appliance.importing.conf import Conf
from appliance.importing.layout import Found, Layout
from appliance.importing.sheet import MOUNTED, Enclosed, Line, Remark, Setting, mounted
from appliance.settings import mirrorlist
from appliance.settings.names import variable

NOT_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "nobody is mailed here: watch mirrorctl status": ("MAILTO",),
    "the log is the container's own, docker logs shows it": ("LOGDIR", "LOG", "LOGROTATE"),
    "there are no lock files": ("LOCKDIR",),
    "there are no scripts to find": ("BASEDIR", "PROGRAM", "NAME"),
    "callbacks are asked for by nobody here": ("PUSHCB",),
}
USUAL_KEY: Final = ".ssh/pushmirror"
UNCHECKED: Final = re.compile(r"-o\s*StrictHostKeyChecking[= ]no")


def configuration(conf: Conf, layout: Layout) -> Iterator[Line]:
    """What a `runmirrors.conf` says about every push. Our settings are for all archives."""
    if delay := conf.text("PUSHDELAY"):
        yield Setting("MIRROR_PUSH_TIMEOUT", delay)
    yield from push_key(conf.text("KEYFILE", USUAL_KEY), layout)
    if options := UNCHECKED.sub("", conf.text("SSH_OPTS")).strip():
        yield Remark(f"SSH_OPTS: write {options} at the end of the lines of the list that need it")
    if (name := conf.text("PUSHARCHIVE")) and name != conf.found.archive:
        yield Remark(
            f"PUSHARCHIVE={name}: downstreams know the archive by this name; write their lines in the URL form"
        )
    for number in range(1, 4):
        if conf.text(f"HOOK{number}"):
            yield Remark(
                f"HOOK{number} of runmirrors: hook4 runs before the first push, hook5 when everybody was told once"
            )
    for words, names in NOT_NEEDED.items():
        if given := [one for one in names if conf.has(one)]:
            yield Remark(f"{', '.join(given)}: {words}")


def push_key(path: str, layout: Layout) -> Iterator[Line]:
    """The key that downstreams know us by, which must go on being ours."""
    found = layout.file(path)
    yield Setting("MIRROR_PUSH_KEY_FILE", mounted("push_key"))
    if found and not found.trouble:
        yield Enclosed("push_key", found.text, f"the private key {path}")
    else:
        yield Remark(f"copy the private key {path} to {mounted('push_key')}: it is what downstreams let in")


def downstreams(found: Found, archive: str, is_hub: bool) -> Iterator[Line]:
    """A list of mirrors, which is read as it is."""
    file = found.path.name
    if found.trouble:
        yield Remark(f"{file} {found.trouble}")
    key = variable("ARCHIVES", archive, "RUNMIRRORS_FILE")
    yield Enclosed(file, found.text, f"the list {file}, as it is,")
    if is_hub:
        yield Setting(key, mounted(file))
    else:
        yield Remark(f"HUB is not true, so nobody was triggered after a sync; to do it, set {key}={mounted(file)}")
    for fault in mirrorlist.read(found.text, MOUNTED, archive, "").faults:
        yield Remark(f"{file}, {fault}")


def host_keys(layout: Layout) -> Iterator[Line]:
    """Whom we take for our downstreams. Stock takes anybody."""
    found = layout.file(".ssh/known_hosts")
    if found and not found.trouble and found.text.strip():
        yield Enclosed("known_hosts", found.text, "the host keys of .ssh/known_hosts")
        yield Setting("MIRROR_KNOWN_HOSTS_FILE", mounted("known_hosts"))
    yield Setting("MIRROR_HOST_KEY_CHECKING", "accept-new")
    yield Remark(
        "runmirrors checked no host keys; accept-new takes the first one that a host shows and no other. Better: pin"
        " them all in MIRROR_KNOWN_HOSTS_FILE, and remove this line"
    )
