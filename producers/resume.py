"""Where the previous run stopped: the newest block of each symbol that Kafka has."""

import logging
from collections.abc import Iterable, Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from producers.clock import steady_ms
from schemas import topics
from schemas.codecs import decode
from schemas.errors import ConfigurationError, PoisonMessage
from schemas.market import TradeBlock

log = logging.getLogger(__name__)
LOOK_BACK: Final = (500, 5_000, 50_000)  # records before the end of each partition
TIMEOUT_S: Final = 10.0
LOG_CRITICAL: Final = 2  # the client would tell of every attempt to connect
WAIT_S: Final = 0.05  # the client waits so long for a batch to become full


def newest_blocks(bootstrap_servers: str, symbols: Iterable[str]) -> dict[str, TradeBlock]:
    """Return the block with the highest ids of each symbol that has one.

    The search goes backwards from the end of every partition, so that it holds after a change of
    their number. A symbol without a block in the last 50,000 records of each counts as new: one
    that is followed has a block a minute.

    Raises:
        ConfigurationError: Kafka does not answer, or the topic does not exist.
    """
    wanted = set(symbols)
    newest: dict[str, TradeBlock] = {}
    consumer = _consumer(bootstrap_servers)
    try:
        spans = _spans(consumer, bootstrap_servers)
        for depth in LOOK_BACK:
            for block in _blocks(consumer, spans, depth):
                known = newest.get(block.symbol)
                if known is None or block.next_agg_id >= known.next_agg_id:
                    newest[block.symbol] = block
            if wanted <= newest.keys() or all(high - low <= depth for low, high in spans.values()):
                break
    except KafkaException as error:
        raise _unreachable(bootstrap_servers) from error
    finally:
        consumer.close()
    return {symbol: newest[symbol] for symbol in wanted & newest.keys()}


def _consumer(bootstrap_servers: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "candlewick-producer",  # required by the client; nothing is committed
            "client.id": "candlewick-producer",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 5,
            "log_level": LOG_CRITICAL,
        }
    )


def _spans(consumer: Consumer, servers: str) -> dict[int, tuple[int, int]]:
    name = topics.TRADES.name
    found = consumer.list_topics(name, timeout=TIMEOUT_S).topics[name]
    if found.error is not None:
        raise ConfigurationError(
            f"topic {name} does not exist at {servers}: create the topics with `candlewick up`"
        )
    spans = {}
    for number in found.partitions:
        span = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=TIMEOUT_S)
        if span is None:
            raise _unreachable(servers)
        spans[number] = span
    return spans


def _blocks(
    consumer: Consumer, spans: dict[int, tuple[int, int]], depth: int
) -> Iterator[TradeBlock]:
    reading = {number for number, (low, high) in spans.items() if high > low}
    consumer.assign(
        [
            TopicPartition(
                topics.TRADES.name, number, max(spans[number][0], spans[number][1] - depth)
            )
            for number in reading
        ]
    )
    heard_ms = steady_ms()
    while reading:
        messages = consumer.consume(1000, timeout=WAIT_S)
        if messages:
            heard_ms = steady_ms()
        elif steady_ms() - heard_ms > TIMEOUT_S * 1000:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - their name
        for message in messages:
            error = message.error()
            if error is None:
                yield from _block(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - their name for it
                reading.discard(message.partition() or 0)
            else:
                raise KafkaException(error)


def _block(message: Message) -> Iterator[TradeBlock]:
    try:
        yield decode(TradeBlock, message.value() or b"")
    except PoisonMessage as error:
        log.warning("skipped %s: %s", message.offset(), error)


def _unreachable(servers: str) -> ConfigurationError:
    return ConfigurationError(
        f"Kafka at {servers} does not answer: start it with `candlewick up`, or set "
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"
    )
