"""Scores of candles that closed while nothing ran, to their topic; nobody waits for them."""

from collections.abc import Sequence

from confluent_kafka import Producer

from schemas import codecs, topics
from schemas.errors import Transient
from schemas.predictions import REPLAYED, Score
from schemas.settings import KafkaSettings

_PATIENCE_S = 60


def publish_scores(settings: KafkaSettings, scores: Sequence[Score]) -> None:
    """Send scores and wait until Kafka has them.

    The record's header tells them from those of predictions that were published in time, and in
    the store they have no row among the predictions. The same score sent twice is one row there.

    Raises:
        Transient: Kafka does not take them.
    """
    if not scores:
        return
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 20,
            "queue.buffering.max.messages": 1_000_000,
            "log_level": 0,
        }
    )
    for score in scores:
        message = codecs.message_of(score)
        headers: list[tuple[str, str | bytes | None]] = [*message.headers, REPLAYED]
        producer.produce(topics.SCORES.name, message.value, message.key, headers=headers)
        producer.poll(0)
    if producer.flush(_PATIENCE_S):
        raise Transient("Kafka does not take the scores of the past", retry_after_s=5)
