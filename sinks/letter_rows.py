"""Conversion of dead letters to rows: reason and origin, without the record itself. Pure.

The topic may contain any headers, so every message counts as a letter, and a number that does not
fit into the table becomes unknown. No letter is refused, because a refusal makes a new letter.
"""

from collections.abc import Callable
from typing import Protocol

from schemas.codecs import KafkaMessage
from schemas.dead_letters import DeadLetter
from schemas.rules.checks import EARLIEST_MS, LATEST_MS, UNKNOWN_MS
from sinks.row_binary import int32, int64, string, time

_UNKNOWN = -1


class PlacedMessage(KafkaMessage, Protocol):
    """A message of the Kafka client, with its partition, offset and time."""

    def partition(self) -> int | None:
        """Return the partition of the message."""

    def offset(self) -> int | None:
        """Return the offset of the message."""

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of the timestamp, and the time in UTC epoch milliseconds."""


def letter_row(message: PlacedMessage, letter: DeadLetter) -> bytes:
    """Convert any message to a row of `dead_letters`.

    Args:
        message: The message.
        letter: What `schemas.dead_letters.read_letter` reads in it.
    """
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
