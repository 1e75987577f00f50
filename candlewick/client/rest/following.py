"""The live stream as a client follows it: events, the place reached, and when to connect again.

It does no I/O: the clients bring the bytes, and connect when it says so.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import ValidationError

from candlewick.client.rest.attempts import Attempts
from candlewick.client.rest.call import names
from candlewick.client.rest.prediction_rows import PredictionRow, ScoreRow
from candlewick.client.rest.rows import GapRow, LiveCandle, Row
from candlewick.client.rest.sse import Frame, FrameParser
from schemas.errors import ConfigurationError, ContractMismatch, Transient

PATH: Final = "/v1/stream"
SILENCE_S: Final = 60.0  # the API sends a heartbeat each 15 s
_BEATS: Final = 3
_AGAIN_S: Final = 2.0
_ABOUT_THE_CONNECTION: Final = ("hello", "dropped")
Kind = Literal["candle", "candle-live", "prediction", "score", "gap"]


class LostRecords(Row):
    """Events that were missed and that Kafka no longer has: read them over REST."""

    records: int
    reason: str


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event of the live stream.

    Attributes:
        id: The place after it: `stream` goes on there when it is given as ``last_event_id``.
        kind: candle, candle-live, prediction, score or gap; lost if events were missed for good.
    """

    id: str
    kind: str
    data: LiveCandle | PredictionRow | ScoreRow | GapRow | LostRecords


_SHAPES: Final[Mapping[str, type[LiveCandle | PredictionRow | ScoreRow | GapRow | LostRecords]]] = {
    "candle": LiveCandle,
    "candle-live": LiveCandle,
    "prediction": PredictionRow,
    "score": ScoreRow,
    "gap": GapRow,
    "lost": LostRecords,
}


class _Hello(Row):
    heartbeat_s: float = 0.0


class Following:
    """One iteration over the stream, over all its connections.

    Args:
        kinds: Kinds wanted; empty for all.
        symbols: Symbols wanted; empty for all.
        last_event_id: The place to go on at; None to begin now.
        patience_s: How long it may stay away before that is an error.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: What should be the id of an event is none.
    """

    def __init__(
        self,
        kinds: Iterable[Kind],
        symbols: Iterable[str],
        last_event_id: str | None,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        asked = {"kinds": ",".join(names(kinds)), "symbols": ",".join(names(symbols))}
        self.parameters = {name: value for name, value in asked.items() if value}
        self.silence_s = SILENCE_S
        self._id = _checked(last_event_id or "")
        self._attempts = Attempts(patience_s, clock)
        self._clock = clock
        self._parser = FrameParser()
        self._heard_s = clock()

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the next connection."""
        place = {"Last-Event-ID": self._id} if self._id else {}
        return {"Accept": "text/event-stream", "Cache-Control": "no-store", **place}

    def connected(self) -> None:
        """Begin to read a new connection."""
        self._parser = FrameParser()
        self._heard_s = self._clock()

    def take(self, chunk: bytes) -> list[StreamEvent]:
        """Return the events in the next bytes.

        Raises:
            Transient: It drips.
            ContractMismatch: An event is not as this version knows it.
        """
        frames = self._parser.take(chunk)
        now_s = self._clock()
        if frames:
            self._heard_s = now_s
        elif now_s - self._heard_s > self.silence_s:
            raise Transient(f"the live stream has sent no whole event for {self.silence_s:g} s")
        return [event for frame in frames if (event := self._event(frame)) is not None]

    def ended(self) -> Transient:
        """Return what it means that the API has closed the stream."""
        return Transient("the API has ended the live stream", retry_after_s=_AGAIN_S)

    def pause_s(self, error: Transient) -> float:
        """Return how long to wait before connecting again; raises the error if it is over."""
        return self._attempts.pause_s(error)

    def _event(self, frame: Frame) -> StreamEvent | None:
        self._id = frame.id or self._id
        if frame.name not in _ABOUT_THE_CONNECTION:  # else one that breaks at once would never end
            self._attempts.succeeded()
        if frame.data is None:
            return None
        try:
            if frame.name == "hello":
                heartbeat_s = _Hello.model_validate_json(frame.data).heartbeat_s
                self.silence_s = max(SILENCE_S, _BEATS * heartbeat_s)
            shape = _SHAPES.get(frame.name)
            if shape is None:  # hello, dropped, and what a newer API may send
                return None
            return StreamEvent(self._id, frame.name, shape.model_validate_json(frame.data))
        except ValidationError as error:
            fault = error.errors()[0]
            raise ContractMismatch(
                f"an event {frame.name} of the live stream is not as this version of candlewick "
                f"knows it ({'.'.join(map(str, fault['loc']))}: {fault['msg']})"
            ) from error


def _checked(place: str) -> str:
    stripped = place.strip()  # it may be a line of a file
    if not (stripped.isascii() and stripped.isprintable()):
        raise ConfigurationError(
            f"last_event_id={place!r} is not the id of an event: give the `id` of one that came"
        )
    return stripped
