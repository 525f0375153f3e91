"""The mirrors next to us, as one URL each: the upstream we fetch from, the downstreams we trigger."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from pydantic import BeforeValidator, PlainSerializer

from appliance.values import NAME, USER, Fault, parse_duration, split_patterns

Push = Literal["all", "staged", "mhop"]

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9]+)?")
STEP = re.compile(r"[A-Za-z0-9._~+@%=:-]+")
UPSTREAM_FORM = "write rsync://[user@]host[:port]/module[/path] (or rsync+tls://, rsync+ssh://), or none for an origin"
DOWNSTREAM_FORM = "write name=ssh://[user@]host[:port][/archive][?push=staged&archives=one,two], or name=https://…"
TRANSPORTS = {"rsync": 873, "rsync+tls": 1873, "rsync+ssh": 22}
"""How an upstream can be reached, and where it usually listens."""


def _authority(user: str, host: str, port: int, usual: int) -> str:
    """The part of a URL between `//` and the path."""
    place = f"[{host}]" if ":" in host else host
    return (f"{user}@" if user else "") + place + (f":{port}" if port != usual else "")


def _split(text: str, schemes: Collection[str], form: str) -> tuple[SplitResult, str, int | None]:
    """A URL with its host and port; the checks that every kind of peer shares."""
    if not text.isprintable() or " " in text:
        raise Fault("holds white space or control characters", form)
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError as error:
        raise Fault(f"is not a URL: {error}", form) from None
    if url.scheme not in schemes:
        wanted = ", ".join(f"{scheme}://" for scheme in schemes)
        raise Fault(f"begins with {url.scheme or 'no scheme'!r} instead of {wanted}", form)
    if url.password is not None:
        raise Fault("holds a password", "passwords have a variable of their own, keys need none")
    if not HOST.fullmatch(host) or port == 0:
        raise Fault(f"names no usable host and port ({url.netloc.rpartition('@')[2]!r})", form)
    if url.username is not None and not USER.fullmatch(url.username):
        raise Fault(f"{url.username!r} is not a user name", form)
    if url.fragment:
        raise Fault("holds a #", form)
    return url, host, port


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
        url, host, port = _split(text.strip(), TRANSPORTS, UPSTREAM_FORM)
        path = url.path.strip("/")
        steps = path.split("/")
        if url.query or not all(STEP.fullmatch(step) and step not in (".", "..") for step in steps):
            raise Fault(f"{url.path or '/'!r} is not a module or a path in one", UPSTREAM_FORM)
        usual = TRANSPORTS[url.scheme]
        return cls(host=host, path=path, user=url.username or "", port=port or usual, scheme=url.scheme)

    @property
    def url(self) -> str:
        """As it was written, without a slash at the end and never with a password."""
        place = _authority(self.user, self.host, self.port, TRANSPORTS[self.scheme])
        return f"{self.scheme}://{place}/{self.path}"

    @property
    def daemon_url(self) -> str:
        """What rsync takes for a daemon it reaches by TCP or TLS."""
        return f"rsync://{_authority(self.user, self.host, self.port, 873)}/{self.path}"

    @property
    def ssh_target(self) -> str:
        """What rsync takes for a daemon at the end of an ssh connection; the port is ssh's affair."""
        return f"{_authority(self.user, self.host, 0, 0)}::{self.path}"

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
        url, host, port = _split(address, ("ssh",), DOWNSTREAM_FORM)
        remote = url.path.strip("/") or None
        if remote and not NAME.fullmatch(remote):
            raise Fault(f"{remote!r} is not an archive name", DOWNSTREAM_FORM)
        options = _options(url.query)
        push, archives = options.pop("push", "staged"), options.pop("archives", "")
        key, words, delay = options.pop("key", ""), options.pop("options", ""), options.pop("delay", "0")
        site = _site(options.pop("site", ""))
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
        options = _options(fragment)
        method, archives = options.pop("method", "get").upper(), options.pop("archives", "")
        site = _site(options.pop("site", ""))
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
        address = f"ssh://{_authority(self.user, self.host, self.port, 22)}"
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


def readable_key(path: str) -> Path:
    """A private key file that we can read: it is copied with the mode that ssh insists on."""
    try:
        Path(path).read_bytes()
    except OSError as error:
        raise Fault(f"{path}: {error.strerror}", "mount the key there, readable by the container's user") from None
    return Path(path)


def ssh_words(text: str) -> tuple[str, ...]:
    """More words for ssh, split as a shell would and never seen by one."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise Fault(f"{text!r}: {error}", "quote the options of ssh as for a shell") from None
    if words and not words[0].startswith("-"):
        raise Fault(f"{words[0]!r} is not an option of ssh", "options begin with -")
    return words


def _site(text: str) -> str:
    """Where the users of a mirror find an archive; empty for none."""
    if not text:
        return ""
    form = "write site=https://host/path, http:// or rsync://, with * for the name of the archive"
    if not text.isprintable() or " " in text:
        raise Fault("site= holds white space or control characters", form)
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise Fault(f"site= is not a URL: {error}", form) from None
    if url.scheme not in ("http", "https", "rsync") or not HOST.fullmatch(url.hostname or "") or port == 0:
        raise Fault("site= is not a URL with a host", form)
    if url.username or url.password or url.query or url.fragment:
        raise Fault("site= holds more than host and path", form)
    return text.rstrip("/")


def _options(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise Fault(f"?{query} is not a list of option=value", DOWNSTREAM_FORM) from None
    if len({key for key, _ in pairs}) < len(pairs):
        raise Fault("gives an option twice", DOWNSTREAM_FORM)
    return dict(pairs)


def _parse_upstream(value: Any) -> Any:
    if value == "none":
        return None
    return Upstream.parse(value) if isinstance(value, str) else value


def _parse_fallback(value: Any) -> Any:
    return Upstream.parse(value) if isinstance(value, str) else value


def _split_downstreams(value: Any) -> Any:
    """Entries in order; a word that begins with `#` begins a comment that lasts to the end of its line."""
    if not isinstance(value, str):
        return value
    lines = (line.split() for line in value.splitlines())
    return tuple(word for words in lines for word in takewhile(lambda word: not word.startswith("#"), words))


def _parse_downstream(value: Any) -> Any:
    return Downstream.parse(value) if isinstance(value, str) else value


def _parse_callback(value: Any) -> Any:
    """A downstream's form without a name: only user, host and port mean anything."""
    if not isinstance(value, str) or not value.strip():
        return value or None
    form = "write ssh://[user@]host[:port]"
    url, host, port = _split(value.strip(), ("ssh",), form)
    if url.path.strip("/") or url.query:
        raise Fault(f"{value!r} says more than a host", form)
    return Downstream(name="callback", host=host, user=url.username or "archvsync", port=port or 22)


Callback = Annotated[
    Downstream | None,
    BeforeValidator(_parse_callback),
    PlainSerializer(lambda one: f"ssh://{one.user}@{one.host}:{one.port}" if one else ""),
]
OptionalUpstream = Annotated[
    Upstream | None, BeforeValidator(_parse_upstream), PlainSerializer(lambda upstream: str(upstream or "none"))
]
UpstreamList = Annotated[
    tuple[Annotated[Upstream, BeforeValidator(_parse_fallback), PlainSerializer(str)], ...],
    BeforeValidator(split_patterns),
]
Downstreams = Annotated[
    tuple[Annotated[Downstream, BeforeValidator(_parse_downstream), PlainSerializer(str)], ...],
    BeforeValidator(_split_downstreams),
]
