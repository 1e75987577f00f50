"""Multipart forms: fields are parameters of the request, files are tables for its statement.

Source: ClickHouse, docs/engines/table-engines/special/external-data.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from candlewick.clickhouse_server.body import Body
from candlewick.clickhouse_server.errors import (
    BAD_ARGUMENTS,
    NOT_IMPLEMENTED,
    refused,
)

_MOST_FILES: Final = 20
_LARGEST_FORM_BYTES: Final = 64 << 20
_LONGEST_FIELD_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was read: its fields, and its files by the name of their part."""

    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, BinaryIO] = field(default_factory=dict)


def is_form(request: Request) -> bool:
    """Return whether the body of a request is a form."""
    return request.headers.get("content-type", "").startswith("multipart/")


async def read_form(request: Request, body: Body) -> Form:
    """Read the whole form; its files are kept in memory or in temporary files.

    Raises:
        QueryError: The form is broken or larger than 64 MB (36), or compressed (48).
        ClientGoneError: The connection closed inside the form.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise refused(NOT_IMPLEMENTED, "A compressed form is not supported: send it plain.")
    parser = MultiPartParser(
        request.headers,
        _pieces(body),
        max_files=_MOST_FILES,
        max_part_size=_LONGEST_FIELD_BYTES,
    )
    try:
        parts = (await parser.parse()).multi_items()
    except MultiPartException as error:
        raise refused(BAD_ARGUMENTS, f"The form cannot be read: {error.message}") from error
    return Form(
        {name: part for name, part in parts if isinstance(part, str)},
        {name: part.file for name, part in parts if isinstance(part, UploadFile)},
    )


async def _pieces(body: Body) -> AsyncGenerator[bytes, None]:
    read = 0
    while (piece := await body.next_piece()) is not None:
        read += len(piece)
        if read > _LARGEST_FORM_BYTES:
            raise refused(BAD_ARGUMENTS, "A form may have 64 MB at most.")
        yield piece
