"""The mirrors next to us, as one URL each: the upstream we fetch from, the downstreams we trigger."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import quote, urlsplit

from appliance.settings.addresses import HOST, authority, options_of, readable_key, site_of, split, ssh_words
from appliance.settings.values import NAME, Fault, parse_duration

Push = Literal["all", "staged", "mhop"]

STEP = re.compile(r"[A-Za-z0-9._~+@%=:-]+")
UPSTREAM_FORM = "write rsync://[user@]host[:port]/module[/path] (or rsync+tls://, rsync+ssh://), or none for an origin"
DOWNSTREAM_FORM = "write name=ssh://[user@]host[:port][/archive][?push=staged&archives=one,two], or name=https://…"
TRANSPORTS = {"rsync": 873, "rsync+tls": 1873, "rsync+ssh": 22}
"""How an upstream can be reached, and where it usually listens."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where an archive comes from: a module of an rsync daemon, or a directory in one."""

    host: str
    path: str
    user: str = ""
    port: int = 873
    scheme: str = "rsync"

    @classmethod
    def parse(cls, text: str) -> Upstream:
        url, host, port = split(text.strip(), TRANSPORTS, UPSTREAM_FORM)
        path = url.path.strip("/")
        steps = path.split("/")
        if url.query or not all(STEP.fullmatch(step) and step not in (".", "..") for step in steps):
            raise Fault(f"{url.path or '/'!r} is not a module or a path in one", UPSTREAM_FORM)
        usual = TRANSPORTS[url.scheme]
        return cls(host=host, path=path, user=url.username or "", port=port or usual, scheme=url.scheme)

    @property
    def url(self) -> str:
        """As it was written, without a slash at the end and never with a password."""
        place = authority(self.user, self.host, self.port, TRANSPORTS[self.scheme])
        return f"{self.scheme}://{place}/{self.path}"

    @property
    def daemon_url(self) -> str:
        """What rsync takes for a daemon it reaches by TCP or TLS."""
        return f"rsync://{authority(self.user, self.host, self.port, 873)}/{self.path}"

    @property
    def ssh_target(self) -> str:
        """What rsync takes for a daemon at the end of an ssh connection; the port is ssh's affair."""
        return f"{authority(self.user, self.host, 0, 0)}::{self.path}"

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Downstream:
    """A mirror that we trigger: by ssh, or by HTTP when it has a `url` (which may hold a secret).

    `archives` empty: all of ours; `remote_archive`: what it calls ours; `key`: a private key file of its own;
    `options`: more words for ssh; `delay`: seconds before it is told; `site`: where its users find the archive, `*` in
    it for the archive's name."""

    name: str
    host: str
    user: str = "mirror"
    port: int = 22
    push: Push = "staged"
    archives: tuple[str, ...] = ()
    remote_archive: str | None = None
    key: Path | None = None
    options: tuple[str, ...] = ()
    delay: int = 0
    url: str = field(default="", repr=False)
    site: str = ""
    method: str = "GET"

    @classmethod
    def parse(cls, text: str) -> Downstream:
        name, equals, address = text.partition("=")
        if not equals or not NAME.fullmatch(name):
            # A URL may hold a secret: only its scheme is told.
            raise Fault(f"{text.partition(':')[0]!r} does not begin with a name and =", DOWNSTREAM_FORM)
        try:
            return cls._parse_http(name, address) if address.startswith("http") else cls._parse(name, address)
        except Fault as fault:
            raise Fault(f"{name}: {fault.fact}", fault.cure) from None

    @classmethod
    def _parse(cls, name: str, address: str) -> Downstream:
        url, host, port = split(address, ("ssh",), DOWNSTREAM_FORM)
        remote = url.path.strip("/") or None
        if remote and not NAME.fullmatch(remote):
            raise Fault(f"{remote!r} is not an archive name", DOWNSTREAM_FORM)
        options = options_of(url.query, DOWNSTREAM_FORM)
        push, archives = options.pop("push", "staged"), options.pop("archives", "")
        key, words, delay = options.pop("key", ""), options.pop("options", ""), options.pop("delay", "0")
        site = site_of(options.pop("site", ""))
        if push not in get_args(Push):
            raise Fault(f"push={push} is not a way to push", f"choose one of {', '.join(get_args(Push))}")
        if options:
            raise Fault(f"{next(iter(options))!r} is not an option", DOWNSTREAM_FORM)
        return cls(
            name=name,
            host=host,
            user=url.username or "mirror",
            port=port or 22,
            push=cast(Push, push),
            archives=tuple(archive for archive in archives.split(",") if archive),
            remote_archive=remote,
            key=readable_key(key) if key else None,
            options=ssh_words(words),
            delay=parse_duration(delay),
            site=site,
        )

    @classmethod
    def _parse_http(cls, name: str, address: str) -> Downstream:
        """The options of ours stand behind a `#`: everything else of the URL belongs to the downstream."""
        target, _, fragment = address.partition("#")
        url = urlsplit(target)
        if url.scheme not in ("http", "https") or not HOST.fullmatch(url.hostname or ""):
            raise Fault("is not a URL with a host", "write name=https://host/path[#archives=one,two&method=post]")
        options = options_of(fragment, DOWNSTREAM_FORM)
        method, archives = options.pop("method", "get").upper(), options.pop("archives", "")
        site = site_of(options.pop("site", ""))
        if options or method not in ("GET", "POST"):
            cure = "only archives=one,two, site=URL and method=get or post stand behind #"
            raise Fault(f"#{fragment} is not understood", cure)
        listed = tuple(archive for archive in archives.split(",") if archive)
        return cls(
            name=name, host=url.hostname or "", push="all", archives=listed, url=target, method=method, site=site
        )

    def __str__(self) -> str:
        if self.url:
            return f"{self.name}={urlsplit(self.url).scheme}://{self.host}/…"
        address = f"ssh://{authority(self.user, self.host, self.port, 22)}"
        path = f"/{self.remote_archive}" if self.remote_archive else ""
        more = {
            "archives": ",".join(self.archives),
            "key": str(self.key or ""),
            "options": quote(shlex.join(self.options)),
            "delay": str(self.delay or ""),
            "site": quote(self.site, safe=":/*"),
        }
        tail = "".join(f"&{key}={value}" for key, value in more.items() if value)
        return f"{self.name}={address}{path}?push={self.push}{tail}"
