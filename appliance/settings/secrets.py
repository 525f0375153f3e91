"""Passwords, and addresses that are as good as passwords. What is said about a bad one never quotes it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from appliance.settings.faults import Fault
from appliance.settings.values import USER, single_line

URL = re.compile(r"[a-z][a-z0-9+.-]*://[!-~]+", re.IGNORECASE)


def single_line_secret(secret: SecretStr) -> SecretStr:
    """A password that cannot end the line it is rendered into. Raises Fault."""
    single_line(secret.get_secret_value())
    return secret


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


def secret_users(secret: SecretStr | None) -> tuple[str, ...]:
    """The users that have a line."""
    lines = secret.get_secret_value().splitlines() if secret else []
    return tuple(line.partition(":")[0] for line in lines if line.strip() and not line.startswith("#"))


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


Password = Annotated[SecretStr, AfterValidator(single_line_secret)]
Secrets = Annotated[SecretStr, AfterValidator(rsync_secrets)]
HostPasswords = Annotated[SecretStr, AfterValidator(host_password_lines)]
NotifyUrls = Annotated[SecretStr, AfterValidator(notify_urls)]
WebhookUrl = Annotated[SecretStr, AfterValidator(webhook)]
