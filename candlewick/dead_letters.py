"""The dead-letter topic, merged to one entry a record however many readers rejected it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from clients.kafka.follower import topic_named
from clients.kafka.reader import TopicReader
from clients.kafka.records import Message
from clients.kafka.writer import Writer
from schemas import codecs, topics
from schemas.codecs import headers_of
from schemas.dead_letters import DeadLetter, letter_of, read_letter
from schemas.errors import ConfigurationError, ContractMismatch, PoisonMessage
from schemas.market import TradeBlock
from schemas.settings import KafkaSettings

_NEWEST_RECORDS = 5_000  # a partition: some minutes, in which every active symbol has a block
_PATIENCE_S = 5.0
_READER = "candlewick-reader"


@dataclass(frozen=True, slots=True)
class Buried:
    """One record that some reader could not process.

    Attributes:
        letter: The newest dead letter about the record.
        readers: Names of the readers that rejected it, in the order of their letters.
        sent_ms: Time of its first dead letter.
        retried_ms: Time at which it was sent to its topic again; -1 if it never was.
    """

    letter: DeadLetter
    readers: tuple[str, ...]
    sent_ms: int
    retried_ms: int

    @property
    def name(self) -> str:
        """Identity of the record, the same in every letter about it."""
        return self.letter.name


def read_box(kafka: KafkaSettings) -> list[Buried]:
    """Return every record in the dead-letter topic once, oldest first.

    Raises:
        ConfigurationError: Kafka does not answer, or the topic does not exist.
    """
    with TopicReader(kafka, _READER, answer_s=_PATIENCE_S) as reader:
        return merged(reader.new(topics.DEAD_LETTERS))


def merged(messages: Iterable[Message]) -> list[Buried]:
    """Merge letters about the same record; return one entry a record, oldest first."""
    found: dict[str, Buried] = {}
    for message in sorted(messages, key=lambda m: m.timestamp()[1]):
        letter = read_letter(message.value(), headers_of(message))
        known = found.get(letter.name)
        readers = known.readers if known else ()
        if letter.origin.reader and letter.origin.reader not in readers:
            readers = (*readers, letter.origin.reader)
        sent_ms = known.sent_ms if known else message.timestamp()[1]
        retried_ms = max(letter.retried_ms, known.retried_ms if known else -1)
        found[letter.name] = Buried(letter, readers, sent_ms, retried_ms)
    return sorted(found.values(), key=lambda buried: buried.sent_ms)


def why_not(buried: Buried) -> str | None:
    """Return the reason why a record cannot be sent again, or None if it can."""
    letter = buried.letter
    if buried.retried_ms >= 0:
        return "it was sent again already"
    if not letter.origin.topic:
        return f"it came from no topic, but from {letter.origin.source or 'elsewhere'}"
    if not letter.is_whole:
        return f"only {len(letter.value)} of its {letter.length} bytes were stored"
    try:
        record_of(letter)
    except (PoisonMessage, ContractMismatch, ConfigurationError) as error:
        return f"this version cannot read it either: {error}"
    return None


def record_of(letter: DeadLetter) -> object:
    """Decode the record of a letter with the contracts of this version.

    Raises:
        PoisonMessage: The record still cannot be decoded.
        ContractMismatch: A newer version wrote it.
        ConfigurationError: Its topic is unknown.
    """
    topic = topic_named(letter.origin.topic)
    if topic.record is None:
        raise PoisonMessage("its topic has no records of one type", raw=letter.value)
    origin = letter.origin
    return codecs.read(topic.record, key=origin.key, value=letter.value, headers=origin.headers)


def consequences(kafka: KafkaSettings, letter: DeadLetter) -> str | None:
    """Describe how a trade block sent behind newer ones affects candles; None if none is newer."""
    block = record_of(letter)
    if not isinstance(block, TradeBlock):
        return None
    places = _next_places(kafka, letter.origin.partition, block.symbol)
    era, newest = max(places, default=(0, 0))
    if (era, newest) <= (block.era, block.first_agg_id):
        return None
    if era > block.era:
        return (
            f"trades {block.first_agg_id} to {block.next_agg_id - 1} of {block.symbol} are of era "
            f"{block.era}, which has ended: era {era} has begun. No candle can take them any more, "
            "and they become a dead letter again."
        )
    return (
        f"trades {block.first_agg_id} to {block.next_agg_id - 1} of {block.symbol} would come "
        f"behind newer ones (up to {newest - 1}). They are stored in any case. Candles of the last "
        "24 hours that lack them are published again with a higher revision. Older candles, and "
        "those that have these trades, stay as they are."
    )


def send_again(kafka: KafkaSettings, letter: DeadLetter, *, now_ms: int) -> None:
    """Write the record to its topic again, then record that in the dead-letter topic.

    A crash in between may cause a second delivery. That is harmless: every reader recognises
    duplicates.

    Raises:
        Transient: Kafka does not accept it now.
        PoisonMessage: Kafka refuses it for what it is.
        ConfigurationError: Its topic does not exist.
    """
    origin = letter.origin
    again = codecs.Message(origin.key or b"", letter.value, origin.headers)
    writer = Writer(kafka)
    writer.put(origin.topic, again)
    writer.put(topics.DEAD_LETTERS.name, letter_of(letter.value, origin, retried_ms=now_ms))


def chosen(box: Mapping[str, Buried], names: Iterable[str]) -> Iterator[Buried]:
    """Yield the records with these names.

    Raises:
        ConfigurationError: A name matches no record.
    """
    for name in names:
        if name not in box:
            raise ConfigurationError(f"no dead letter {name}: see `candlewick dead-letters list`")
        yield box[name]


def _next_places(kafka: KafkaSettings, partition: int, symbol: str) -> Iterator[tuple[int, int]]:
    with TopicReader(kafka, _READER, answer_s=_PATIENCE_S) as reader:
        for message in reader.newest(topics.TRADES, _NEWEST_RECORDS):
            if message.partition() == partition and message.key() == symbol.encode():
                yield from _next_place(message)


def _next_place(message: Message) -> Iterator[tuple[int, int]]:
    try:
        block = codecs.record_in(TradeBlock, message)
    except (PoisonMessage, ContractMismatch):
        return
    yield block.era, block.next_agg_id
