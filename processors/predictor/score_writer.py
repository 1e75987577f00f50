"""Publishes scores of candles that closed while no predictor ran."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException

from clients.kafka.opening import Packing, open_producer
from schemas import codecs, topics
from schemas.errors import Transient
from schemas.predictions import Score
from schemas.replayed import REPLAYED
from schemas.settings import KafkaSettings

_PATIENCE_S = 60  # for all scores of one call
_LATER_S = 5.0
_MOST = 1_000_000


def publish_scores(
    settings: KafkaSettings, scores: Sequence[Score], *, patience_s: float = _PATIENCE_S
) -> None:
    """Send scores and wait until Kafka has acknowledged them.

    A record header marks them as replayed: their predictions were never published and have no row
    in ClickHouse. A score that is sent twice is stored once.

    Args:
        settings: Address of the broker.
        scores: Scores of one symbol.
        patience_s: Time limit for all of them, in seconds.

    Raises:
        Transient: Kafka does not accept them. The next call opens a new producer.
    """
    if not scores:
        return
    refused: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            refused.append(error)

    producer = open_producer(
        settings,
        patience_s=patience_s,
        packing=Packing(linger_ms=20, queue_records=_MOST),
    )
    try:
        for score in scores:
            message = codecs.message_of(score)
            headers: list[tuple[str, str | bytes | None]] = [*message.headers, REPLAYED]
            producer.produce(
                topics.SCORES.name,
                message.value,
                message.key,
                headers=headers,
                on_delivery=delivered,
            )
            producer.poll(0)
        left = producer.flush(patience_s)
    except (KafkaException, BufferError) as error:
        producer.purge()
        raise _refusal(str(error)) from error
    if left or refused:
        producer.purge()
        raise _refusal(refused[0].str() if refused else f"no answer within {patience_s:g} s")


def _refusal(reason: str) -> Transient:
    return Transient(f"Kafka does not accept the past scores: {reason}", retry_after_s=_LATER_S)
