"""Converts Kafka messages to events; unreadable ones are skipped and counted."""

from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException, Message

from api.live.events import Event, Live, event_of, read_record
from api.live.kinds import KIND_OF_TOPIC
from api.live.position import Place, Position
from clients.watching.log import EventLog
from schemas.codecs import headers_of
from schemas.errors import ContractMismatch, PoisonMessage
from schemas.replayed import is_replayed

_log = EventLog(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """An event with its record.

    Attributes:
        received_ms: Kafka's timestamp of the message, by its producer's clock.
        is_new: Whether it arrived while we were listening.
    """

    event: Event
    record: Live
    received_ms: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Arrived:
    """A batch of messages.

    Attributes:
        items: Events to show.
        skipped: Places and offsets of records that cannot be shown.
        past: Places and offsets of scores and candles made by a replay, which are not news.
    """

    items: tuple[Item, ...]
    skipped: tuple[tuple[Place, int], ...]
    past: tuple[tuple[Place, int], ...] = ()

    def ends(self) -> Position:
        """Return the next offset of each partition after this batch."""
        read = [(item.event.place, item.event.offset) for item in self.items]
        return {place: offset + 1 for place, offset in sorted([*read, *self.skipped, *self.past])}


def read_messages(
    messages: Sequence[Message], news: Position, *, standing: dict[Place, str] | None = None
) -> Arrived:
    """Decode messages.

    Args:
        messages: Messages in the order of arrival.
        news: First offset of each partition that counts as new.
        standing: Stopped partitions, each with the reason. A record that only a newer version can
            read is added here, and the records after it are left for later. Without this argument
            such a record is skipped.

    Raises:
        KafkaException: A message is an error that retrying does not cure.
    """
    items: list[Item] = []
    skipped: list[tuple[Place, int]] = []
    past: list[tuple[Place, int]] = []
    for message in messages:
        if (error := message.error()) is not None:
            if not error.retriable():
                raise KafkaException(error)
            continue
        place = KIND_OF_TOPIC[message.topic() or ""], message.partition() or 0
        offset = message.offset() or 0
        if standing and place in standing:
            continue
        if is_replayed(headers_of(message)):
            past.append((place, offset))
            continue
        try:
            items.append(_item(message, place, offset, is_new=offset >= news.get(place, 0)))
        except PoisonMessage:
            skipped.append((place, offset))  # the sinks send it to the dead letters
        except ContractMismatch as newer:
            if standing is None:
                skipped.append((place, offset))
            else:
                standing[place] = f"offset {offset}: {newer}"
        except Exception as error:  # noqa: BLE001 - one bad record must not hide the others
            _log.exception(
                "record_skipped",
                "a record is skipped: {topic} {partition} {offset}",
                error,
                topic=place[0],
                partition=place[1],
                offset=offset,
            )
            skipped.append((place, offset))
    return Arrived(tuple(items), tuple(skipped), tuple(past))


def _item(message: Message, place: Place, offset: int, *, is_new: bool) -> Item:
    record = read_record(place[0], message)
    _, received_ms = message.timestamp()
    return Item(event_of(record, place, offset), record, received_ms, is_new)
