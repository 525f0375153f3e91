"""What addresses of peers are made of: URLs, their options, words for ssh. Every fault is told with its cure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

from appliance.settings.faults import Fault
from appliance.settings.values import USER

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9]+)?")


def authority(user: str, host: str, port: int, usual: int) -> str:
    """The part of a URL between `//` and the path."""
    place = f"[{host}]" if ":" in host else host
    return (f"{user}@" if user else "") + place + (f":{port}" if port != usual else "")


def split(text: str, schemes: Collection[str], form: str) -> tuple[SplitResult, str, int | None]:
    """A URL with its host and port; the checks that every kind of peer shares."""
    if not text.isprintable() or " " in text:
        raise Fault("holds white space or control characters", form)
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:  # its words would quote what may be a part of a password
        raise Fault("is not a URL: its port is no number up to 65535, or a bracket is left open", form) from None
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


def site_of(text: str) -> str:
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
    if url.username or url.password or "?" in text or "#" in text:  # also in front of nothing
        raise Fault("site= holds more than host and path", form)
    return text.rstrip("/")


def options_of(query: str, form: str) -> dict[str, str]:
    """The options of an address, each given once."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise Fault(f"?{query} is not a list of option=value", form) from None
    if len({key for key, _ in pairs}) < len(pairs):
        raise Fault("gives an option twice", form)
    return dict(pairs)
