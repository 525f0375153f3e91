"""Values that decode themselves: what an environment variable's text may be, and what is said when it is not."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, PlainSerializer, SecretStr

from appliance.space import Reserve, reserve

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = re.compile(r"([0-9]{1,9})([smhd]?)")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
USER_PATTERN = re.compile(r"[A-Za-z0-9_*?][A-Za-z0-9._*?-]*")
PATH_STEP = re.compile(r"[A-Za-z0-9._~-]+")
"""What a URL's path may hold as it is (RFC 3986, unreserved)."""
HOST_PATTERN = re.compile(r"!?[A-Za-z0-9.:/*?_%-]+")
HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
URL = re.compile(r"[a-z][a-z0-9+.-]*://[!-~]+", re.IGNORECASE)
KEY_TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)


class Fault(ValueError):
    """A text that cannot be the value: the fact, and the cure."""

    def __init__(self, fact: str, cure: str) -> None:
        super().__init__(fact)
        self.fact = fact
        self.cure = cure


class Faults(Fault):
    """Several of them, in one text."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.fact for fault in self.faults), self.faults[0].cure)


class FromFile:
    """Marks a setting that may also be given as the name of a file, in the variable's name + `_FILE`."""


FILE = FromFile()


def parse_duration(value: Any) -> Any:
    """Seconds from `90`, `90s`, `10m`, `6h`, `7d` or `off` (0)."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text == "off":
        return 0
    if not (match := DURATION.fullmatch(text)):
        raise Fault(f"{value!r} is not a duration", "write a whole number and s, m, h or d, such as 90s or 6h, or off")
    return int(match[1]) * UNITS[match[2]]


def spell_duration(seconds: int) -> str:
    """The shortest text that `parse_duration` reads as the same number."""
    if not seconds:
        return "off"
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % UNITS[unit] == 0)
    return f"{seconds // UNITS[unit]}{unit}"


def parse_reserve(value: Any) -> Any:
    """What is kept free of a volume, from `1%`, `20G` or `0`."""
    if not isinstance(value, str):
        return value
    try:
        return reserve(value)
    except ValueError:
        raise Fault(f"{value!r} is neither a share nor a size", "write such as 1%, 20G or 0") from None


def split_words(value: Any) -> Any:
    """A list, separated by commas or white space."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def split_patterns(value: Any) -> Any:
    """A list, separated by white space only: a pattern may hold a comma."""
    return tuple(value.split()) if isinstance(value, str) else value


def glob(text: str) -> str:
    """One rsync pattern, and no option."""
    if text.startswith("-"):
        raise Fault(f"{text!r} is not a pattern", "write patterns alone, such as *.db or /lastupdate")
    return single_line(text)


def single_line(text: str) -> str:
    """A text that cannot end the line it is rendered into."""
    if any(not character.isprintable() for character in text) or text.endswith("\\"):
        raise Fault("holds a control character or ends in a backslash", "write it as one line of plain text")
    return text


def single_line_secret(secret: SecretStr) -> SecretStr:
    single_line(secret.get_secret_value())
    return secret


def host_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise Fault(f"{text!r} is not a host name", "use letters, digits, dots, dashes and underscores only")
    return text


def header_name(text: str) -> str:
    """A header that reaches us: nginx keeps back those with an underscore in their names."""
    if text and not HEADER.fullmatch(text):
        raise Fault(f"{text!r} is not the name of a header", "use letters, digits and dashes, such as CF-IPCountry")
    return text


def user_pattern(text: str) -> str:
    if not USER_PATTERN.fullmatch(text):
        raise Fault(f"{text!r} is not a user name", "use letters, digits, . _ - and the wildcards * and ? only")
    return text


def host_pattern(text: str) -> str:
    """An address, a network or a wild-carded name, as sshd and rsyncd both read it."""
    cure = "write addresses (192.0.2.7), networks (192.0.2.0/24) or host names, separated by commas"
    if not HOST_PATTERN.fullmatch(text):
        raise Fault(f"{text!r} is not an address or host pattern", cure)
    if "/" in text:
        try:
            ipaddress.ip_network(text.removeprefix("!"))
        except ValueError as error:
            raise Fault(str(error), cure) from None
    return text


def host_address(text: str) -> str:
    """An address of one of our own interfaces."""
    try:
        return str(ipaddress.ip_address(text)) if text else text
    except ValueError:
        raise Fault(f"{text!r} is not an address", "write one address, such as 192.0.2.7") from None


def proxy_address(text: str) -> str:
    """A host and a port, as RSYNC_PROXY wants them."""
    host, colon, port = text.rpartition(":")
    if text and not (colon and NAME.fullmatch(host) and port.isdigit()):
        raise Fault(f"{text!r} is not host:port", "write the proxy as host:port, without a scheme")
    return text


def names_host(pattern: str) -> bool:
    """Whether a host pattern is about a name, and not about an address."""
    return re.fullmatch(r"!?([0-9.*?]+(/\d+)?|[0-9A-Fa-f:.*?]*:[0-9A-Fa-f:.*?]*([/%]\w+)?)", pattern) is None


