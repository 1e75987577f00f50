"""The kinds of events in the live stream, each from one topic."""

from enum import StrEnum
from typing import Self

from schemas import topics
from schemas.topics import Topic


class Kind(StrEnum):
    """A kind of event.

    Attributes:
        letter: Its letter in an event's id.
        topic: Topic that its records come from.
    """

    letter: str
    topic: Topic

    def __new__(cls, name: str, letter: str = "", topic: Topic = topics.CANDLES) -> Self:
        """Create a member with its letter and topic."""
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

    __hash__ = str.__hash__  # faster than Enum's, a Python function that runs for each event


KIND_OF_LETTER = {kind.letter: kind for kind in Kind}
KIND_OF_TOPIC = {kind.topic.name: kind for kind in Kind}
