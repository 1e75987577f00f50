"""Conversion of predictions, scores and model versions to rows, one column for each field.

A field `x_ms` is a time, `x_e8` a decimal; `schemas.table_columns` names their columns. A field
that may be None has a nullable column.
"""

import struct
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from operator import attrgetter
from types import NoneType
from typing import Any, get_args

from sinks.row_binary import decimal, nullable, string, time

Writer = Callable[[Any], bytes]
_BY_TYPE: dict[str, Writer] = {
    "str": string,
    "float": struct.Struct("<d").pack,
    "bool": struct.Struct("<?").pack,
}
_BY_SUFFIX: dict[str, Writer] = {"_ms": time, "_e8": decimal}


def row_writer(record: type) -> Callable[[Any], bytes]:
    """Return a function that converts a record of this type to its row."""
    names = [field.name for field in fields(record)]
    writers = [_writer(field.name, field.type) for field in fields(record)]
    values = attrgetter(*names)

    def row(one: Any) -> bytes:  # noqa: ANN401 - an instance of `record`
        return b"".join(write(value) for write, value in zip(writers, values(one), strict=True))

    return row


def _writer(name: str, kind: Any) -> Writer:  # noqa: ANN401 - a field's annotation
    known = [part for part in get_args(kind) if part is not NoneType]
    if known:
        return partial(nullable, write=_writer(name, known[0]))
    of_suffix = (writer for suffix, writer in _BY_SUFFIX.items() if name.endswith(suffix))
    return next(of_suffix, None) or _BY_TYPE[kind.__name__]
