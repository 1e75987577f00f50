"""Messages of Kafka as events; what cannot be shown is passed over, and counted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException, Message

from api.live.events import Event, Live, event_of, read_record
from api.live.kinds import KIND_OF_TOPIC
from api.live.position import Place, Position
from schemas.errors import ContractMismatch, PoisonMessage
from schemas.predictions import REPLAYED

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """An event that came.

    Attributes:
        received_ms: When Kafka had it, by the clock of whoever wrote it.
        is_new: Whether it came while we listened.
    """

    event: Event
    record: Live
    received_ms: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Arrived:
    """A batch that came.

    Attributes:
        items: What is shown.
        skipped: Records that cannot be shown.
        past: Those that tell nothing new: scores of the past that were made by a replay.
    """

    items: tuple[Item, ...]
    skipped: tuple[tuple[Place, int], ...]
    past: tuple[tuple[Place, int], ...] = ()

    def ends(self) -> Position:
        """Return the offsets after it."""
        read = [(item.event.place, item.event.offset) for item in self.items]
        return {place: offset + 1 for place, offset in sorted([*read, *self.skipped, *self.past])}


def read_messages(
    messages: Sequence[Message], news: Position, *, standing: dict[Place, str] | None = None
) -> Arrived:
    """Return what messages hold.

    Args:
        messages: As they came.
        news: What has an offset from here on came while we listened.
        standing: Partitions that stand still, and why. A record that only a newer version can read
            is put down here, and all that comes behind it is left for later; without this, it is
            skipped.

    Raises:
        KafkaException: One is an error that does not pass by itself.
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
        if REPLAYED in (message.headers() or ()):
            past.append((place, offset))
            continue
        try:
            items.append(_item(message, place, offset, is_new=offset >= news.get(place, 0)))
        except PoisonMessage:
            skipped.append((place, offset))  # the sinks put it to the dead letters
        except ContractMismatch as newer:
            if standing is None:
                skipped.append((place, offset))
            else:
                standing[place] = f"offset {offset}: {newer}"
        except Exception:  # whatever is wrong with one record, the others are shown
            LOG.exception("a record is passed over: %s %s %s", *place, offset)
            skipped.append((place, offset))
    return Arrived(tuple(items), tuple(skipped), tuple(past))


def _item(message: Message, place: Place, offset: int, *, is_new: bool) -> Item:
    record = read_record(place[0], message)
    _, received_ms = message.timestamp()
    return Item(event_of(record, place, offset), record, received_ms, is_new)
