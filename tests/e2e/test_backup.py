"""A stack that is backed up and restored into an empty folder: all is there, and it goes on."""

import hashlib
import time
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from candlewick.stack.folder import StackFolder
from tests.support.kafka_process import running_kafka
from tests.support.servers import running_clickhouse
from tests.support.stack import eventually, running_stack

pytestmark = pytest.mark.slow
SYMBOLS = ("BTCUSDT", "DOTUSDT")
OF_PROCESSES = {"logs", "metrics", "run"}  # they say nothing once these have ended
_TABLES = """
SELECT name FROM system.tables
WHERE database = 'candlewick' AND engine LIKE '%MergeTree' ORDER BY name
"""


def digests(folder: Path) -> dict[str, str]:
    """A digest of each table, of each partition of each topic, and of each file beside them.

    Kafka's record of what groups have read is a topic too.
    """
    return tables(folder / "clickhouse") | partitions(folder) | files(folder)


def tables(path: Path) -> dict[str, str]:
    with running_clickhouse(path) as server, server.client(database="candlewick") as client:
        names = [row[0] for row in client.query(_TABLES).result_rows]
        each = {
            f"table {name}": client.query(
                "SELECT count(), groupBitXor(cityHash64(*)), sum(cityHash64(*)) "
                "FROM {name:Identifier}",
                {"name": name},
            ).result_rows[0]
            for name in names
        }
    return {name: str(row) for name, row in each.items()}


def partitions(folder: Path) -> dict[str, str]:
    with running_kafka(folder) as kafka:
        settings = {"bootstrap.servers": kafka.bootstrap, "group.id": "digest"}
        reader = Consumer(settings | {"enable.auto.commit": False, "enable.partition.eof": True})
        found = reader.list_topics(timeout=20).topics.values()
        places = [TopicPartition(t.topic, p, OFFSET_BEGINNING) for t in found for p in t.partitions]
        reader.assign(places)
        hashes = {(place.topic, place.partition): hashlib.sha256() for place in places}
        left, deadline = len(hashes), time.monotonic() + 60
        while left:
            assert time.monotonic() < deadline, left
            for message in reader.consume(1000, 0.2):
                hash_ = hashes[str(message.topic()), int(str(message.partition()))]
                said: tuple[object, ...] = (message.offset(),)
                if (error := message.error()) is None:
                    said = (*said, message.timestamp(), message.key(), message.value())
                else:
                    assert error.code() == KafkaError._PARTITION_EOF
                    left -= 1
                hash_.update(repr(said).encode())
        reader.close()
    return {f"topic {topic} {n}": found.hexdigest() for (topic, n), found in hashes.items()}


def files(folder: Path) -> dict[str, str]:
    tops = [top for top in folder.iterdir() if top.name not in {"clickhouse", "kafka"}]
    tops = [top for top in tops if top.name not in OF_PROCESSES and top.suffix != ".log"]
    paths = [path for top in tops for path in (top, *top.rglob("*")) if path.is_file()]
    assert paths
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


@pytest.mark.timeout(600)
def test_a_restored_stack_has_every_digest_again_and_goes_on(tmp_path: Path) -> None:
    backup = tmp_path / "backup.tar"
    with running_stack(tmp_path / "first", symbols=SYMBOLS) as stack:
        first = stack.folder
        eventually(stack.predicts, stack.logs)
        assert stack("users", "add", "ann", "--generate").returncode == 0
        began_ms = int(stack.admin("GET", "market").json()["now_ms"])
        stack.wait_for_candles(until_ms=began_ms // 60_000 * 60_000)

        running = stack("backup", str(backup))
        assert running.returncode == 1
        assert "candlewick down" in running.stderr
        assert not backup.exists()

        assert stack("down").returncode == 0
        assert stack("backup", str(backup)).returncode == 0
        before = digests(first)

        (tmp_path / "elsewhere").mkdir()
        stack.environment["CANDLEWICK_DATA_DIR"] = str(tmp_path / "elsewhere" / "restored")
        stack.folder = tmp_path / "elsewhere" / "restored"
        restored = stack("restore", str(backup))
        assert restored.returncode == 0, restored.stderr
        after = digests(stack.folder)
        assert after == before
        assert len([name for name in after if name.startswith("topic")]) > len(SYMBOLS)

        assert not StackFolder(stack.folder).is_held()
        assert stack.up().returncode == 0, stack.logs()
        assert "ann" in stack("users", "list").stdout
        eventually(stack.predicts, stack.logs)
        eventually(stack.is_healthy, stack.logs)
        now_ms = int(stack.admin("GET", "market").json()["now_ms"])
        stack.wait_for_candles(until_ms=now_ms // 60_000 * 60_000)
        assert stack.wrong_candles(until_ms=now_ms // 60_000 * 60_000 - 60_000) == []
