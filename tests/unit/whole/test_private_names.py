"""Names of other libraries that they promise to nobody, and that the product stands on.

An update may take them away without a word. Then the test says which one, and who used it. What
stands here as behaviour that was copied is held by a hash: `test_faust_overrides.py`.
"""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from confluent_kafka import KafkaError
from sklearn.ensemble import HistGradientBoostingRegressor

ROOT: Final = Path(__file__).parents[3]
PRODUCT: Final = (
    "schemas", "clients", "producers", "processors", "sinks", "api", "grafana", "candlewick",
)  # fmt: skip
USED: Final = {
    "candlewick/cli.py": ("typer._completion_classes:completion_init",),
    "candlewick/clickhouse_server/engine.py": (
        "chdb.state.sqlitelike:Connection.query",
        "chdb.state.sqlitelike:Connection.send_query",
        "chdb.state.sqlitelike:Connection.close",
    ),
    "candlewick/commands/completion.py": ("typer._completion_shared:get_completion_script",),
    "clients/kafka/group.py": (
        "confluent_kafka.admin._group:MemberDescription",
        "confluent_kafka.admin._listoffsets:OffsetSpec.latest",
        "confluent_kafka.admin._listoffsets:OffsetSpec.earliest",
    ),
    "clients/kafka/partition.py": ("aiokafka.partitioner:murmur2",),
    "clients/kafka/topics.py": (
        "confluent_kafka.cimpl:NewTopic",
        "confluent_kafka.admin._config:ConfigResource",
    ),
    "processors/extra/checks.py": ("river.base.estimator:Estimator._unit_test_skips",),
    "processors/runtime/app.py": ("faust.app:App._new_transport",),
    "processors/runtime/bundles.py": (
        "faust.transport.consumer:Consumer._get_active_partitions",
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._fetch_records",
        "faust.transport.drivers.aiokafka:Consumer._new_consumer_thread",
        "faust.transport.drivers.aiokafka:Consumer._new_offset",
        "faust.transport.drivers.aiokafka:Consumer._to_message",
    ),
    "processors/runtime/header_names.py": (
        "aiokafka.consumer.fetcher:PartitionRecords._unpack_records",
        "aiokafka.record.default_records:_DefaultRecordBatchPy",
        "aiokafka.record.memory_records:_MemoryRecordsPy._cache_next",
    ),
    "processors/runtime/producer.py": (
        "faust.transport.drivers.aiokafka:Producer._ensure_producer",
    ),
    "processors/runtime/recovery.py": (
        "faust.app:App._fetcher",
        "faust.tables.recovery:Recovery._is_changelog_tp",
        "faust.tables.recovery:Recovery._set_recovery_ended",
        "faust.tables.recovery:Recovery._wait",
    ),
    "processors/runtime/static_member.py": (
        "aiokafka.consumer.group_coordinator:GroupCoordinator._send_req",
    ),
    "processors/runtime/transport.py": (
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._create_worker_consumer",
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._ensure_consumer",
        "faust.transport.drivers.aiokafka:Consumer._new_consumer_thread",
        "faust.transport.drivers.aiokafka:Consumer._new_offset",
    ),
}
# Private by their underscore alone: `os._exit` and the enumerations' `_value_` are documented.
PUBLIC: Final = {"_exit", "_value_"}
CONNECTIONS: Final = "api/http/connections.py"
HTTPTOOLS: Final = "uvicorn.protocols.http.httptools_impl"
# Held below, as they are of instances.
OF_INSTANCES: Final = {
    "_baseline_prediction",
    "_coordinator",
    "_fetch_max_wait_ms",
    "_group_instance_id",
    "_predictors",
}


def gone(what: str, library: str, user: str) -> str:
    package = packages_distributions()[library.partition(".")[0]][0]
    return (
        f"{package} {version(package)} has no {what} any more, which {user} stands on:"
        " read what took its place, and mend that module, or pin the version before"
    )


