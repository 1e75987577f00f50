"""Dead letters from Kafka to ClickHouse: why and from where, without the record itself."""

from collections.abc import Iterator
from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from schemas import topics
from schemas.dead_letters import read_letter
from schemas.errors import Transient

COLUMNS = (
    "partition", "offset", "letter_time", "reason", "origin_topic", "origin_partition",
    "origin_offset", "bytes",
)  # fmt: skip
PATIENCE_S = 10.0
MOST = 1_000
Row = tuple[int, int, datetime, str, str, int, int, int]


class Letters:
    """Follows the topic from where the table ends, so that a restart neither skips nor doubles.

    Attributes:
        consumer: Assigned, not subscribed: it is in no group.
    """

    def __init__(self, servers: str, client: Client) -> None:
        self._client = client
        self.consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": "dead-letter-table",  # nothing is committed: the table is the place
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        self.consumer.assign(list(self._begin()))

    def store_new(self) -> int:
        """Store what has come; return how many letters that were.

        Raises:
            Transient: Kafka does not answer.
        """
        messages = self.consumer.consume(MOST, timeout=0.5)
        rows = [row for message in messages if (row := row_of(message)) is not None]
        if rows:
            self._client.insert("dead_letters", rows, column_names=COLUMNS)
        return len(rows)

    def close(self) -> None:
        """Leave Kafka."""
        self.consumer.close()

    def _begin(self) -> Iterator[TopicPartition]:
        name = topics.DEAD_LETTERS.name
        stored = self._client.query("SELECT partition, max(offset) FROM dead_letters GROUP BY 1")
        newest = {int(partition): int(offset) for partition, offset in stored.result_rows}
        known = self.consumer.list_topics(name, timeout=PATIENCE_S).topics[name].partitions
        for number in known:
            offset = newest[number] + 1 if number in newest else OFFSET_BEGINNING
            yield TopicPartition(name, number, offset)


def row_of(message: Message) -> Row | None:
    """Return a letter's row; None for a notice of the client that is no letter.

    Raises:
        Transient: Kafka does not answer.
    """
    if error := message.error():
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name in librdkafka
            return None
        raise Transient(f"Kafka does not answer: {error}")
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
