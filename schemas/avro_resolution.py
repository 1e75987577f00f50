"""Whether records of one Avro schema can be read with another one.

Source: Apache Avro 1.12, specification, "Schema Resolution".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

Schema = str | list[Any] | dict[str, Any]
_READ_AS = {  # what a primitive type is read as, beside itself
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}
_NAMED = frozenset({"record", "enum", "fixed"})


class SchemaError(ValueError):
    """This is no Avro schema; the text says why."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A schema with full names, and its named types by them."""

    schema: Schema
    named: Mapping[str, Schema]


def parsed(schema: object) -> Parsed:
    """Parse a schema from JSON.

    Raises:
        SchemaError: It is none.
    """
    named: dict[str, Any] = {}
    try:
        found = fastavro.parse_schema(schema, named_schemas=named)  # type: ignore[arg-type]
    except (SchemaParseException, UnknownType, KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"{type(error).__name__}: {error}"[:500]) from error
    except (AttributeError, RecursionError) as error:  # a number, or brackets without an end
        raise SchemaError("this is no schema") from error
    return Parsed(found, named)


def unreadable(reader: Parsed, writer: Parsed) -> list[str]:
    """Return why records that the writer wrote cannot be read; nothing where they can.

    Raises:
        SchemaError: A schema lacks a part of its type, which parsing lets pass.
    """
    try:
        return list(_Pair(reader.named, writer.named).reasons(reader.schema, writer.schema))
    except (AttributeError, KeyError, TypeError) as error:
        raise SchemaError("a type of it lacks a part, or has one of another kind") from error


@dataclass(frozen=True, slots=True)
class _Pair:
    reader_types: Mapping[str, Schema]
    writer_types: Mapping[str, Schema]
    open: frozenset[tuple[str, str]] = frozenset()  # records within which we are

    def reasons(self, reader: Schema, writer: Schema, at: str = "") -> Iterator[str]:
        reader = self.reader_types.get(reader, reader) if isinstance(reader, str) else reader
        writer = self.writer_types.get(writer, writer) if isinstance(writer, str) else writer
        if isinstance(writer, list):
            for branch in writer:
                yield from self.reasons(reader, branch, at)
        elif isinstance(reader, list):
            if not any(self._reads(branch, writer) for branch in reader):
                yield f"{at or '/'}: no branch of the union reads {_kind(writer)}"
        elif (kind := _kind(reader)) != _kind(writer):
            if kind not in _READ_AS.get(_kind(writer), ()):
                yield f"{at or '/'}: {_kind(writer)} is not read as {kind}"
        elif isinstance(reader, dict) and isinstance(writer, dict):
            yield from self._alike(reader, writer, at)
        elif _decimal(reader) != _decimal(writer):
            yield f"{at or '/'}: one of them is a decimal"

    def _reads(self, reader: Schema, writer: Schema) -> bool:
        return next(self.reasons(reader, writer), None) is None

    def _alike(self, reader: dict[str, Any], writer: dict[str, Any], at: str) -> Iterator[str]:
        """Compare two types of one kind."""
        kind = _kind(reader)
        if _decimal(reader) != _decimal(writer):
            yield f"{at or '/'}: the decimals differ in scale or precision"
        if kind in _NAMED and not _is_name_of(reader, writer):
            yield f"{at or '/'}: {writer['name']} is not {reader['name']}"
        elif kind == "fixed" and reader["size"] != writer["size"]:
            yield f"{at or '/'}: the sizes differ"
        elif kind == "enum" and "default" not in reader:
            if lost := sorted(set(writer["symbols"]) - set(reader["symbols"])):
                yield f"{at or '/'}: the reader lacks {', '.join(lost)}"
        elif kind == "array":
            yield from self.reasons(reader["items"], writer["items"], f"{at}/items")
        elif kind == "map":
            yield from self.reasons(reader["values"], writer["values"], f"{at}/values")
        elif kind == "record" and (pair := (reader["name"], writer["name"])) not in self.open:
            inner = _Pair(self.reader_types, self.writer_types, self.open | {pair})
            yield from inner.fields(reader, writer, at)

    def fields(self, reader: dict[str, Any], writer: dict[str, Any], at: str) -> Iterator[str]:
        """Yield what keeps the fields of a record from being read."""
        written = {field["name"]: field["type"] for field in writer["fields"]}
        for field in reader["fields"]:
            here = f"{at}/{field['name']}"
            names = [field["name"], *field.get("aliases", ())]
            name = next((name for name in names if name in written), None)
            if name is not None:
                yield from self.reasons(field["type"], written[name], here)
            elif "default" not in field:
                yield f"{here}: the writer lacks the field, and it has no default"


def _kind(schema: Schema) -> str:
    if isinstance(schema, dict):
        return str(schema["type"])
    return schema if isinstance(schema, str) else "union"


def _decimal(schema: Schema) -> tuple[int, int] | None:
    if not isinstance(schema, dict) or schema.get("logicalType") != "decimal":
        return None
    return schema["precision"], schema.get("scale", 0)


def _is_name_of(reader: dict[str, Any], writer: dict[str, Any]) -> bool:
    """Return whether the names are the same without their namespaces, or by an alias."""
    names = [reader["name"], *reader.get("aliases", ())]
    return writer["name"].rpartition(".")[2] in {name.rpartition(".")[2] for name in names}
