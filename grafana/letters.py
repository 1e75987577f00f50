"""Dead letters from Kafka to ClickHouse: why and from where, without the record itself."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from clients.kafka.errors import meaning
from clients.limits import within
from grafana import store
from schemas import topics
from schemas.dead_letters import read_letter
from schemas.errors import Transient

COLUMNS = (
    "partition", "offset", "letter_time", "reason", "origin_topic", "origin_partition",
    "origin_offset", "bytes",
)  # fmt: skip
PATIENCE_S = 10.0
MOST = 1_000
NEWEST = "SELECT partition, max(offset) FROM dead_letters GROUP BY 1"
Row = tuple[int, int, datetime, str, str, int, int, int]


class Letters:
    """Follows the topic from where the table ends, so that a restart neither skips nor doubles."""

    def __init__(self, servers: str, client: Client) -> None:
        self._client = client
        self._consumer = Consumer(  # assigned, not subscribed: it is in no group
            {
                "bootstrap.servers": servers,
                "group.id": "dead-letter-table",  # nothing is committed: the table is the place
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        self._consumer.assign(list(self._begin()))

    def store_new(self) -> int:
        """Store what has come; return how many letters that were.

        Raises:
            Transient: Kafka or ClickHouse do not answer.
            RestartNeeded: Kafka has shut this client out.
        """
        messages = self._consumer.consume(MOST, timeout=0.5)
        rows = [row for message in messages if (row := row_of(message)) is not None]
        if rows:
            store.insert(self._client, "dead_letters", COLUMNS, rows)
        return len(rows)

    def close(self) -> None:
        """Leave Kafka; a broker that does not let go is left without a word."""
        with suppress(Transient):
            within(PATIENCE_S, "Kafka (closing a consumer)", self._consumer.close)

    def _begin(self) -> Iterator[TopicPartition]:
        name = topics.DEAD_LETTERS.name
        stored = store.rows(self._client, NEWEST)
        newest = {int(str(partition)): int(str(offset)) for partition, offset in stored}
        try:
            known = self._consumer.list_topics(name, timeout=PATIENCE_S).topics[name].partitions
        except KafkaException as error:
            raise meaning(error, topic=name) from error
        for number in known:
            offset = newest[number] + 1 if number in newest else OFFSET_BEGINNING
            yield TopicPartition(name, number, offset)


def row_of(message: Message) -> Row | None:
    """Return a letter's row; None for a notice of the client that is no letter.

    Raises as `meaning` says.
    """
    if error := message.error():
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name in librdkafka
            return None
        raise meaning(error, topic=message.topic() or "")
    letter = read_letter(message.value(), message.headers())
    return (
        message.partition() or 0,
        message.offset() or 0,
        datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        letter.origin.reason,
        letter.origin.topic,
        letter.origin.partition,
        letter.origin.offset,
        letter.length,
    )
