"""The pages of the topics: examples go over the wire, and what they promise of contracts holds."""

import io
import json
from typing import Any

import fastavro
import pytest

from schemas import topics
from schemas.codecs import FRAME_BYTES, Record, decode, encode
from schemas.contracts import RECORDS, contract_of
from tools.pages.examples import EXAMPLES
from tools.pages.topics import example_json, topic_pages

NAMES = {contract_of(record).name: record for record in EXAMPLES}


def test_every_contract_has_an_example() -> None:
    assert set(EXAMPLES) == set(RECORDS.values())


@pytest.mark.parametrize("name", NAMES)
def test_an_example_survives_the_wire_and_shows_every_field(name: str) -> None:
    record = NAMES[name]
    raw = encode(EXAMPLES[record])
    fields = [field["name"] for field in json.loads(contract_of(record).text)["fields"]]

    assert encode(decode(record, raw)) == raw
    assert list(json.loads(example_json(record))) == fields


@pytest.mark.parametrize("topic", [t for t in topics.ALL if t.record], ids=lambda t: str(t.name))
def test_a_page_says_key_partitions_order_retention_fields_and_changes(topic: topics.Topic) -> None:
    page = topic_pages()[f"topics/{topic.name}.md"]
    record: Any = topic.record
    fields = [field["name"] for field in json.loads(contract_of(record).text)["fields"]]

    assert [f for f in fields if f"| `{f}` |" not in page] == []
    for word in ("| key |", "| partitions |", "| order |", "| kept |", "```json", "compatible"):
        assert word in page


@pytest.mark.parametrize("name", NAMES)
def test_readers_of_a_contract_read_a_later_one_with_a_field_more(name: str) -> None:
    example: Record = EXAMPLES[NAMES[name]]
    published = json.loads(contract_of(type(example)).text)
    more = {"name": "later", "type": ["null", "string"], "default": None}
    writer = fastavro.parse_schema(published | {"fields": [*published["fields"], more]})
    reader = fastavro.parse_schema(published)
    body = io.BytesIO(encode(example)[FRAME_BYTES:])
    values: Any = fastavro.schemaless_reader(body, reader, None)
    later = io.BytesIO()
    fastavro.schemaless_writer(later, writer, values | {"later": "something"})
    later.seek(0)

    assert fastavro.schemaless_reader(later, writer, reader) == values
