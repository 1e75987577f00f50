"""A record put on a topic by a person."""

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas import codecs
from schemas.errors import Transient
from schemas.topics import Topic

PATIENCE_S = 10.0


def write(servers: str, topic: Topic, record: codecs.Record) -> None:
    """Store one record, and return when the broker has it.

    Raises:
        Transient: It does not take it.
    """
    put(servers, topic.name, codecs.message_of(record))


def put(servers: str, topic: str, message: codecs.Message) -> None:
    """Store one message; as `write`."""
    done: list[KafkaError | None] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        done.append(error)

    producer = Producer(
        {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "message.timeout.ms": int(PATIENCE_S * 1000),
            "log_level": 0,
        }
    )
    try:
        producer.produce(
            topic,
            message.value,
            message.key,
            headers=list(message.headers),
            on_delivery=delivered,
        )
    except KafkaException as error:
        raise Transient(f"Kafka at {servers} does not take it: {error.args[0].str()}") from error
    producer.flush(PATIENCE_S)
    if done != [None]:
        producer.purge()
        raise Transient(
            f"Kafka does not take it at {servers}: start it (`candlewick up`), "
            "or set CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"
        )
