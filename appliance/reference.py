"""The documents that are made from the settings: the README's table of variables and `.env.example`."""

from __future__ import annotations

from appliance.environment import Variable, variables


def table() -> str:
    """A markdown table with one row for each variable."""
    rows = (
        f"| {_names(variable)} | {_default(variable)} | {_cell(variable.description)} |" for variable in variables()
    )
    return "\n".join(("| variable | default | meaning |", "|---|---|---|", *rows, ""))


def _names(variable: Variable) -> str:
    return f"`{variable.name}`" + (" or `…_FILE`" if variable.file else "")


def _default(variable: Variable) -> str:
    return "**required**" if variable.required else f"`{variable.default}`" if variable.default else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
