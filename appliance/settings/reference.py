"""The documents that are made from the settings: the README's table of variables, and `.env.example`."""

from __future__ import annotations

from appliance.settings.environment import SOME, Variable, variables

HEAD = """\
# push-mirror: copy this file to .env and fill it in; compose.yaml gives it to the container.
#
# Every variable there is, with its default. DEBIAN stands for the name of an archive: repeat its lines with another
# name for another archive, DEBIAN_SECURITY is the archive debian-security. UPSTREAM stands for a name you choose for
# whoever triggers you, LEAF for whoever fetches from you by ssh. Durations are written 90s, 10m, 6h, 7d or off. A
# variable with NAME_FILE takes the value from a file instead: put it into the directory secrets/, which is /etc/mirror
# in the container. Empty means the default; secrets, keys, UPSTREAM and FROM must not be empty.

# For compose.yaml alone: ports on the host, owner of the files, where they are kept, images.
#SSH_PORT=2222
#RSYNC_PORT=873
#TLS_PORT=1873
#HTTP_PORT=80
#HTTPS_PORT=443
#RUN_AS=10001:10001
#DATA=data
#STATE=state
#SECRETS=./secrets
#IMAGE=push-mirror
#BASE_IMAGE=debian:trixie-slim
#PROMETHEUS_IMAGE=push-mirror-prometheus
#PROMETHEUS_PORT=9090
"""

NAMES = {"TRIGGERS": "UPSTREAM", "PULLS": "LEAF"}
"""What stands for an operator's own name, by the family of the variable; an archive's is DEBIAN."""

EXAMPLES = {
    "MIRROR_NAME": "mirror.example.org",
    "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "rsync://upstream.example.net/debian",
}


def table() -> str:
    """A markdown table with one row for each variable."""
    return "\n".join(("| variable | default | meaning |", "|---|---|---|", *map(_row, variables()), ""))


def _row(variable: Variable) -> str:
    return f"| {_names(variable)} | {_default(variable)} | {_cell(variable.meaning)} |"


def _names(variable: Variable) -> str:
    return f"`{variable.name}`" + (" or `…_FILE`" if variable.file else "")


def _default(variable: Variable) -> str:
    return "**required**" if variable.required else f"`{variable.default}`" if variable.default else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def example() -> str:
    """An env file with every variable commented out, but for what the smallest mirror needs."""
    return HEAD + "".join(map(_entry, variables()))


def _entry(variable: Variable) -> str:
    name = variable.name.replace(SOME, next((NAMES[family] for family in NAMES if family in variable.name), "DEBIAN"))
    meaning = variable.meaning
    # What is to be written as it is begins as it is.
    meaning = meaning if meaning.startswith("`") else meaning[:1].upper() + meaning[1:]
    also = f"; or {name}_FILE" if variable.file else ""
    mark = "" if name in EXAMPLES else "#"
    return f"\n# {meaning.replace('`', '')}{also}\n{mark}{name}={EXAMPLES.get(name, variable.default)}\n"
