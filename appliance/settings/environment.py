"""The names of the variables, and their values as given: in the environment, or in a file that it names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from appliance.errors import Problem
from appliance.settings.names import PREFIX
from appliance.settings.schema import Settings
from appliance.settings.values import FromFile

INVITE = "MIRROR_INVITE"
"""The variable that stands for others: its token says what they are."""
OFFER = "invite"
"""The source of a text that a token stands for."""
SOME = "<NAME>"
SEGMENT = "[A-Z0-9]+(?:_[A-Z0-9]+)*"
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable as documented; `name` holds `<NAME>` where the operator chooses."""

    name: str
    default: str
    description: str
    required: bool = False
    file: bool = False
    secret: bool = False
    choices: tuple[str, ...] = ()

    @property
    def meaning(self) -> str:
        """The description, behind the words to choose from where there are no others."""
        words = [f"`{word}`" for word in self.choices]
        return f"{', '.join(words[:-1])} or {words[-1]}: {self.description}" if words else self.description

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the names that it has in an environment."""
        return re.compile(re.escape(self.name).replace(re.escape(SOME), SEGMENT))


@dataclass(slots=True)
class Given:
    """The texts by variable, where each came from, and what was wrong already."""

    texts: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def text(value: Any) -> str:
    """A dumped value as an operator would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _mentions(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(_mentions(part, wanted) for part in get_args(annotation))


def _nested(annotation: Any) -> tuple[str, type[BaseModel]] | None:
    """A model inside the settings, and what its name begins with: one, or one for each name."""
    candidates = (annotation, *get_args(annotation))
    model = next((part for part in candidates if isinstance(part, type) and issubclass(part, BaseModel)), None)
    return (("__" if model is annotation else f"__{SOME}__"), model) if model else None


def _walk(model: type[BaseModel], prefix: str) -> Iterator[Variable]:
    defaults = model.model_construct().model_dump(mode="json")
    for name, info in model.model_fields.items():
        variable = prefix + name.rstrip("_").upper()
        if nested := _nested(info.annotation):
            yield from _walk(nested[1], variable + nested[0])
        else:
            yield _describe(variable, info, text(defaults.get(name)))


def _describe(variable: str, info: FieldInfo, default: str) -> Variable:
    return Variable(
        name=variable,
        default=default,
        description=info.description or "",
        required=info.is_required(),
        file=any(isinstance(mark, FromFile) for mark in info.metadata),
        secret=_mentions(info.annotation, SecretStr),
        choices=get_args(info.annotation) if get_origin(info.annotation) is Literal else (),
    )


@cache
def variables() -> tuple[Variable, ...]:
    """Every variable there is, in the order of the documentation."""
    return tuple(_walk(Settings, PREFIX))


def find(name: str) -> Variable | None:
    """The variable that a name is one of; None when there is no such."""
    return next((variable for variable in variables() if variable.pattern.fullmatch(name)), None)


def _nearest(name: str) -> str:
    """The real variable that was probably meant, with the operator's own archive or trigger name in it."""
    segments = name.upper().split("__")
    chosen = segments[1] if len(segments) > 1 else SOME
    names = [variable.name.replace(SOME, chosen) for variable in variables()]
    names += [f"{variable.name.replace(SOME, chosen)}_FILE" for variable in variables() if variable.file]
    return next(iter(difflib.get_close_matches(name.upper(), names, n=1, cutoff=0.7)), "")


def _unknown(name: str) -> Problem:
    nearest = _nearest(name)
    return Problem(
        name,
        "there is no such variable",
        f"did you mean {nearest}?"
        if nearest
        else "remove it; docker run --rm push-mirror variables lists those that exist",
    )


def _read(name: str, path: Path) -> tuple[str, Problem | None]:
    """The text of a file without the newline at its end, or why there is none."""
    cure = "mount the file there, readable by the container's user"
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            return "", Problem(name, f"{path}: larger than 1 MiB", "this is not the file that was meant")
        return content.decode().replace("\r\n", "\n").rstrip("\n"), None
    except OSError as error:
        return "", Problem(name, f"{path}: {error.strerror}", cure)
    except UnicodeDecodeError:
        return "", Problem(name, f"{path}: not a text in UTF-8", "this is not the file that was meant")


def gather(environ: Mapping[str, str]) -> Given:
    """Every `MIRROR_` variable's text. Touches nothing but the files that are named."""
    given = Given()
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        if variable := find(name):
            _take(given, variable, name, environ[name], "environment")
        elif (variable := find(name.removesuffix("_FILE"))) and variable.file:
            _take_file(given, variable, name, environ)
        else:
            given.problems.append(_unknown(name))
    return given


def _take_file(given: Given, variable: Variable, name: str, environ: Mapping[str, str]) -> None:
    plain = name.removesuffix("_FILE")
    if plain in environ:
        given.problems.append(Problem(name, f"is set, and {plain} too", "keep one of the two"))
        return
    content, problem = _read(name, Path(environ[name]))
    if problem:
        given.problems.append(problem)
    else:
        _take(given, variable, plain, content, f"file {environ[name]}")


def _take(given: Given, variable: Variable, name: str, value: str, source: str) -> None:
    """Accept a text. Empty means the default, except where that would be a silent mistake."""
    if not value.strip() and (variable.secret or variable.name.endswith(("__UPSTREAM", "__KEY", "__FROM"))):
        cure = "write none for an archive that begins here" if name.endswith("__UPSTREAM") else "give it a value"
        given.problems.append(Problem(shown(name, source), "is set, but empty", f"{cure}, or remove the variable"))
        return
    given.texts[name] = value
    given.sources[name] = source


def shown(name: str, source: str | None) -> str:
    """The name that the operator wrote."""
    if source == OFFER:
        return INVITE
    return f"{name}_FILE" if source and source.startswith("file ") else name
