"""Records sent as any client of Kafka may send them, and which of them are in the dead letters."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from candlewick.dead_letters import read_box
from clients.kafka.reader import TopicReader
from schemas import topics
from schemas.codecs import headers_of
from schemas.dead_letters import read_letter
from schemas.settings import KafkaSettings
from schemas.topics import Topic
from tests.attack.tally import Fault, Tally
from tests.support.header_names import Named, send_named
from tests.support.stack import Stack, eventually

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that nobody should believe."""

    topic: Topic
    kind: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    is_nameless: bool = False  # it has one header, whose name is not UTF-8

    def __str__(self) -> str:
        return f"{self.kind} in {self.topic.name}"


@dataclass(slots=True)
class Landed:
    """Where the broker put the records; those that it refused are not here."""

    places: dict[str, Poison] = field(default_factory=dict)
    refused: int = 0


def send(stack: Stack, poisons: Iterable[Poison]) -> Landed:
    """Send records and return where they are, named as dead letters are."""
    producer = Producer(
        {
            "bootstrap.servers": stack.bootstrap,
            "partitioner": "murmur2_random",
            "message.max.bytes": 20_000_000,
            "compression.type": "lz4",
            "log_level": 0,
        }
    )
    landed = Landed()
    for poison in poisons:
        if poison.is_nameless:
            record = Named(poison.key, poison.value or b"")
            offset = send_named(stack.bootstrap, poison.topic.name, 0, record)
            landed.places[f"{poison.topic.name}/0/{offset}"] = poison
            continue

        def done(error: KafkaError | None, message: Message, poison: Poison = poison) -> None:
            if error is not None:
                landed.refused += 1
            else:
                name = f"{message.topic()}/{message.partition()}/{message.offset()}"
                landed.places[name] = poison

        try:
            producer.produce(
                poison.topic.name,
                poison.value,
                poison.key,
                headers=list(poison.headers),
                on_delivery=done,
            )
        except KafkaException:  # larger than even this client may send
            landed.refused += 1
        producer.poll(0)
    if producer.flush(60):
        raise AssertionError("Kafka took not every record within 60 s")
    return landed


def not_buried(stack: Stack, landed: Landed, *, within_s: float = 90) -> list[Poison]:
    """Return the records that are not in the dead letters, even after a while."""
    missing: dict[str, Poison] = {}
    kafka = KafkaSettings(bootstrap_servers=stack.bootstrap)

    def all_there() -> bool:
        nonlocal missing
        names = {buried.name for buried in read_box(kafka)}
        missing = {name: poison for name, poison in landed.places.items() if name not in names}
        return not missing

    try:
        eventually(all_there, within_s=within_s)
    except AssertionError:
        return list(missing.values())
    return []


def blame_burials(stack: Stack, landed: Landed, tally: Tally, missing: Fault) -> None:
    """Blame what is not in the dead letters, and what one reader has buried more than once."""
    for poison in not_buried(stack, landed):
        tally.blame(missing, f"not in the dead letters: {poison}")
    kafka = KafkaSettings(bootstrap_servers=stack.bootstrap)
    with TopicReader(kafka, "attack") as reader:
        letters = [read_letter(m.value(), headers_of(m)) for m in reader.new(topics.DEAD_LETTERS)]
    counts = Counter((one.name, one.origin.reader) for one in letters if one.retried_ms < 0)
    for (name, buried_by), count in counts.items():
        if count > 1 and name in landed.places:
            tally.blame(Fault.TWICE, f"buried {count} times by {buried_by}: {landed.places[name]}")


def newest_messages(stack: Stack, topic: Topic, *, most: int) -> list[Message]:
    """Return the newest messages of each partition of a topic, in order."""
    consumer = Consumer(
        {"bootstrap.servers": stack.bootstrap, "group.id": "attack", "log_level": 0}
        | {"enable.auto.commit": False}
    )
    found: list[Message] = []
    try:
        for partition in consumer.list_topics(topic.name, timeout=10).topics[topic.name].partitions:
            low, high = consumer.get_watermark_offsets(
                TopicPartition(topic.name, partition), timeout=10
            )
            begin = offset = max(low, high - most)
            consumer.assign([TopicPartition(topic.name, partition, begin)])
            while offset < high and (messages := consumer.consume(min(500, high - offset), 10)):
                offset = (messages[-1].offset() or 0) + 1
                found += [message for message in messages if message.error() is None]
    finally:
        consumer.close()
    return found
