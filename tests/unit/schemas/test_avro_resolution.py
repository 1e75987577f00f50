"""Which schema reads the records of which: the specification's rules, and fastavro's reading."""

import io
import json
from collections.abc import Callable
from itertools import permutations
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.avro_resolution import SchemaError, parsed, unreadable
from schemas.contracts import contracts_of


def record(*fields: object, name: str = "R", **more: object) -> dict[str, object]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name: str, kind: object, **more: object) -> dict[str, object]:
    return {"name": name, "type": kind, **more}


def decimal(scale: int) -> dict[str, object]:
    return {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": scale}


def enum(*symbols: str, **more: object) -> dict[str, object]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


NODE = record(field("next", ["null", "R"]), field("value", "int"))
LONGER = record(field("next", ["null", "R"]), field("value", "long"))
OTHER = record(field("next", ["null", "R"]), field("value", "string"))


@pytest.mark.parametrize(
    ("reader", "writer", "reads"),
    [
        ("long", "int", True),
        ("int", "long", False),
        ("bytes", "string", True),
        (["null", "long"], "int", True),
        ("long", ["null", "long"], False),
        ("long", ["int", "long"], True),
        (record(field("a", "int", default=1)), record(), True),
        (record(field("a", "int")), record(), False),
        (record(), record(field("a", "int")), True),
        (record(field("b", "int", aliases=["a"])), record(field("a", "int")), True),
        (record(), record(name="S"), False),
        (record(aliases=["S"]), record(name="S"), True),
        (record(namespace="x"), record(namespace="y"), True),
        (enum("a", "b"), enum("a"), True),
        (enum("a"), enum("a", "b"), False),
        (enum("a", default="a"), enum("a", "b"), True),
        ({"type": "array", "items": "long"}, {"type": "array", "items": "int"}, True),
        ({"type": "map", "values": "int"}, {"type": "map", "values": "long"}, False),
        (decimal(8), decimal(8), True),
        (decimal(8), decimal(9), False),
        (decimal(8), "bytes", False),
        ("bytes", decimal(8), False),
        (LONGER, NODE, True),
        (NODE, LONGER, False),
        (OTHER, NODE, False),
        (
            {"type": "fixed", "name": "F", "size": 4},
            {"type": "fixed", "name": "F", "size": 5},
            False,
        ),
    ],
)
def test_a_schema_reads_what_the_specification_says(
    reader: object, writer: object, *, reads: bool
) -> None:
    assert (unreadable(parsed(reader), parsed(writer)) == []) is reads


PRIMITIVES = st.sampled_from(["int", "long", "float", "double", "string", "bytes", "boolean"])
TYPES = PRIMITIVES | st.builds(lambda kind: ["null", kind], PRIMITIVES)
VALUES: dict[str, Callable[[], object]] = {
    "int": lambda: 1,
    "long": lambda: 1 << 40,
    "float": lambda: 1.5,
    "double": lambda: 1.5,
    "string": lambda: "x",
    "bytes": lambda: b"x",
    "boolean": lambda: True,
    "null": lambda: None,
}


@given(reader=TYPES, writer=TYPES)
def test_what_is_called_readable_fastavro_reads(reader: Any, writer: Any) -> None:
    wide, narrow = record(field("a", reader)), record(field("a", writer))
    if unreadable(parsed(wide), parsed(narrow)):
        return
    for kind in writer if isinstance(writer, list) else [writer]:
        file = io.BytesIO()
        fastavro.schemaless_writer(file, narrow, {"a": VALUES[kind]()})
        file.seek(0)
        fastavro.schemaless_reader(file, narrow, wide)


@pytest.mark.parametrize("schema", [7, None, "nothing", {}, {"type": "array"}, "[" * 9])
def test_what_is_no_schema_is_told_so(schema: object) -> None:
    with pytest.raises(SchemaError):
        parsed(schema)


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "enum", "name": "E", "symbols": 7},
        {"type": "enum", "name": "E", "symbols": ["a"], "aliases": 7},
        {"type": "bytes", "logicalType": "decimal"},
        record(field("a", "int", aliases=7)),
    ],
)
def test_a_type_that_lacks_a_part_is_told_so(broken: Any) -> None:
    whole = {"enum": enum("a"), "bytes": decimal(8)}.get(broken["type"], record(field("a", "int")))
    with pytest.raises(SchemaError):
        unreadable(parsed(broken), parsed(whole))


@pytest.mark.parametrize("topic", [t for t in topics.ALL if t.record], ids=lambda t: str(t.name))
def test_every_version_of_a_topic_reads_every_other_one(topic: topics.Topic) -> None:
    assert topic.record is not None
    versions = [parsed(json.loads(contract.text)) for contract in contracts_of(topic.record)]

    assert [unreadable(*pair) for pair in permutations(versions, 2) if unreadable(*pair)] == []
