"""Generator of `docs/topics.md` and of a page for each topic, from the topics and contracts."""

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import fastavro

from schemas import topics
from schemas.codecs import FRAME_BYTES, decode, encode
from schemas.contracts import Contract, contract_of
from schemas.market import TradeBlock
from schemas.settings import KafkaSettings
from schemas.timeframe import DAY_MS
from schemas.topics import Topic
from tools.pages.examples import EXAMPLES
from tools.pages.texts import COMPATIBLE, IDENTITY, INDEX_HEAD, MADE
from tools.pages.units import unit_of


def topic_pages() -> dict[str, str]:
    """Build the index and a page for each topic with a contract, by file name."""
    pages = {"topics.md": INDEX_HEAD + "".join(map(_row, topics.ALL))}
    return pages | {f"topics/{t.name}.md": _page(t) for t in topics.ALL if t.record}


def example_json(record: type) -> str:
    """Return a contract's example as a client decodes it from the wire with the published file.

    Decimals become strings, because JSON has none; the columns of a block become arrays.
    """
    raw = encode(EXAMPLES[record])
    if record is TradeBlock:
        block = decode(TradeBlock, raw)
        values: Any = {name: getattr(block, name) for name in TradeBlock.__slots__}
    else:
        schema = fastavro.parse_schema(json.loads(contract_of(record).text))
        values = fastavro.schemaless_reader(io.BytesIO(raw[FRAME_BYTES:]), schema, None)
    return json.dumps(values, indent=2, default=_plain)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any type that JSON lacks
    return f"{value:f}" if isinstance(value, Decimal) else value.tolist()


def _row(topic: Topic) -> str:
    name = f"[`{topic.name}`](topics/{topic.name}.md)" if topic.record else f"`{topic.name}`"
    contract = f"`{contract_of(topic.record).name}`" if topic.record else "none"
    return f"| {name} | {topic.purpose} | {topic.key} | {_kept(topic)} | {contract} |\n"


def _kept(topic: Topic) -> str:
    if topic.cleanup is topics.Cleanup.COMPACT:
        return "the newest of each key"
    days = topic.retention_ms // DAY_MS
    return "for ever" if topic.retention_ms < 0 else f"{days} {'day' if days == 1 else 'days'}"


def _page(topic: Topic) -> str:
    if topic.record is None:
        raise ValueError(f"{topic.name} has no contract")
    contract = contract_of(topic.record)
    parts = [
        f"# `{topic.name}`\n\n{topic.purpose.capitalize()}. {MADE}[All topics](../topics.md)\n",
        "".join(_facts(topic, contract)),
        "".join(_fields(contract)),
        _example(topic.record),
        COMPATIBLE.format(name=f"`{contract.name}`"),
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _facts(topic: Topic, contract: Contract) -> Iterator[str]:
    yield "| | |\n|---|---|\n"
    yield f"| key | {topic.key}, plain text |\n"
    yield f"| partitions | {KafkaSettings().partitions} when created, by murmur2 of the key |\n"
    yield f"| order | as written for each {topic.key}; no order between them |\n"
    yield f"| kept | {_kept(topic)} (`cleanup.policy={topic.cleanup.value}`) |\n"
    yield f"| identified by | {IDENTITY[contract.name]} |\n"
    yield f"| written by | {topic.written_by} |\n"
    yield f"| read by | {topic.read_by} |\n"
    yield f"| contract | [`{contract.name}.avsc`](../../schemas/avro/{contract.name}.avsc), "
    yield f"schema id {contract.schema_id} |\n"
    yield f'| in Python | `candlewick.subscribe("{topic.name}")` yields '
    yield f"`candlewick.{contract.record.__name__}` |\n"


def _fields(contract: Contract) -> Iterator[str]:
    schema = json.loads(contract.text)
    yield f"\n## Fields\n\n{schema['doc']}\n\n"
    yield "| field | type | unit | meaning |\n|---|---|---|---|\n"
    for field in schema["fields"]:
        unit = unit_of(contract.record, field["name"])
        yield f"| `{field['name']}` | {_type_name(field['type'])} | {unit} | {field['doc']} |\n"


def _example(record: type) -> str:
    raw = encode(EXAMPLES[record])
    return (
        "\n## Example\n\nA record as a client reads it, with decimals as strings"
        f"{' and columns as arrays' if record is TradeBlock else ''}. On the wire it has "
        f"{len(raw)} bytes; the first five are `{raw[:FRAME_BYTES].hex(' ')}`.\n\n"
        f"```json\n{example_json(record)}\n```\n"
    )


def _type_name(kind: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(kind, list):
        return " or ".join(_type_name(one) for one in kind)
    if isinstance(kind, dict):
        if kind["type"] == "array":
            return f"array of {_type_name(kind['items'])}"
        return f"decimal({kind['precision']}, {kind['scale']})"
    return str(kind)
