"""Subjects of the registry: their versions, and errors with the codes of the protocol."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.http import problems
from api.http.openapi import Responses, errors
from api.http.problems import Members, Problem
from api.http.responses import json_bytes
from schemas import topics
from schemas.contracts import Contract, contracts_of

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
SUBJECT_UNKNOWN, VERSION_UNKNOWN, SCHEMA_UNKNOWN = 40401, 40402, 40403
NO_LEVEL_OF_ITS_OWN, NO_MODE_OF_ITS_OWN = 40408, 40409
SCHEMA_INVALID, VERSION_INVALID, NOT_PERMITTED = 42201, 42202, 42205
ANSWERS: Responses = {
    200: {"description": "As the protocol defines it.", "content": {MEDIA_TYPE: {"schema": {}}}},
    **errors(problems.NOT_FOUND, problems.INVALID),
}
Subject = Annotated[str, Path(max_length=249, examples=["market.candles.v1-value"])]
Version = Annotated[str, Path(max_length=20, examples=["latest"])]


class Lookup(BaseModel):
    """A schema to look up or to compare."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field(alias="schema", max_length=1_000_000)
    kind: str = Field("AVRO", alias="schemaType", max_length=20)


def registry_router() -> APIRouter:
    """Return a router whose answers are those of the registry."""
    return APIRouter(
        prefix="/registry", tags=["registry"], responses=ANSWERS, default_response_class=Response
    )


def subjects() -> dict[str, list[Contract]]:
    """Return the contracts of each topic's values, oldest first, by its subject in the registry."""
    found = {f"{t.name}-value": contracts_of(t.record) for t in topics.ALL if t.record}
    return dict(sorted(found.items()))


def of_subject(subject: str) -> list[Contract]:
    """Return the contracts of a subject, oldest first.

    Raises:
        Problem: There is no such subject.
    """
    contracts = subjects().get(subject)
    if contracts is None:
        raise unknown(SUBJECT_UNKNOWN, f"Subject '{subject}' not found.")
    return contracts


def version_of(subject: str, version: str) -> tuple[int, Contract]:
    """Return a version of a subject with its number; `latest` and -1 are the newest.

    Raises:
        Problem: There is no such subject or version, or this is no number of a version.
    """
    contracts = of_subject(subject)
    newest = len(contracts)
    numbers = {str(number): number for number in range(1, newest + 1)}
    number = (numbers | {"latest": newest, "-1": newest}).get(version)
    if number is not None:
        return number, contracts[number - 1]
    if version.isascii() and version.isdecimal() and 0 < int(version) < 2**31:
        raise unknown(VERSION_UNKNOWN, f"Version {version} not found.")
    raise refused(
        VERSION_INVALID,
        f"The specified version '{version}' is not a valid version id. Allowed values are between"
        ' [1, 2^31-1] and the string "latest"',
    )


def unknown(code: int, detail: str) -> Problem:
    """Return the 404 with a code of the protocol."""
    return Problem(problems.NOT_FOUND, detail, members=Members(registry_code=code))


def refused(code: int, detail: str) -> Problem:
    """Return the 422 with a code of the protocol."""
    return Problem(problems.INVALID, detail, members=Members(registry_code=code))


def as_json(value: object) -> Response:
    """Return an answer of the registry."""
    return Response(json_bytes(value), media_type=MEDIA_TYPE)