def public_key(value: str) -> str:
    """One OpenSSH public key, `type base64 [comment]`, without options."""
    cure = "give one line as in the upstream's .pub file: type, base64 text and perhaps a comment, no options"
    if "PRIVATE KEY" in value:
        fact = "is a private key, which nobody but its owner may have"
        raise Fault(fact, "its owner gives the .pub file beside it, and makes a new pair, since this one was passed on")
    if "SSH2 PUBLIC KEY" in value:
        raise Fault("is a public key in another program's form", "convert it: ssh-keygen -i -f FILE")
    lines = [line.strip() for line in value.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) != 1:
        raise Fault(f"holds {len(lines)} keys instead of one", cure)
    words = single_line(lines[0]).split()
    if words and words[0] not in KEY_TYPES and (kind := next((one for one in words if one in KEY_TYPES), "")):
        cure = f"remove everything in front of {kind}: FROM and ARCHIVES are settings of their own here"
        raise Fault("has options in front of the key, as authorized_keys has", cure)
    if len(words) < 2 or words[0] not in KEY_TYPES:
        raise Fault(f"does not begin with a known key type but with {words[0][:40]!r}", cure)
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raise Fault("the key's base64 text is damaged", cure) from None
    if blob[4 : 4 + len(words[0])] != words[0].encode() or len(blob) < 40:
        raise Fault(f"the key's text is not that of a key of type {words[0]}", cure)
    return " ".join(words)


def rsync_secrets(secret: SecretStr) -> SecretStr:
    """`user:password` lines. What is said about a bad line never quotes it."""
    seen = set()
    for number, line in enumerate(secret.get_secret_value().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, colon, password = line.partition(":")
        if not colon or not USER.fullmatch(user) or not password.strip():
            raise Fault(f"line {number} is not user:password", "write one user:password line for each downstream")
        if user in seen:
            raise Fault(f"line {number} names user {user} a second time", "keep one line for each user")
        seen.add(user)
    return secret


def notify_urls(secret: SecretStr) -> SecretStr:
    """Apprise's URLs, separated by white space. What is said about a bad one never quotes it."""
    for number, url in enumerate(secret.get_secret_value().split(), 1):
        if not URL.fullmatch(url):
            raise Fault(f"number {number} is not a URL", "write Apprise URLs, such as mailto://… or slack://…")
    return secret


def webhook(secret: SecretStr) -> SecretStr:
    """A URL that can be called."""
    if not URL.fullmatch(url := secret.get_secret_value()) or not url.startswith(("http://", "https://")):
        raise Fault("is not an http:// or https:// URL", "write the whole URL that shall be called")
    return secret


def host_password_lines(secret: SecretStr) -> SecretStr:
    """`host password` lines. What is said about a bad line never quotes it."""
    for number, line in enumerate(secret.get_secret_value().splitlines(), 1):
        if line.strip() and len(line.split()) != 2:
            raise Fault(f"line {number} is not a host and its password", "write one line `host password` for each")
    return secret


def host_passwords(secret: SecretStr | None) -> dict[str, SecretStr]:
    """The password of each host that has a line."""
    lines = (line.split() for line in (secret.get_secret_value().splitlines() if secret else []) if line.strip())
    return {host: SecretStr(password) for host, password in lines}


def secret_users(secret: SecretStr | None) -> tuple[str, ...]:
    """The users that have a line."""
    lines = secret.get_secret_value().splitlines() if secret else []
    return tuple(line.partition(":")[0] for line in lines if line.strip() and not line.startswith("#"))


Seconds = Annotated[int, BeforeValidator(parse_duration), PlainSerializer(spell_duration)]
Kept = Annotated[Reserve, BeforeValidator(parse_reserve), PlainSerializer(str)]


def schedule(text: str) -> str:
    """An interval, or a cron expression of five fields."""
    if not text or DURATION.fullmatch(text.strip().lower()):
        return text.strip().lower()
    try:
        CronSim(text, datetime(2026, 1, 1))
    except CronSimError as error:
        cure = "write every how often, such as 2h, or minute hour day month weekday, such as 1 */2 * * *"
        raise Fault(f"{text!r} is no interval and no cron expression ({error})", cure) from None
    return text


def zone(text: str) -> str:
    """A name of the time zone database."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Fault(f"{text!r} is not a time zone", "write a name such as UTC or Europe/Paris") from None
    return text


Schedule = Annotated[str, AfterValidator(schedule)]
Zone = Annotated[str, AfterValidator(zone)]
HeaderName = Annotated[str, AfterValidator(header_name)]
HostAddress = Annotated[str, AfterValidator(host_address)]
ProxyAddress = Annotated[str, AfterValidator(proxy_address)]
Line = Annotated[str, AfterValidator(single_line)]
HostName = Annotated[str, AfterValidator(host_name)]
Words = Annotated[tuple[str, ...], BeforeValidator(split_words)]
Patterns = Annotated[tuple[Line, ...], BeforeValidator(split_patterns)]
Globs = Annotated[tuple[Annotated[str, AfterValidator(glob)], ...], BeforeValidator(split_patterns)]
UserPatterns = Annotated[tuple[Annotated[str, AfterValidator(user_pattern)], ...], BeforeValidator(split_words)]
HostPatterns = Annotated[tuple[Annotated[str, AfterValidator(host_pattern)], ...], BeforeValidator(split_words)]
PublicKey = Annotated[str, AfterValidator(public_key)]
Password = Annotated[SecretStr, AfterValidator(single_line_secret)]
Secrets = Annotated[SecretStr, AfterValidator(rsync_secrets)]
HostPasswords = Annotated[SecretStr, AfterValidator(host_password_lines)]
NotifyUrls = Annotated[SecretStr, AfterValidator(notify_urls)]
WebhookUrl = Annotated[SecretStr, AfterValidator(webhook)]
