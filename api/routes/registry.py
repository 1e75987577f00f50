"""Routes with the Schema Registry's read calls, so that its clients can read our topics.

Source: Confluent, "Schema Registry API Reference".
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.responses import Response

from api.routes.registry_subjects import (
    MEDIA_TYPE,
    SCHEMA_UNKNOWN,
    Lookup,
    Subject,
    Version,
    as_json,
    of_subject,
    registry_router,
    subjects,
    unknown,
    version_of,
)
from schemas.contracts import Contract, contract_with_id

router = registry_router()
EVERY_CONTEXT = ":*:"  # in front of the prefix that Confluent's client sends
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=-1, le=1_000_000)]
SchemaId = Annotated[int, Path(ge=0, lt=2**31)]


@router.get("/")
def root() -> Response:
    """Answer that the registry is available."""
    return as_json({})


@router.get("/contexts")
def list_contexts() -> Response:
    """Return the one context, of the name that means the default."""
    return as_json(["."])


@router.get("/subjects")
def list_subjects(
    prefix: Annotated[str, Query(alias="subjectPrefix", max_length=249)] = "",
    offset: Offset = 0,
    limit: Limit = -1,
) -> Response:
    """Return the names of all subjects, or of those that begin with `subjectPrefix`."""
    prefix = prefix.removeprefix(EVERY_CONTEXT)
    return as_json(_page([name for name in subjects() if name.startswith(prefix)], offset, limit))


@router.get("/schemas/types")
def list_types() -> Response:
    """Return the kinds of schemas."""
    return as_json(["AVRO"])


@router.get("/schemas/ids/{schema_id}")
def schema_by_id(schema_id: SchemaId) -> Response:
    """Return the schema with an id found in a message."""
    return as_json({"schema": _with_id(schema_id).text})


@router.get("/schemas/ids/{schema_id}/schema")
def bare_schema_by_id(schema_id: SchemaId) -> Response:
    """Return the schema alone."""
    return Response(_with_id(schema_id).text, media_type=MEDIA_TYPE)


@router.get("/schemas/ids/{schema_id}/subjects")
def subjects_of_id(schema_id: SchemaId) -> Response:
    """Return the subjects that use a schema."""
    return as_json([name for name, _ in _using(_with_id(schema_id))])


@router.get("/schemas/ids/{schema_id}/versions")
def versions_of_id(schema_id: SchemaId) -> Response:
    """Return the subjects that use a schema, each with its version."""
    using = _using(_with_id(schema_id))
    return as_json([{"subject": name, "version": version} for name, version in using])


@router.get("/subjects/{subject}/versions")
def list_versions(subject: Subject, offset: Offset = 0, limit: Limit = -1) -> Response:
    """Return the versions of a subject."""
    return as_json(_page(list(range(1, len(of_subject(subject)) + 1)), offset, limit))


@router.get("/subjects/{subject}/metadata")
def latest_with_metadata(
    subject: Subject, key: Annotated[list[str] | None, Query(max_length=100)] = None
) -> Response:
    """Return the newest version with these metadata; no version of ours has any."""
    entry = _entry(subject, *version_of(subject, "latest"))
    if key:
        raise unknown(SCHEMA_UNKNOWN, "Schema not found")
    return as_json(entry)


@router.get("/subjects/{subject}/versions/{version}")
def entry_of(subject: Subject, version: Version) -> Response:
    """Return a version of a subject, `latest` for the newest."""
    return as_json(_entry(subject, *version_of(subject, version)))


@router.get("/subjects/{subject}/versions/{version}/schema")
def schema_of(subject: Subject, version: Version) -> Response:
    """Return the schema of a version alone."""
    return Response(version_of(subject, version)[1].text, media_type=MEDIA_TYPE)


@router.get("/subjects/{subject}/versions/{version}/referencedby")
def referenced_by(subject: Subject, version: Version) -> Response:
    """Return the ids of schemas that refer to a version: none, each of ours is whole."""
    version_of(subject, version)
    return as_json([])


@router.post("/subjects/{subject}")
def find_schema(subject: Subject, wanted: Lookup) -> Response:
    """Find a schema among the versions of a subject; nothing is registered."""
    contracts = of_subject(subject)
    try:
        text = json.loads(wanted.text)
        same = [n for n, one in enumerate(contracts, 1) if json.loads(one.text) == text]
    except (ValueError, RecursionError):  # RecursionError: deeply nested brackets
        same = []
    if not same or wanted.kind != "AVRO":
        raise unknown(SCHEMA_UNKNOWN, f"Schema not found under {subject}.")
    return as_json(_entry(subject, same[0], contracts[same[0] - 1]))


def _entry(subject: str, version: int, contract: Contract) -> dict[str, Any]:
    return {
        "subject": subject,
        "version": version,
        "id": contract.schema_id,
        "schema": contract.text,
    }


def _with_id(schema_id: int) -> Contract:
    contract = contract_with_id(schema_id)
    if contract is None:
        raise unknown(SCHEMA_UNKNOWN, f"Schema {schema_id} not found.")
    return contract


def _page(found: list[Any], offset: int, limit: int) -> list[Any]:
    return found[offset:] if limit < 0 else found[offset : offset + limit]


def _using(contract: Contract) -> Iterator[tuple[str, int]]:
    for name, contracts in subjects().items():
        if contract in contracts:
            yield name, contracts.index(contract) + 1
