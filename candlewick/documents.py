"""The pages under ``docs/`` that are made from the code: ``python -m candlewick.documents``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas import topics
from schemas.contracts import contract_of
from schemas.settings import Settings, variable_name

DOCS = Path(__file__).parents[1] / "docs"
_DAY_MS = 86_400_000
_SETTINGS_HEAD = """# Settings

Every setting is an environment variable, or a line of a `.env` file in the folder where the command
runs. A variable that begins with `CANDLEWICK_` and is none of these is refused. This page is made
from the code by `make docs`.

| variable | default | what it is |
|---|---|---|
"""
_TOPICS_HEAD = """# Topics and contracts

What goes through Kafka, for those who subscribe. Values are Avro in Confluent framing: byte 0, four
bytes of schema id, body; the id is the first 31 bits of the SHA-256 of the `.avsc` file. Keys are
plain text and decide the partition (murmur2, as in Kafka's own clients), so the records of a key
are in order. A record may come twice with the same content. A released contract is never edited:
what comes later comes as a new version, on a new topic where readers of the old could not read it.
This page is made from the code by `make docs`.
"""


def settings_page() -> str:
    """Return `docs/settings.md`."""
    return _SETTINGS_HEAD + "".join(_setting_rows())


def topics_page() -> str:
    """Return `docs/topics.md`."""
    return _TOPICS_HEAD + "".join(_topic_section(topic) for topic in topics.ALL)


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    return {"settings.md": settings_page(), "topics.md": topics_page()}


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (DOCS / name).write_text(text)


def _setting_rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            for inner, leaf in group.model_fields.items():
                yield _setting_row(variable_name(name, inner), leaf)
        else:
            yield _setting_row(variable_name(name), field)


def _setting_row(variable: str, field: FieldInfo) -> str:
    default = field.default
    text = ",".join(default) if isinstance(default, tuple) else str(default)
    shown = f"`{text}`" if text and default is not None and "**" not in text else "none"
    return f"| `{variable}` | {shown} | {field.description} |\n"


def _topic_section(topic: topics.Topic) -> str:
    kept = "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms // _DAY_MS} days"
    if topic.cleanup is topics.Cleanup.COMPACT:
        kept = "the newest of each key"
    facts = (
        f"\n## `{topic.name}`\n\n{topic.purpose.capitalize()}.\n\n"
        f"Key: {topic.key}. Kept: {kept}. Written by: {topic.written_by}. "
        f"Read by: {topic.read_by}.\n"
    )
    return facts + (_contract(topic.record) if topic.record else "")


def _contract(record: type) -> str:
    contract = contract_of(record)
    schema = json.loads(contract.text)
    head = f"\n`{contract.name}.avsc`, schema id {contract.schema_id}. {schema['doc']}\n\n"
    rows = "".join(
        f"| `{f['name']}` | {_type_name(f['type'])} | {f['doc']} |\n" for f in schema["fields"]
    )
    return f"{head}| field | type | meaning |\n|---|---|---|\n{rows}"


def _type_name(kind: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(kind, list):
        return " or ".join(_type_name(one) for one in kind)
    if isinstance(kind, dict):
        return f"decimal({kind['precision']}, {kind['scale']})" if "scale" in kind else kind["type"]
    return str(kind)


if __name__ == "__main__":
    main()
