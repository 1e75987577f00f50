"""Routes with the Schema Registry's read calls, so that its clients can read our topics.

Source: Confluent, "Schema Registry API Reference".
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.http import problems
from api.http.openapi import Responses, errors
from api.http.problems import Members, Problem
from api.http.responses import json_bytes
from schemas import topics
from schemas.contracts import Contract, contract_with_id, contracts_of

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
SUBJECT_UNKNOWN, VERSION_UNKNOWN, SCHEMA_UNKNOWN = 40401, 40402, 40403
ANSWERS: Responses = {
    200: {"description": "As the protocol defines it.", "content": {MEDIA_TYPE: {"schema": {}}}},
    **errors(problems.NOT_FOUND, problems.INVALID),
}
router = APIRouter(
    prefix="/registry", tags=["registry"], responses=ANSWERS, default_response_class=Response
)
Subject = Annotated[str, Path(max_length=249, examples=["market.candles.v1-value"])]
SchemaId = Annotated[int, Path(ge=0, lt=2**31)]


class Lookup(BaseModel):
    """A schema to look up."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field(alias="schema", max_length=1_000_000)
    kind: str = Field("AVRO", alias="schemaType", max_length=20)


def subjects() -> dict[str, list[Contract]]:
    """Return the contracts of each topic's values, oldest first, by its subject in the registry."""
    found = {f"{t.name}-value": contracts_of(t.record) for t in topics.ALL if t.record}
    return dict(sorted(found.items()))


@router.get("/")
def root() -> Response:
    """Answer that the registry is available."""
    return _json({})


@router.get("/subjects")
def list_subjects() -> Response:
    """Return the names of all subjects."""
    return _json(list(subjects()))


@router.get("/schemas/types")
def list_types() -> Response:
    """Return the kinds of schemas."""
    return _json(["AVRO"])


@router.get("/config")
def config() -> Response:
    """Return the compatibility rule for new versions."""
    return _json({"compatibilityLevel": "BACKWARD"})


@router.get("/mode")
def mode() -> Response:
    """Answer that the registry is read-only."""
    return _json({"mode": "READONLY"})


@router.get("/schemas/ids/{schema_id}")
def schema_by_id(schema_id: SchemaId) -> Response:
    """Return the schema with an id found in a message."""
    return _json({"schema": _with_id(schema_id).text})


@router.get("/schemas/ids/{schema_id}/schema")
def bare_schema_by_id(schema_id: SchemaId) -> Response:
    """Return the schema alone."""
    return Response(_with_id(schema_id).text, media_type=MEDIA_TYPE)


@router.get("/schemas/ids/{schema_id}/subjects")
def subjects_of_id(schema_id: SchemaId) -> Response:
    """Return the subjects that use a schema."""
    return _json([name for name, _ in _using(_with_id(schema_id))])


@router.get("/schemas/ids/{schema_id}/versions")
def versions_of_id(schema_id: SchemaId) -> Response:
    """Return the subjects that use a schema, each with its version."""
    using = _using(_with_id(schema_id))
    return _json([{"subject": name, "version": version} for name, version in using])


@router.get("/subjects/{subject}/versions")
def list_versions(subject: Subject) -> Response:
    """Return the versions of a subject."""
    return _json(list(range(1, len(_of_subject(subject)) + 1)))


@router.get("/subjects/{subject}/versions/{version}")
def version_of(subject: Subject, version: Annotated[str, Path(max_length=20)]) -> Response:
    """Return a version of a subject, `latest` for the newest."""
    return _json(_entry(subject, *_version(subject, version)))


@router.get("/subjects/{subject}/versions/{version}/schema")
def schema_of(subject: Subject, version: Annotated[str, Path(max_length=20)]) -> Response:
    """Return the schema of a version alone."""
    return Response(_version(subject, version)[1].text, media_type=MEDIA_TYPE)


@router.post("/subjects/{subject}")
def find_schema(subject: Subject, wanted: Lookup) -> Response:
    """Find a schema among the versions of a subject; nothing is registered."""
    contracts = _of_subject(subject)
    try:
        text = json.loads(wanted.text)
        same = [n for n, one in enumerate(contracts, 1) if json.loads(one.text) == text]
    except (ValueError, RecursionError):  # RecursionError: deeply nested brackets
        same = []
    if not same or wanted.kind != "AVRO":
        raise _unknown(SCHEMA_UNKNOWN, f"Schema not found under {subject}.")
    return _json(_entry(subject, same[0], contracts[same[0] - 1]))


def _entry(subject: str, version: int, contract: Contract) -> dict[str, Any]:
    return {
        "subject": subject,
        "version": version,
        "id": contract.schema_id,
        "schema": contract.text,
    }


def _of_subject(subject: str) -> list[Contract]:
    contracts = subjects().get(subject)
    if contracts is None:
        raise _unknown(SUBJECT_UNKNOWN, f"Subject '{subject}' not found.")
    return contracts


def _version(subject: str, version: str) -> tuple[int, Contract]:
    contracts = _of_subject(subject)
    newest = len(contracts)
    numbers = {str(number): number for number in range(1, newest + 1)}
    number = (numbers | {"latest": newest, "-1": newest}).get(version)
    if number is None:
        raise _unknown(VERSION_UNKNOWN, f"Version {version} not found.")
    return number, contracts[number - 1]


def _with_id(schema_id: int) -> Contract:
    contract = contract_with_id(schema_id)
    if contract is None:
        raise _unknown(SCHEMA_UNKNOWN, f"Schema {schema_id} not found.")
    return contract


def _using(contract: Contract) -> Iterator[tuple[str, int]]:
    for name, contracts in subjects().items():
        if contract in contracts:
            yield name, contracts.index(contract) + 1


def _unknown(code: int, detail: str) -> Problem:
    return Problem(problems.NOT_FOUND, detail, members=Members(registry_code=code))


def _json(value: object) -> Response:
    return Response(json_bytes(value), media_type=MEDIA_TYPE)
