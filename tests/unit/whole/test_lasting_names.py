"""Names that others hold: stored data, brokers, programs, shells. No change of the code moves them.

`python -m tests.unit.whole.test_lasting_names` adds what is new to the list; nothing may leave it.
"""

import inspect
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

import candlewick
from api.app import ROUTES
from candlewick.cli import COMMANDS
from processors.features.detail import DETAIL_HASH
from processors.features.features import FEATURES_HASH
from processors.features.sequence import RECENT_HASH
from processors.training.batch import Training
from processors.training.trainer import GROUP as TRAINER
from schemas import topics
from schemas.contracts import RECORDS, contract_named
from schemas.migrations import read_migrations
from schemas.settings import Settings, variable_name
from sinks.batches import Batch, plan_of
from sinks.consumer import GROUP as SINKS
from sinks.delivery import Delivery
from sinks.tables import TABLES
from tests.support.messages import Sent
from tools.pages.metrics import events, metrics

LIST = Path(__file__).parents[2] / "data" / "lasting_names.json"
PROGRAMS = (
    "producers",
    "processors",
    "sinks",
    "sinks.notify",
    "api",
    "grafana",
    "candlewick",
    "candlewick.kafka_server",
    "candlewick.clickhouse_server",
    "candlewick.exchange",
)
Names = dict[str, str]


@cache
def the_names() -> dict[str, Names]:
    """Every name by its kind, with what stands behind it."""
    return {
        "contracts": {name: str(contract_named(name).schema_id) for name in RECORDS},
        "topics": {topic.name: topic.cleanup.value for topic in topics.ALL},
        "groups": {
            "candle worker": topics.CANDLE_APP,
            "its table": topics.CANDLE_TABLE,
            "predictor": topics.PREDICTION_APP,
            "sinks": SINKS,
            "trainer": TRAINER,
            "notifications": topics.NOTIFY_GROUP,
        },
        "migrations": {m.name: m.checksum for m in read_migrations()},
        "tables": {table.topic.name: table.name for table in TABLES},
        "tokens": {"of a batch": a_token(), "of its plan": plan_of(a_batch())},
        "settings": {
            variable_name(*path): ""
            for group, field in Settings.model_fields.items()
            for path in _paths(group, field.annotation)
        },
        "commands": dict.fromkeys(COMMANDS, ""),
        "routes": {
            f"{method} {route.path}": ""
            for module in ROUTES
            for route in module.router.routes
            for method in sorted(getattr(route, "methods", ("WS",)))
        },
        "metrics": {
            metric.name: ", ".join(labels)
            for found in metrics().values()
            for metric, labels in found
        },
        "log events": {event.name: "" for event in events()},
        "imports": dict.fromkeys(candlewick.__all__, "")
        | {name: _parameters(name) for name in ("connect", "subscribe")},
        "models": {
            "detail": DETAIL_HASH,
            "features": FEATURES_HASH,
            "sequence": RECENT_HASH,
            "training": repr(Training("batch", ("BTCUSDT",), 1, 2)),
        },
    }


def _paths(group: str, annotation: object) -> list[tuple[str, ...]]:
    inner = getattr(annotation, "model_fields", None)
    return [(group,)] if inner is None else [(group, name) for name in inner]


def _parameters(name: str) -> str:
    return ", ".join(inspect.signature(getattr(candlewick, name)).parameters)


def a_batch() -> Batch:
    return Batch([5, 9], [Sent(None, None), Sent(None, None)], [b"", b""], [0, 0])


def a_token() -> str:
    class Nobody:
        def insert(self, *_: object, **__: object) -> None:
            raise AssertionError

        def send(self, *_: object) -> None:
            raise AssertionError

    return Delivery(TABLES[0], "topic-id", 3, Nobody(), Nobody()).token(a_batch())


@pytest.mark.parametrize("kind", sorted(json.loads(LIST.read_text())))
def test_names_that_others_hold_are_what_they_were(kind: str) -> None:
    held = json.loads(LIST.read_text())[kind]
    now = the_names()[kind]

    assert {name: now.get(name) for name in held} == held


def test_every_name_is_in_the_list() -> None:
    held = {kind: set(names) for kind, names in json.loads(LIST.read_text()).items()}

    assert {kind: set(names) for kind, names in the_names().items()} == held


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_starts_by_its_name(name: str) -> None:
    found = find_spec(name)
    assert found is not None
    if found.submodule_search_locations is not None:
        assert find_spec(f"{name}.__main__") is not None


if __name__ == "__main__":
    LIST.write_text(json.dumps(the_names(), indent=1, sort_keys=True) + "\n")
