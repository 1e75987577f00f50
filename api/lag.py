"""How far each consumer group is behind the ends of its topics."""

from collections import defaultdict
from dataclasses import dataclass

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from api.live.consuming import new_consumer
from schemas.errors import Transient

PATIENCE_S = 3.0
OURS = "candlewick-"


@dataclass(frozen=True, slots=True)
class Lag:
    """Records of a topic that a group has not worked on yet."""

    group: str
    topic: str
    records: int


def read_lags(servers: str) -> list[Lag]:
    """Return the lag of each of our groups.

    Raises:
        Transient: Kafka does not answer.
    """
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    consumer = new_consumer(servers)
    try:
        listing = admin.list_consumer_groups(request_timeout=PATIENCE_S).result(PATIENCE_S)
        groups = sorted(g.group_id for g in listing.valid if g.group_id.startswith(OURS))
        return [lag for group in groups for lag in _lags_of(admin, consumer, group)]
    except (KafkaException, TimeoutError) as error:
        raise Transient(f"Kafka at {servers} does not answer") from error
    finally:
        consumer.close()


def _lags_of(admin: AdminClient, consumer: Consumer, group: str) -> list[Lag]:
    wanted = ConsumerGroupTopicPartitions(group)
    asked = admin.list_consumer_group_offsets([wanted], request_timeout=PATIENCE_S)
    places = [p for p in asked[group].result(PATIENCE_S).topic_partitions or [] if p.offset >= 0]
    if not places:
        return []
    records: defaultdict[str, int] = defaultdict(int)
    for place in places:
        _, end = consumer.get_watermark_offsets(place, timeout=PATIENCE_S)
        records[place.topic] += max(0, end - place.offset)
    return [Lag(group, topic, count) for topic, count in sorted(records.items())]
