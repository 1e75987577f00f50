"""OpenAPI descriptions of problems, and of answers with an ETag."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api.http.problems import MEDIA_TYPE, Kind
from schemas.timeframe import Interval

Responses = dict[int | str, dict[str, Any]]


class ProblemError(BaseModel):
    """One error in a request."""

    place: str = Field(description="Where the error is.", examples=["query.from"])
    message: str


class ProblemBody(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="Stable identifier; below the API's address its page.")
    title: str
    status: int
    detail: str = Field(description="What happened in this case, for people.")
    instance: str = Field(description="Path of the request.")
    errors: list[ProblemError] | None = Field(None, description="The errors, one by one.")
    retry_after_s: int | None = Field(None, description="Seconds to wait.")
    error_code: int | None = Field(None, description="The Schema Registry's code.")
    message: str | None = Field(None, description="Same as `detail`, for the registry's clients.")


def errors(*kinds: Kind) -> Responses:
    """Return the documentation of these kinds of problem, by status."""
    found: Responses = {}
    for kind in kinds:
        entry = found.setdefault(kind.status, _entry())
        titles = entry["description"].split("; ") if entry["description"] else []
        entry["description"] = "; ".join([*titles, kind.title])
        entry["content"][MEDIA_TYPE]["examples"][kind.name] = {"value": _example(kind)}
        if kind.status in {429, 503}:
            entry["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return found


def found(
    model: type[BaseModel] | None = None, *, media_types: dict[str, str] | None = None
) -> Responses:
    """Return the documentation of a success with an ETag, and of 304.

    Args:
        model: Model of the JSON.
        media_types: Descriptions of other formats, by media type.
    """
    content: dict[str, Any] = {
        media_type: {"schema": {"type": "string", "format": "binary", "description": text}}
        for media_type, text in (media_types or {}).items()
    }
    headers = {"ETag": {"schema": {"type": "string"}, "description": "For `If-None-Match`."}}
    success: dict[str, Any] = {"description": "The requested data.", "headers": headers}
    if content:
        success["content"] = content
    if model is not None:
        success["model"] = model
    return {200: success, 304: {"description": "The client's copy is current."}}


def _entry() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    return {"description": "", "content": {MEDIA_TYPE: {"schema": schema, "examples": {}}}}


def _example(kind: Kind) -> dict[str, Any]:
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.remedy,
        "instance": "/v1/...",
    }


def describe_fully(app: FastAPI) -> None:
    """Give the application a document in which every reference leads somewhere.

    FastAPI adds the models of the routes. Problems are answered by handlers, so their models are
    added here, and names for the members of enumerations that are no identifiers.
    """
    made = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = made()  # stores it in the application
            described["components"]["schemas"] |= _problems()
            _name_intervals(described)
        return made()

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI's documents advise


def _problems() -> dict[str, Any]:
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemBody, "serialization")]
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = definitions["$defs"]
    return found


def _name_intervals(part: Any) -> None:  # noqa: ANN401 - any part of a JSON document
    if isinstance(part, list):
        for one in part:
            _name_intervals(one)
    elif isinstance(part, dict):
        values = part.get("enum")
        if isinstance(values, list) and any(value in list(Interval) for value in values):
            part["x-enum-varnames"] = [Interval(value).name for value in values]
        for one in part.values():
            _name_intervals(one)
