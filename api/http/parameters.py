"""Query parameters shared by several endpoints, with their documentation."""

import unicodedata
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, Field, StringConstraints

from api.http import problems
from api.http.problems import FieldError, Members, Problem
from api.http.times import TimeMs
from schemas.validation import validate

MOST_SYMBOLS = 400


def composed(value: object) -> object:
    """Return text in Unicode's NFC form, as symbols are kept."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


SymbolName = Annotated[
    str,
    BeforeValidator(composed),
    StringConstraints(pattern=r"^[^\W_]{2,64}$", to_upper=True),  # letters of any script
    Field(examples=["BTCUSDT"]),
]
Symbol = Annotated[SymbolName, Query(description="A pair, for example BTCUSDT.")]
OptionalModel = Annotated[
    str | None, Query(pattern=r"^[a-z0-9_-]{1,40}$", description="Only this model.")
]
OptionalSymbol = Annotated[SymbolName | None, Query(description="Only this pair.")]
_FROM = Query(alias="from", description="Start, inclusive.", examples=["2026-01-01T00:00:00Z"])
Since = Annotated[TimeMs, _FROM]
OptionalSince = Annotated[TimeMs | None, _FROM]
Until = Annotated[
    TimeMs, Query(alias="to", description="End, exclusive.", examples=["2026-01-31T00:00:00Z"])
]
Cursor = Annotated[
    str | None, Query(max_length=400, description="`next_cursor` of the previous answer.")
]
Rows = Annotated[int, Query(ge=1, le=2_000_000, description="Most rows; limited by the server.")]


def check_range(from_ms: int, until_ms: int) -> None:
    """Refuse a range that ends before it starts.

    Raises:
        Problem: ``from_ms`` is later than ``until_ms``.
    """
    if from_ms > until_ms:
        error = FieldError("query.from", "is after `to`")
        raise Problem(problems.INVALID, "`from` is after `to`", members=Members(errors=(error,)))


def check_record(record: object) -> None:
    """Refuse a record that readers would reject as invalid.

    Raises:
        Problem: The record does not pass `schemas.validation.validate`.
    """
    try:
        validate(record)
    except ValueError as error:
        raise Problem(problems.INVALID, str(error)) from error


def split_names(value: object) -> object:
    """Split comma-separated names into a list; leave other values as they are."""
    if isinstance(value, list):
        return [part for item in value for part in str(item).split(",") if part]
    return value


CommaSeparated = BeforeValidator(split_names)
