"""`docs/topics.md` and a page a topic, made from the table of topics and the contracts."""

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import fastavro

from candlewick.documents_examples import EXAMPLES
from candlewick.documents_units import unit_of
from schemas import topics
from schemas.codecs import FRAME_BYTES, decode, encode
from schemas.contracts import Contract, contract_of
from schemas.market import TradeBlock
from schemas.settings import KafkaSettings, variable_name
from schemas.topics import Topic

_DAY_MS = 86_400_000
_MADE = "This page is made from the code by `make docs`.\n"
_INDEX_HEAD = f"""# Topics and contracts

What goes through Kafka, for those who subscribe. {_MADE}
    import candlewick

    with candlewick.subscribe("market.candles.v1", symbols=["BTCUSDT"]) as candles:
        for candle in candles:
            print(candle.open_ms, candle.close_e8 / 1e8, candle.status)

[connect.md](connect.md) has the same for other clients and languages. What holds for all topics:

- **Values** are Avro in Confluent framing: byte 0, four bytes of schema id, body. The id is the
  first 31 bits of the SHA-256 of the `.avsc` file in `schemas/avro/`, so no registry is needed; the
  API answers a registry's read calls under `/registry` for clients that want one.
- **Keys** are plain text and decide the partition (murmur2, as in Kafka's own clients): the records
  of a key are in one partition, in the order in which they were written. Between keys there is no
  order.
- **Delivery** is at least once: a record may come again with the same content, after a restart of
  whoever wrote it. Each page says what makes a record itself, so that a reader can drop doubles.
- **Times** are UTC epoch milliseconds; intervals are half-open. Prices and volumes are decimals of
  8 places; `candlewick.subscribe` gives them as integers of 1e-8 (`close` is `close_e8`).
- **Partitions** are {KafkaSettings().partitions} a topic, or as many as
  `{variable_name("kafka", "partitions")}` said when it was made.

| topic | what | key | kept | contract |
|---|---|---|---|---|
"""
_COMPATIBLE = """
## What changes are compatible

A released contract is never edited: its id is its fingerprint, and old records keep the old id.
What comes later is a new file with a new id:

- **a field more, with a default**, on this topic: readers of {name} go on reading and do
  not see it;
- **anything else** (a field less, renamed, or of another type or meaning) only as a new topic
  with a higher version, beside this one.

So a reader that resolves to {name} as its own schema reads every record that this
topic will ever hold. `candlewick.subscribe` of an older version stops at an id that it does not
know, and says so.
"""
_IDENTITY = {
    "trade_block.v1": "`symbol` and `first_agg_id`; blocks of a redelivery may overlap, ids tell",
    "candle.v1": "`symbol`, `interval`, `open_ms`; the highest `revision` counts",
    "gap.v1": "`symbol`, `first_agg_id`, `last_agg_id`, `state`",
    "hole.v1": "`symbol`, `interval`, `open_ms`, `close_ms`; the newest `checked_ms` counts",
    "archive_file.v1": "`name` and `sha256`",
    "history.v1": "`symbol` and `interval`; the newest `changed_ms` counts",
    "coin.v1": "`coin_id` and `updated_ms`",
    "coin_day.v1": "`coin_id` and `at_ms`; the newest `fetched_ms` counts",
    "prediction.v1": "`symbol`, `interval`, `open_ms`, `issued_ms`, `model`; it never changes",
    "score.v1": "`symbol`, `interval`, `open_ms`, `issued_ms`, `model`; it never changes",
    "model_version.v1": "`model`, `symbol`, `version`, `event`, `event_ms`",
    "training_request.v1": "`requested_by` and `requested_ms`",
}


def topic_pages() -> dict[str, str]:
    """Return the index and a page for each topic that holds records, by file name."""
    pages = {"topics.md": _INDEX_HEAD + "".join(map(_row, topics.ALL))}
    return pages | {f"topics/{t.name}.md": _page(t) for t in topics.ALL if t.record}


def example_json(record: type) -> str:
    """Return the example of a contract as a client reads it from the wire with the published file.

    Decimals are texts, as JSON has no decimals; the columns of a block are arrays.
    """
    raw = encode(EXAMPLES[record])
    if record is TradeBlock:
        block = decode(TradeBlock, raw)
        values: Any = {name: getattr(block, name) for name in TradeBlock.__slots__}
    else:
        schema = fastavro.parse_schema(json.loads(contract_of(record).text))
        values = fastavro.schemaless_reader(io.BytesIO(raw[FRAME_BYTES:]), schema, None)
    return json.dumps(values, indent=2, default=_plain)


def _plain(value: Any) -> Any:  # noqa: ANN401 - what JSON does not know
    return f"{value:f}" if isinstance(value, Decimal) else value.tolist()


def _row(topic: Topic) -> str:
    name = f"[`{topic.name}`](topics/{topic.name}.md)" if topic.record else f"`{topic.name}`"
    contract = f"`{contract_of(topic.record).name}`" if topic.record else "none"
    return f"| {name} | {topic.purpose} | {topic.key} | {_kept(topic)} | {contract} |\n"


def _kept(topic: Topic) -> str:
    if topic.cleanup is topics.Cleanup.COMPACT:
        return "the newest of each key"
    days = topic.retention_ms // _DAY_MS
    return "for ever" if topic.retention_ms < 0 else f"{days} {'day' if days == 1 else 'days'}"


def _page(topic: Topic) -> str:
    if topic.record is None:
        raise ValueError(f"{topic.name} has no contract")
    contract = contract_of(topic.record)
    parts = [
        f"# `{topic.name}`\n\n{topic.purpose.capitalize()}. {_MADE}[All topics](../topics.md)\n",
        "".join(_facts(topic, contract)),
        "".join(_fields(contract)),
        _example(topic.record),
        _COMPATIBLE.format(name=f"`{contract.name}`"),
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _facts(topic: Topic, contract: Contract) -> Iterator[str]:
    yield "| | |\n|---|---|\n"
    yield f"| key | {topic.key}, plain text |\n"
    yield f"| partitions | {KafkaSettings().partitions} when made, by murmur2 of the key |\n"
    yield f"| order | as written for each {topic.key}; none between them |\n"
    yield f"| kept | {_kept(topic)} (`cleanup.policy={topic.cleanup.value}`) |\n"
    yield f"| a record is itself by | {_IDENTITY[contract.name]} |\n"
    yield f"| written by | {topic.written_by} |\n"
    yield f"| read by | {topic.read_by} |\n"
    yield f"| contract | [`{contract.name}.avsc`](../../schemas/avro/{contract.name}.avsc), "
    yield f"schema id {contract.schema_id} |\n"
    yield f'| in Python | `candlewick.subscribe("{topic.name}")` gives '
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
        "\n## Example\n\nA record as a client reads it, decimals as texts"
        f"{', columns as arrays' if record is TradeBlock else ''}; on the wire it has {len(raw)} "
        f"bytes, the first five are `{raw[:FRAME_BYTES].hex(' ')}`.\n\n"
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
