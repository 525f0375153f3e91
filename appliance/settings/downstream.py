"""The mirrors that we trigger, as one URL each."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import quote, urlsplit

from pydantic import BeforeValidator, PlainSerializer

from appliance.settings.addresses import HOST, authority, options_of, readable_key, site_of, split, ssh_words
from appliance.settings.faults import Fault
from appliance.settings.times import parse_duration
from appliance.settings.values import NAME

Push = Literal["all", "staged", "mhop"]
DOWNSTREAM_FORM = "write name=ssh://[user@]host[:port][/archive][?push=staged&archives=one,two], or name=https://…"


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
        """Raises Fault. What it says quotes no URL: it may hold a secret."""
        name, equals, address = text.partition("=")
        if not equals or not NAME.fullmatch(name):
            raise Fault(f"{text.partition(':')[0]!r} does not begin with a name and =", DOWNSTREAM_FORM)
        try:
            return cls._parse_http(name, address) if address.startswith("http") else cls._parse_ssh(name, address)
        except Fault as fault:
            raise Fault(f"{name}: {fault.fact}", fault.cure) from None

    @classmethod
    def _parse_ssh(cls, name: str, address: str) -> Downstream:
        url, host, port = split(address, ("ssh",), DOWNSTREAM_FORM)
        remote = url.path.strip("/") or None
        if remote and not NAME.fullmatch(remote):
            raise Fault(f"{remote!r} is not an archive name", DOWNSTREAM_FORM)
        options = options_of(url.query, DOWNSTREAM_FORM)
        if unknown := [option for option in options if option not in _SSH_OPTIONS]:
            raise Fault(f"{unknown[0]!r} is not an option", DOWNSTREAM_FORM)
        values: dict[str, Any] = {option: _SSH_OPTIONS[option](value) for option, value in options.items()}
        return cls(name, host, url.username or "mirror", port or 22, remote_archive=remote, **values)

    @classmethod
    def _parse_http(cls, name: str, address: str) -> Downstream:
        """The options of ours stand behind a `#`: everything else of the URL belongs to the downstream."""
        target, _, fragment = address.partition("#")
        if not (host := _web_host(target)):
            raise Fault("is not a URL with a host", "write name=https://host/path[#archives=one,two&method=post]")
        options = options_of(fragment, DOWNSTREAM_FORM)
        if not options.keys() <= _HTTP_OPTIONS.keys() or options.get("method", "get").lower() not in ("get", "post"):
            cure = "only archives=one,two, site=URL and method=get or post stand behind #"
            raise Fault(f"#{fragment} is not understood", cure)
        values: dict[str, Any] = {option: _HTTP_OPTIONS[option](value) for option, value in options.items()}
        return cls(name, host, push="all", url=target, **values)

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


def _web_host(target: str) -> str:
    """The host of a URL that can be called; empty for what is none. What is wrong may stand in a password: not told."""
    try:
        url = urlsplit(target)
        usable = url.scheme in ("http", "https") and HOST.fullmatch(url.hostname or "") and url.port != 0
    except ValueError:
        return ""
    return url.hostname or "" if usable else ""


def _push(text: str) -> str:
    if text not in get_args(Push):
        raise Fault(f"push={text} is not a way to push", f"choose one of {', '.join(get_args(Push))}")
    return text


def _archives(text: str) -> tuple[str, ...]:
    return tuple(archive for archive in text.split(",") if archive)


_SSH_OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "push": _push,
    "archives": _archives,
    "key": lambda path: readable_key(path) if path else None,
    "options": ssh_words,
    "delay": parse_duration,
    "site": site_of,
}
"""How the text of an option becomes the value of that name."""

_HTTP_OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "archives": _archives,
    "site": site_of,
    "method": str.upper,
}


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
    url, host, port = split(value.strip(), ("ssh",), form)
    if url.path.strip("/") or url.query:
        raise Fault(f"{value!r} says more than a host", form)
    return Downstream(name="callback", host=host, user=url.username or "archvsync", port=port or 22)


Callback = Annotated[
    Downstream | None,
    BeforeValidator(_parse_callback),
    PlainSerializer(lambda one: f"ssh://{one.user}@{one.host}:{one.port}" if one else ""),
]
Downstreams = Annotated[
    tuple[Annotated[Downstream, BeforeValidator(_parse_downstream), PlainSerializer(str)], ...],
    BeforeValidator(_split_downstreams),
]
