"""Conversion of predictions, scores and model versions to rows, one column for each field.

A field `x_ms` becomes the column `x_time`, `x_e8` the decimal `x`; others keep their names. A field
that may be None becomes a nullable column.
"""

import struct
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from operator import attrgetter
from types import NoneType
from typing import Any, get_args

from schemas.predictions import ModelVersion, Prediction, Score
from sinks.row_binary import decimal, nullable, string, time

Writer = Callable[[Any], bytes]
_BY_TYPE: dict[str, Writer] = {
    "str": string,
    "float": struct.Struct("<d").pack,
    "bool": struct.Struct("<?").pack,
}
_SUFFIXES: tuple[tuple[str, str, Writer], ...] = (("_ms", "_time", time), ("_e8", "", decimal))


def columns_of(record: type) -> tuple[str, ...]:
    """Return the column names of a record type, in the order of its fields."""
    return tuple(_column(field.name, field.type)[0] for field in fields(record))


def row_writer(record: type) -> Callable[[Any], bytes]:
    """Return a function that converts a record of this type to its row."""
    names = [field.name for field in fields(record)]
    writers = [_column(field.name, field.type)[1] for field in fields(record)]
    values = attrgetter(*names)

    def row(one: Any) -> bytes:  # noqa: ANN401 - an instance of `record`
        return b"".join(write(value) for write, value in zip(writers, values(one), strict=True))

    return row


def _column(name: str, kind: Any) -> tuple[str, Writer]:  # noqa: ANN401 - a field's annotation
    known = [part for part in get_args(kind) if part is not NoneType]
    column, writer = _known_column(name, known[0] if known else kind)
    return column, partial(nullable, write=writer) if known else writer


def _known_column(name: str, kind: Any) -> tuple[str, Writer]:  # noqa: ANN401 - likewise
    for suffix, ending, writer in _SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix) + ending, writer
    return name, _BY_TYPE[kind.__name__]


PREDICTION = columns_of(Prediction)
SCORE = columns_of(Score)
MODEL_VERSION = columns_of(ModelVersion)
