"""The pages of the topics: examples go over the wire, and what they promise of contracts holds."""

import io
import json
import re
from pathlib import Path
from typing import Any

import fastavro
import pytest

from api.live.kinds import Kind
from api.payloads.models import ModelEventRow
from schemas import topics
from schemas.codecs import FRAME_BYTES, Record, decode, encode
from schemas.contracts import RECORDS, contract_of
from schemas.predictions import ModelEvent
from schemas.settings import Settings
from sinks.notify.rules_file import read_plan
from sinks.tables import TABLES
from tools.pages.examples import EXAMPLES
from tools.pages.topics import example_json, topic_pages

ROOT = Path(__file__).parents[3]
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


def test_a_topic_names_the_readers_that_the_code_has() -> None:
    notify: Any = {"targets": "phone=json://x mail=json://y"}
    plan = read_plan(Settings(notify=notify), ROOT / "examples" / "notifications.yaml")
    reading = {("sinks", table.topic) for table in TABLES}
    reading |= {("API", kind.topic) for kind in Kind}
    reading |= {("notify", topic) for named in plan.rules for topic in named.rule.reads}

    assert [(who, t.name) for who, t in reading if who not in re.split("[,;] ", t.read_by)] == []


def test_the_events_of_models_are_told_completely() -> None:
    said = ModelEventRow.model_fields["event"].description or ""

    assert [e for e in ModelEvent if e not in topics.MODEL_VERSIONS.purpose or e not in said] == []


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
