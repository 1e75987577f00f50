"""What the live stream carries: kinds of events, each one topic."""

from enum import StrEnum
from typing import Self

from schemas import topics
from schemas.topics import Topic


class Kind(StrEnum):
    """A kind of event.

    Attributes:
        letter: Stands for it in an event's id.
        topic: Where it comes from.
    """

    letter: str
    topic: Topic

    def __new__(cls, name: str, letter: str = "", topic: Topic = topics.CANDLES) -> Self:
        """Make the member."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.letter = letter
        member.topic = topic
        return member

    CANDLE = "candle", "c", topics.CANDLES
    CANDLE_LIVE = "candle-live", "l", topics.CANDLES_LIVE
    PREDICTION = "prediction", "p", topics.PREDICTIONS
    SCORE = "score", "s", topics.SCORES
    GAP = "gap", "g", topics.GAPS

    __hash__ = str.__hash__  # Enum's own is a Python function, and this is asked for each event


KIND_OF_LETTER = {kind.letter: kind for kind in Kind}
KIND_OF_TOPIC = {kind.topic.name: kind for kind in Kind}
