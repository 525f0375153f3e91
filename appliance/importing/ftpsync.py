"""`ftpsync.conf`: one archive, and the machine around it (PROTOCOL section 5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from appliance.importing import choice
from appliance.importing.conf import Conf
from appliance.importing.sheet import Enclosed, Line, Remark, Setting, mounted
from appliance.settings.faults import Fault
from appliance.settings.names import variable
from appliance.settings.upstream import Upstream

NOT_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "nobody is mailed here: watch mirrorctl status, /readyz or /metrics": ("MAILTO", "ERRORSONLY", "FULLLOGS"),
    "the log is the container's own, docker logs shows it": (
        "LOGDIR", "LOG", "LOGROTATE", "LOG_RSYNC", "LOG_RSYNC_ERROR",
    ),
    "there is no lock file that could grow old": ("LOCKTIMEOUT", "LOCKDIR"),
    "there are no scripts to find": ("BASEDIR", "PROGRAM", "NAME"),
    "the image has its own rsync, whose options are part of the product": (
        "RSYNC", "RSYNC_OPTIONS", "RSYNC_OPTIONS1", "RSYNC_OPTIONS2",
    ),
    "traces say by themselves what caused a run": ("INFO_TRIGGER",),
    "TLS is OpenSSL's here, and the host name is always checked": ("RSYNC_SSL_METHOD",),
}  # fmt: skip
CONNECTION: Final = (
    "RSYNC_PASSWORD", "RSYNC_PATH", "RSYNC_PROXY", "RSYNC_SOURCE", "RSYNC_SSL", "RSYNC_SSL_CAPATH", "RSYNC_SSL_PORT",
    "RSYNC_TRANSPORT", "RSYNC_USER",
)  # fmt: skip
"""What says nothing without an upstream."""
TRANSPORTS: Final = {"": "rsync", "undefined": "rsync", "plain": "rsync", "ssl": "rsync+tls", "ssh": "rsync+ssh"}
RPM: Final = re.compile(r"alma|centos|epel|fedora|rocky|smeserver|suse", re.IGNORECASE)
INFO: Final = ("MAINTAINER", "SPONSOR", "COUNTRY", "LOCATION", "THROUGHPUT")


def tree(conf: Conf) -> str:
    """The directory of the archive, as the old machine knew it; empty where only a shell knows it."""
    return conf.text("TO", "" if conf.has("TO") else "/srv/mirrors/debian/").rstrip("/")


def machine(conf: Conf) -> Iterator[Line]:
    """What is about the mirror as a whole."""
    if name := conf.text("MIRRORNAME"):
        yield Setting("MIRROR_NAME", name)
    for key in INFO:
        if value := conf.text(f"INFO_{key}"):
            yield Setting(f"MIRROR_INFO__{key}", value)
    if host := conf.text("TRACEHOST"):
        yield Remark(f"TRACEHOST: give the container this host name, hostname: {host}")


def archive(conf: Conf, name: str) -> Iterator[Line]:
    """What is about one archive, which is now called `name`."""
    yield from _upstream(conf, name)
    yield from _profile(conf, name)
    yield from choice.lines(conf, name)
    yield from _limits(conf, name)
    yield from _callback(conf, name)
    for number in range(1, 6):
        if conf.text(f"HOOK{number}"):
            yield Remark(
                f"HOOK{number}: put an executable hook{number} into a directory that MIRROR_HOOKS names; it is run for"
                " every archive, and gets the run's facts as JSON"
            )
    yield from _place(conf, name)
    for words, names in NOT_NEEDED.items():
        if given := [one for one in names if conf.has(one)]:
            yield Remark(f"{', '.join(given)}: {words}")


def _upstream(conf: Conf, name: str) -> Iterator[Line]:
    for one in CONNECTION:
        conf.has(one)
    key = variable("ARCHIVES", name, "UPSTREAM")
    if not conf.text("RSYNC_HOST"):
        why = "RSYNC_SOURCE is for tests alone" if conf.has("RSYNC_SOURCE") else "RSYNC_HOST is not known"
        yield Remark(f"{key} is missing: {why}. Without it the archive begins here")
        return
    try:
        yield Setting(key, _address(conf).url)
    except Fault as fault:
        yield Remark(f"{key} is missing: {fault.fact}; {fault.cure}. Without it the archive begins here")
        return
    yield from _credentials(conf, name, conf.text("RSYNC_TRANSPORT") == "ssh")
    yield from _way(conf, name)


def _is_secure(conf: Conf) -> bool:
    transport = conf.text("RSYNC_TRANSPORT")
    return transport == "ssl" or (not transport and conf.is_true("RSYNC_SSL"))


def _address(conf: Conf) -> Upstream:
    """Where it is. Raises Fault when that is said in a way that we do not know."""
    transport, secure = conf.text("RSYNC_TRANSPORT"), _is_secure(conf)
    scheme = "rsync+tls" if secure else TRANSPORTS.get(transport)
    if scheme is None:
        raise Fault(f"RSYNC_TRANSPORT={transport} is unknown", "it is ssl, ssh or nothing")
    user, port = conf.text("RSYNC_USER"), conf.text("RSYNC_SSL_PORT", "1873")
    place = f"{user + '@' if user else ''}{conf.text('RSYNC_HOST')}{':' + port if secure and port != '1873' else ''}"
    return Upstream.parse(f"{scheme}://{place}/{conf.text('RSYNC_PATH', 'debian').strip('/')}")


def _way(conf: Conf, name: str) -> Iterator[Line]:
    """What is on the way there: an authority of its own, a proxy."""
    usual = "/etc/ssl/certs"
    if _is_secure(conf) and (authorities := conf.text("RSYNC_SSL_CAPATH", usual).rstrip("/")) != usual:
        key = variable("ARCHIVES", name, "TLS_CA")
        yield Remark(f"RSYNC_SSL_CAPATH={authorities}: join its certificates into one file, and name that in {key}")
    if proxy := conf.text("RSYNC_PROXY"):
        yield Setting(variable("ARCHIVES", name, "PROXY"), proxy)


def _credentials(conf: Conf, name: str, by_ssh: bool) -> Iterator[Line]:
    if password := conf.text("RSYNC_PASSWORD"):
        file = f"password-{name}"
        yield Enclosed(file, f"{password}\n", f"RSYNC_PASSWORD of {conf.where('RSYNC_PASSWORD')}")
        yield Setting(variable("ARCHIVES", name, "PASSWORD_FILE"), mounted(file))
        if not conf.text("RSYNC_USER"):
            yield Remark("RSYNC_USER is not set: write the user before the host in UPSTREAM, user@host")
    if by_ssh:
        yield Remark(
            "the upstream must let our key in: mirrorctl keys shows it, or MIRROR_PUSH_KEY_FILE names the old one."
            " Its host key belongs into MIRROR_KNOWN_HOSTS_FILE"
        )


def _profile(conf: Conf, name: str) -> Iterator[Line]:
    if "repodata" in conf.text("RSYNC_OPTIONS1") or RPM.search(f"{name} {conf.text('RSYNC_PATH')}"):
        yield Setting(variable("ARCHIVES", name, "PROFILE"), "rpm")
        yield Remark("PROFILE: by the archive's name, rpm; its indices are repodata. Remove it if that is wrong")


def _limits(conf: Conf, name: str) -> Iterator[Line]:
    if (bandwidth := conf.text("RSYNC_BW", "0")) != "0":
        if bandwidth.isdigit():
            yield Setting(variable("ARCHIVES", name, "BWLIMIT"), bandwidth)
        else:
            yield Remark(f"RSYNC_BW={bandwidth}: BWLIMIT is a whole number of KiB/s")
    pause, tries = conf.text("UIPSLEEP"), conf.text("UIPRETRIES")
    if pause or tries:
        if (pause or "1200").isdigit() and (tries or "3").isdigit():
            yield Setting(variable("ARCHIVES", name, "UPDATE_WAIT"), str(int(pause or 1200) * int(tries or 3)))
        else:
            yield Remark(
                "UIPSLEEP, UIPRETRIES: not numbers; UPDATE_WAIT is how long an upstream that is updated is waited for"
            )


def _callback(conf: Conf, name: str) -> Iterator[Line]:
    host, key = conf.text("CALLBACKHOST", "none"), conf.text("CALLBACKKEY", "none")
    user = conf.text("CALLBACKUSER", "archvsync")
    if "none" not in (host, key):
        yield Setting(variable("ARCHIVES", name, "CALLBACK"), f"ssh://{user}@{host}")
        yield Remark(f"CALLBACKKEY={key}: the callback is made with the key of MIRROR_PUSH_KEY_FILE")


def _place(conf: Conf, name: str) -> Iterator[Line]:
    was = PurePosixPath(tree(conf) or f"/…/{name}")
    renamed = "" if was.name == name else f", with {was} renamed to {was.parent / name}"
    owner = "the container runs as its owner, user: in compose.yaml"
    yield Remark(f"TO={was}: mount {was.parent} at /srv/mirror{renamed}; {owner}")