def still_there(name: str, user: str) -> Any:
    module, _, inside = name.partition(":")
    try:
        found: Any = import_module(module)
        for part in inside.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        pytest.fail(gone(name, module, user))
    return found


@pytest.mark.parametrize(
    ("user", "name"), [(user, name) for user, names in USED.items() for name in names]
)
def test_a_private_name_that_we_use_is_still_there(user: str, name: str) -> None:
    assert still_there(name, user) is not None


def test_a_consumer_waits_for_a_fetch_as_long_as_its_attribute_says() -> None:
    user = "processors/runtime/transport.py"
    start = still_there("aiokafka:AIOKafkaConsumer.start", user)

    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in inspect.getsource(start), gone(
        "AIOKafkaConsumer._fetch_max_wait_ms", "aiokafka", user
    )
    assert "self._coordinator = GroupCoordinator(" in inspect.getsource(start), gone(
        "AIOKafkaConsumer._coordinator", "aiokafka", user
    )
    heartbeat = "aiokafka.consumer.group_coordinator:GroupCoordinator"
    made = inspect.getsource(still_there(f"{heartbeat}.__init__", user))
    asked = inspect.getsource(still_there(f"{heartbeat}._do_heartbeat", user))
    assert "self._group_instance_id = " in made
    assert "await self._send_req(request)" in asked


def test_what_a_connection_overrides_is_called_by_the_server() -> None:
    theirs = still_there(f"{HTTPTOOLS}:HttpToolsProtocol", CONNECTIONS)
    ours = vars(import_module("api.http.connections").BoundedConnection)
    called = {name for name in ours if inspect.isfunction(ours[name]) and name[0] != "_"}

    missing = called - vars(theirs).keys()
    assert not missing, gone(f"HttpToolsProtocol with {missing}", "uvicorn", CONNECTIONS)
    assert "on_headers_complete" in called


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("HttpToolsProtocol", {"connections", "cycle", "flow", "loop", "pipeline", "transport"}),
        ("RequestResponseCycle", {"more_body", "response_complete", "response_started"}),
        ("FlowControl", {"read_paused"}),
    ],
)
def test_a_connection_of_the_server_has_what_ours_looks_at(name: str, needed: set[str]) -> None:
    made = inspect.getsource(still_there(f"{HTTPTOOLS}:{name}.__init__", CONNECTIONS))
    missing = {attribute for attribute in needed if f"self.{attribute}" not in made}

    assert not missing, gone(f"{name} with {missing}", "uvicorn", CONNECTIONS)


def test_trees_can_be_read_out_of_a_booster() -> None:
    booster = HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=1, early_stopping=False)
    booster.fit(np.arange(8.0)[:, None], np.arange(8.0))
    user = "processors/training/growing.py"
    read = {
        "is_leaf", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "value",
    }  # fmt: skip

    for name in ("_baseline_prediction", "_predictors"):
        assert hasattr(booster, name), gone(name, "sklearn", user)
    missing = read - set(booster._predictors[0][0].nodes.dtype.names)
    assert not missing, gone(f"nodes with {missing}", "sklearn", user)


def private_names(source: str) -> Iterator[str]:
    """Modules and attributes of others that begin with an underscore."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [part for alias in node.names for part in alias.name.split(".")]
            names += (getattr(node, "module", None) or "").split(".")
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) not in {"self", "cls"}:
            names = [node.attr]
        yield from (name for name in names if name.startswith("_") and name[1:2] != "_")


def test_every_private_name_that_we_use_is_held_here() -> None:
    held = {part for names in USED.values() for name in names for part in name_parts(name)}
    known = held | OF_INSTANCES | PUBLIC | vars(KafkaError).keys()
    used = {
        (str(path.relative_to(ROOT)), name)
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
        for name in private_names(path.read_text())
    }

    assert {(module, name) for module, name in used if name not in known} == set()
    assert len(used) > 10


def name_parts(name: str) -> list[str]:
    return name.replace(":", ".").split(".")
