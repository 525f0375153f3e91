"""The whole of an import: which files there are, what each of them says, and that our own settings accept it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.importing import authorized, ftpsync, modules, rsyncd, runmirrors
from appliance.importing.accepted import accepted
from appliance.importing.conf import Conf
from appliance.importing.layout import Layout
from appliance.importing.rsyncd import Module, Rsyncd
from appliance.importing.sheet import MOUNTED, Enclosed, Heading, Line, Remark, Setting, mounted, plain_name
from appliance.settings.names import variable
from appliance.settings.schema import RESERVED


@dataclass(frozen=True, slots=True)
class Old:
    """An archive of the old mirror, and what it is called now."""

    conf: Conf
    name: str


def translate(directory: Path) -> list[Line]:
    """The environment that is equivalent to the configuration below a directory. Raises when there is none."""
    layout = Layout(directory)
    daemon = layout.file("rsyncd.conf")
    served = rsyncd.read(daemon.text if daemon else "")
    archives = _archives([Conf(found) for found in layout.family("ftpsync", "conf")], served)
    if not archives and not served.modules:
        cure = "give the directory that holds ftpsync.conf, or the home directory of the account that mirrors"
        raise ApplianceError(f"{directory}: no ftpsync*.conf and no rsyncd.conf here", cure)
    lines = [*_machine(archives), *(line for old in archives for line in _archive(old, served, layout))]
    lines += [*_downstreams(archives, layout), *_serving(archives, served, layout), *_triggers(archives, layout)]
    return accepted(lines)


def head(directory: Path, lines: list[Line]) -> list[Line]:
    """The lines with a word in front of them about how to use them."""
    enclosed = any(isinstance(line, Enclosed) for line in lines)
    files = (
        f" The files that are named belong into the directory that is {MOUNTED} in the container." if enclosed else ""
    )
    return [Remark(f"Made by mirrorctl import from {directory}; nothing of it was executed.{files}"), *lines]


def _archives(confs: list[Conf], served: Rsyncd) -> list[Old]:
    """The archives and their names: what upstreams call them; the default archive's is nobody's affair but ours."""
    taken = set(RESERVED)
    found: list[Old] = []
    for conf in sorted(confs, key=lambda conf: not conf.found.archive):
        base = plain_name(conf.found.archive or _guess(conf, served), "debian")
        name = _free(base, taken)
        taken.add(name)
        found.append(Old(conf, name))
    return sorted(found, key=lambda old: old.conf.found.archive)


def _free(base: str, taken: set[str]) -> str:
    """The name, or the first one like it that nobody has."""
    endings = chain(("", "-archive"), (f"-archive-{number}" for number in count(2)))
    return next(name for more in endings if (name := base + more) not in taken)


def _guess(conf: Conf, served: Rsyncd) -> str:
    tree = ftpsync.tree(conf)
    module = next((one.name for one in served.modules if tree and one.path == tree), "")
    return module or tree.rpartition("/")[2]


def _machine(archives: list[Old]) -> Iterator[Line]:
    yield Heading("The mirror")
    lines = [line for old in archives for line in ftpsync.machine(old.conf)]
    if not any(isinstance(line, Setting) and line.variable == "MIRROR_NAME" for line in lines):
        yield Remark("MIRROR_NAME is missing: set it to the mirror's public host name")
    yield from lines
    if len(archives) > 1 and not archives[0].conf.found.archive:
        yield Setting("MIRROR_DEFAULT_ARCHIVE", archives[0].name)


def _archive(old: Old, served: Rsyncd, layout: Layout) -> Iterator[Line]:
    conf, name = old.conf, old.name
    yield Heading(f"Archive {name}, from {conf.found.path.name}")
    if conf.found.archive and conf.found.archive != name:
        yield Remark(f"upstreams call it {conf.found.archive}, which is no name here: have them say {name}")
    yield from ftpsync.archive(conf, name)
    if module := _module(old, served):
        yield from modules.archive(module, served.common, name)
    conf.has("HUB")
    yield from conf.untold()


def _module(old: Old, served: Rsyncd) -> Module | None:
    """The module that serves an archive: the one of its directory, else the one of its name."""
    tree = ftpsync.tree(old.conf)
    by_path = [one for one in served.modules if one.path == tree]
    return next(iter([*by_path, *(one for one in served.modules if plain_name(one.name, "") == old.name)]), None)


def _downstreams(archives: list[Old], layout: Layout) -> Iterator[Line]:
    confs = [Conf(found) for found in layout.family("runmirrors", "conf")]
    lists = layout.family("runmirrors", "mirror")
    if not confs and not lists:
        return
    yield Heading("Whom we trigger")
    for conf in confs:
        yield from runmirrors.configuration(conf, layout)
        if other := conf.text("MIRRORS"):
            yield Remark(f"MIRRORS={other}: its list belongs into {variable('ARCHIVES', '<NAME>', 'RUNMIRRORS_FILE')}")
        yield from conf.untold()
    if not confs:
        yield from runmirrors.push_key(runmirrors.USUAL_KEY, layout)
    for found in lists:
        owner = next((old for old in archives if old.conf.found.archive == found.archive), None)
        if owner:
            yield from runmirrors.downstreams(found, owner.name, owner.conf.is_true("HUB"))
        else:
            yield Remark(f"{found.path.name} is for an archive that has no ftpsync.conf, and left out")
    yield from runmirrors.host_keys(layout)


def _serving(archives: list[Old], served: Rsyncd, layout: Layout) -> Iterator[Line]:
    if not served.modules:
        return
    yield Heading("Who fetches from us, from rsyncd.conf")
    yield from modules.machine(served)
    yield from _secrets(served, layout)
    ours = [_module(old, served) for old in archives]
    for module in served.modules:
        if module not in ours:
            key = variable("ARCHIVES", plain_name(module.name, "other"), "UPSTREAM")
            yield Remark(
                f"module {module.name} serves {module.path}, which no ftpsync.conf fills; to serve it, set {key}=none"
            )


def _secrets(served: Rsyncd, layout: Layout) -> Iterator[Line]:
    """The secrets of all modules together: a user has one password here."""
    users: dict[str, str] = {}
    paths = dict.fromkeys(path for module in served.modules if (path := module.text("secretsfile")))
    for path in paths:
        found = layout.file(path)
        if not found or found.trouble:
            yield Remark(
                f"{path} {found.trouble if found else 'is not there'}: its lines belong into {mounted('rsync_secrets')}"
            )
            continue
        for user, password in _users(found.text):
            if users.setdefault(user, password) != password:
                yield Remark(f"{path}: another password for {user}; here a user has one for all archives")
    if paths:
        yield Setting("MIRROR_RSYNC_SECRETS_FILE", mounted("rsync_secrets"))
    if users:
        text = "".join(f"{user}:{password}\n" for user, password in users.items())
        yield Enclosed("rsync_secrets", text, f"the user:password lines of {', '.join(paths)}")


def _users(text: str) -> Iterator[tuple[str, str]]:
    """The users of a secrets file, each with a password."""
    for line in text.splitlines():
        user, colon, password = line.strip().partition(":")
        if colon and not user.startswith("#"):
            yield user, password


def _triggers(archives: list[Old], layout: Layout) -> Iterator[Line]:
    yield Heading("Who triggers us")
    found = layout.file(".ssh/authorized_keys")
    if found and not found.trouble:
        yield from authorized.translate(found.text, [old.name for old in archives])
    else:
        yield Remark(
            "no .ssh/authorized_keys here: MIRROR_TRIGGERS__<NAME>__KEY_FILE names an upstream's push key, and"
            " MIRROR_TRIGGERS__<NAME>__FROM its address"
        )
    yield Remark("cron is not read: a mirror that nobody triggers wants MIRROR_ARCHIVES__<NAME>__SCHEDULE, such as 2h")
