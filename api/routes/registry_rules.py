"""Rules of the registry: its level of compatibility, its mode, and comparisons of schemas.

Source: Confluent, "Schema Registry API Reference".
"""

import json
from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from api.routes.registry_subjects import (
    NO_LEVEL_OF_ITS_OWN,
    NO_MODE_OF_ITS_OWN,
    NOT_PERMITTED,
    SCHEMA_INVALID,
    Lookup,
    Subject,
    Version,
    as_json,
    of_subject,
    refused,
    registry_router,
    subjects,
    unknown,
    version_of,
)
from schemas.avro_resolution import Parsed, SchemaError, parsed, unreadable
from schemas.contracts import Contract

# Old readers read new records, and new readers old ones, of every version: docs/topics.md.
LEVEL: Final = {"compatibilityLevel": "FULL_TRANSITIVE"}
MODE: Final = {"mode": "READONLY"}
router = registry_router()
ToGlobal = Annotated[bool, Query(alias="defaultToGlobal")]


@router.get("/config")
def config() -> Response:
    """Return the compatibility rule for new versions."""
    return as_json(LEVEL)


@router.get("/config/{subject}")
def config_of(subject: Subject, to_global: ToGlobal = False) -> Response:  # noqa: FBT002 - a query
    """Return the compatibility rule of a subject: the same for each."""
    if subject not in subjects() and not to_global:
        detail = f"Subject '{subject}' does not have subject-level compatibility configured"
        raise unknown(NO_LEVEL_OF_ITS_OWN, detail)
    return as_json(LEVEL)


@router.get("/mode")
def mode() -> Response:
    """Answer that the registry is read-only."""
    return as_json(MODE)


@router.get("/mode/{subject}")
def mode_of(subject: Subject, to_global: ToGlobal = False) -> Response:  # noqa: FBT002 - a query
    """Answer that a subject is read-only."""
    if subject not in subjects() and not to_global:
        detail = f"Subject '{subject}' does not have subject-level mode configured"
        raise unknown(NO_MODE_OF_ITS_OWN, detail)
    return as_json(MODE)


@router.post("/compatibility/subjects/{subject}/versions")
def compare_with_all(subject: Subject, wanted: Lookup, verbose: bool = False) -> Response:  # noqa: FBT001, FBT002 - a query
    """Say whether a schema is compatible with every version of a subject."""
    return _compared(wanted, of_subject(subject), verbose=verbose)


@router.post("/compatibility/subjects/{subject}/versions/{version}")
def compare(subject: Subject, version: Version, wanted: Lookup, verbose: bool = False) -> Response:  # noqa: FBT001, FBT002 - a query
    """Say whether a schema is compatible with a version of a subject."""
    return _compared(wanted, [version_of(subject, version)[1]], verbose=verbose)


@router.put("/config", include_in_schema=False)
@router.delete("/config", include_in_schema=False)
@router.put("/mode", include_in_schema=False)
@router.put("/config/{subject}", include_in_schema=False)
@router.delete("/config/{subject}", include_in_schema=False)
@router.put("/mode/{subject}", include_in_schema=False)
@router.delete("/mode/{subject}", include_in_schema=False)
@router.post("/subjects/{subject}/versions", include_in_schema=False)
@router.delete("/subjects/{subject}", include_in_schema=False)
@router.delete("/subjects/{subject}/versions/{version}", include_in_schema=False)
def refuse_changes() -> Response:
    """Refuse what would change the registry, as one in its mode does."""
    raise refused(
        NOT_PERMITTED, "The registry is in read-only mode: contracts come with a release."
    )


def _compared(wanted: Lookup, contracts: list[Contract], *, verbose: bool) -> Response:
    if wanted.kind != "AVRO":
        reasons = [f"{wanted.kind} is another kind of schema than AVRO"]
    else:
        reasons = _apart(wanted.text, contracts)
    answer: dict[str, object] = {"is_compatible": not reasons}
    return as_json(answer | ({"messages": reasons} if verbose else {}))


def _apart(text: str, contracts: list[Contract]) -> list[str]:
    """Return why a schema and the contracts do not read each other's records."""
    try:
        schema = parsed(json.loads(text))
        return [reason for contract in contracts for reason in _both_ways(schema, contract)]
    except (SchemaError, ValueError, RecursionError) as error:
        raise refused(SCHEMA_INVALID, f"Input schema is an invalid Avro schema: {error}") from error


def _both_ways(schema: Parsed, contract: Contract) -> Iterator[str]:
    ours = parsed(json.loads(contract.text))
    for reason in unreadable(schema, ours):
        yield f"{contract.name} is not read with the new schema: {reason}"
    for reason in unreadable(ours, schema):
        yield f"the new schema is not read with {contract.name}: {reason}"
