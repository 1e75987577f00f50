"""Dead letters to the rows of their table: why and from where, without the record itself. Pure.

Whoever can write to the topic can write any headers there, so every message is a letter: a number
that the table cannot hold is unknown. None may be refused, because what is refused is a new letter.
"""

from collections.abc import Callable
from typing import Protocol

from schemas.codecs import KafkaMessage
from schemas.dead_letters import read_letter
from schemas.rules.checks import EARLIEST_MS, LATEST_MS, UNKNOWN_MS
from sinks.row_binary import int32, int64, string, time

_UNKNOWN = -1


class PlacedMessage(KafkaMessage, Protocol):
    """A message as the Kafka client gives it, with its place and time."""

    def partition(self) -> int | None:
        """Return its partition."""

    def offset(self) -> int | None:
        """Return its offset."""

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of its time, and the time in milliseconds."""


def letter_row(message: PlacedMessage) -> bytes:
    """Return the row of a dead letter; whatever the message is, it has one."""
    letter = read_letter(message.value(), message.headers())
    _, time_ms = message.timestamp()
    return b"".join(
        (
            _number(message.partition(), int32),
            _number(message.offset(), int64),
            time(time_ms if EARLIEST_MS <= time_ms < LATEST_MS else UNKNOWN_MS),
            string(letter.origin.reason),
            string(letter.origin.topic),
            _number(letter.origin.partition, int32),
            _number(letter.origin.offset, int64),
            _number(letter.length, int64),
        )
    )


def _number(number: int | None, write: Callable[[int], bytes]) -> bytes:
    try:
        return write(_UNKNOWN if number is None else number)
    except OverflowError:
        return write(_UNKNOWN)
