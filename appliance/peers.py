"""The mirrors next to us, as one URL each: the upstream we fetch from, the downstreams we trigger."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast, get_args
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import BeforeValidator, PlainSerializer

from appliance.values import NAME, USER, Fault

Push = Literal["all", "staged", "mhop"]

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9]+)?")
STEP = re.compile(r"[A-Za-z0-9._~+@%=:-]+")
UPSTREAM_FORM = "write rsync://[user@]host[:port]/module[/path], or none for an archive that begins here"
DOWNSTREAM_FORM = "write name=ssh://[user@]host[:port][/archive][?push=staged&archives=one,two]"


def _authority(user: str, host: str, port: int, usual: int) -> str:
    """The part of a URL between `//` and the path."""
    place = f"[{host}]" if ":" in host else host
    return (f"{user}@" if user else "") + place + (f":{port}" if port != usual else "")


def _split(text: str, scheme: str, form: str) -> tuple[SplitResult, str, int | None]:
    """A URL with its host and port; the checks that every kind of peer shares."""
    if not text.isprintable() or " " in text:
        raise Fault("holds white space or control characters", form)
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError as error:
        raise Fault(f"is not a URL: {error}", form) from None
    if url.scheme != scheme:
        raise Fault(f"begins with {url.scheme or 'no scheme'!r} instead of {scheme}://", form)
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

    @classmethod
    def parse(cls, text: str) -> Upstream:
        url, host, port = _split(text.strip(), "rsync", UPSTREAM_FORM)
        path = url.path.strip("/")
        steps = path.split("/")
        if url.query or not all(STEP.fullmatch(step) and step not in (".", "..") for step in steps):
            raise Fault(f"{url.path or '/'!r} is not a module or a path in one", UPSTREAM_FORM)
        return cls(host=host, path=path, user=url.username or "", port=port or 873)

    @property
    def url(self) -> str:
        """What rsync takes, without a slash at the end and never with a password."""
        return f"rsync://{_authority(self.user, self.host, self.port, 873)}/{self.path}"

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Downstream:
    """A mirror that we trigger by ssh. `archives` empty: all of ours; `remote_archive`: what it calls ours."""

    name: str
    host: str
    user: str = "mirror"
    port: int = 22
    push: Push = "staged"
    archives: tuple[str, ...] = ()
    remote_archive: str | None = None

    @classmethod
    def parse(cls, text: str) -> Downstream:
        name, equals, address = text.partition("=")
        if not equals or not NAME.fullmatch(name):
            raise Fault(f"{text!r} does not begin with a name and =", DOWNSTREAM_FORM)
        try:
            return cls._parse(name, address)
        except Fault as fault:
            raise Fault(f"{name}: {fault.fact}", fault.cure) from None

    @classmethod
    def _parse(cls, name: str, address: str) -> Downstream:
        url, host, port = _split(address, "ssh", DOWNSTREAM_FORM)
        remote = url.path.strip("/") or None
        if remote and not NAME.fullmatch(remote):
            raise Fault(f"{remote!r} is not an archive name", DOWNSTREAM_FORM)
        options = _options(url.query)
        push, archives = options.pop("push", "staged"), options.pop("archives", "")
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
        )

    def __str__(self) -> str:
        address = f"ssh://{_authority(self.user, self.host, self.port, 22)}"
        path = f"/{self.remote_archive}" if self.remote_archive else ""
        archives = f"&archives={','.join(self.archives)}" if self.archives else ""
        return f"{self.name}={address}{path}?push={self.push}{archives}"


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


def _split_downstreams(value: Any) -> Any:
    """Entries in order; a `#` begins a comment that lasts to the end of its line."""
    if not isinstance(value, str):
        return value
    return tuple(word for line in value.splitlines() for word in line.partition("#")[0].split())


def _parse_downstream(value: Any) -> Any:
    return Downstream.parse(value) if isinstance(value, str) else value


OptionalUpstream = Annotated[
    Upstream | None, BeforeValidator(_parse_upstream), PlainSerializer(lambda upstream: str(upstream or "none"))
]
Downstreams = Annotated[
    tuple[Annotated[Downstream, BeforeValidator(_parse_downstream), PlainSerializer(str)], ...],
    BeforeValidator(_split_downstreams),
]
