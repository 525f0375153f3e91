"""The OpenAPI 3.1 document of the API: the paths, and the shapes of what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from appliance import __version__
from appliance.doors.shapes import answers, archives, mirrors, runs

_PLACE: Final = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class Asked:
    """One path that can be asked by GET, and what it answers; ``shape`` None is a stream of events."""

    path: str
    says: str
    shape: type[BaseModel] | None
    parameters: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()


PATHS: Final = (
    Asked("/api/v1/status", "Everything at once.", answers.Status),
    Asked("/api/v1/archives", "All archives.", archives.Archives),
    Asked("/api/v1/archives/{archive}", "One archive.", archives.NamedArchive, ("archive",), (404,)),
    Asked("/api/v1/runs", "Runs, newest first, page by page.", runs.Runs, ("in", "limit", "before"), (400,)),
    Asked("/api/v1/runs/{run}", "One run.", runs.ArchiveRun, ("run",), (404,)),
    Asked("/api/v1/mirrors", "Every mirror that is known, or those that carry one archive.", mirrors.Mirrors, ("in",)),
    Asked("/api/v1/report", "What we tell the mirrors above us of ourselves and those below.", mirrors.Report),
    Asked("/api/v1/requests/{id}", "What became of a request.", answers.Request, ("id",), (404,)),
    Asked("/readyz", "Whether this mirror should get traffic; 503 when not.", answers.Ready),
    Asked(
        "/api/v1/events",
        "A stream of server-sent events. `change` names the archives and mirrors that have changed, `progress` has the"
        " Progress of every archive whose run goes on, by name. 503 when too many listen.",
        None,
        (),
        (503,),
    ),
)

_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "archive": {"name": "archive", "in": "path", "required": True, "schema": {"type": "string"}},
    "id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
    "run": {"name": "run", "in": "path", "required": True, "schema": {"type": "integer"}},
    "in": {"name": "archive", "in": "query", "description": "of this archive only", "schema": {"type": "string"}},
    "limit": {
        "name": "limit", "in": "query", "description": "runs of a page",
        "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
    },
    "before": {
        "name": "before", "in": "query", "description": "runs older than this one",
        "schema": {"type": "integer", "minimum": 1},
    },
}  # fmt: skip


@cache
def document() -> dict[str, Any]:
    """The document, as JSON has it."""
    models = {one.shape for one in PATHS if one.shape} | {answers.Problem}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, found = models_json_schema([(model, "serialization") for model in ordered], ref_template=_PLACE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "push-mirror",
            "version": __version__,
            "description": "What a mirror carries and does. Times are epoch seconds, sizes bytes, durations seconds.",
        },
        "paths": {one.path: {"get": _operation(one)} for one in PATHS},
        "components": {"schemas": found["$defs"]},
    }


def _operation(asked: Asked) -> dict[str, Any]:
    name = "_".join(part.strip("{}") for part in asked.path.removeprefix("/api/v1").strip("/").split("/"))
    return {
        "operationId": f"get_{name}",
        "summary": asked.says,
        "parameters": [_PARAMETERS[parameter] for parameter in asked.parameters],
        "responses": {
            "200": {"description": "the answer", "content": _content(asked.shape)},
            **({"503": {"description": "not ready", "content": _content(asked.shape)}} if "ready" in name else {}),
            **{str(code): {"description": "why not", "content": _content(answers.Problem)} for code in asked.codes},
        },
    }


def _content(shape: type[BaseModel] | None) -> dict[str, Any]:
    if shape is None:
        return {"text/event-stream": {"schema": {"type": "string"}}}
    return {"application/json": {"schema": {"$ref": _PLACE.format(model=shape.__name__)}}}
