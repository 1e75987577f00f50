"""The faults that a client can arm: typed, validated, with a JSON schema.

Times are the market's. A fault begins at `start_ms`, or `after_ms` after it is armed, and lasts
`for_ms`, or until it is removed. Its seed alone decides what it hits.
"""

from dataclasses import KW_ONLY
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

_STRICT: Final = ConfigDict(extra="forbid")
Share = Annotated[float, Field(ge=0, le=1)]
# Whatever is added to a time or an id, in microseconds too, fits into 64 bits.
_MOST: Final = 1 << 53
_MOST_HALTED: Final = 30 * 1_440  # the minutes of each day are made anew
Count = Annotated[int, Field(ge=0, le=_MOST)]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Window:
    """The period in which a fault is active, and the seed of its choices."""

    _: KW_ONLY
    start_ms: Count | None = None
    after_ms: Count = 0
    for_ms: Count | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, config=_STRICT)
class OnFrames(Window):
    """Hits frames of streams.

    Attributes:
        symbol: In capitals, or `*`.
        stream: `aggTrade`, `trade`, `kline`, `bookTicker`, `miniTicker`, or `*`.
        probability: Share of the frames to hit, chosen by stream and number.
        count: Largest number of frames to hit on each connection.
        first_id: Only frames with this number (a trade's id, else the event time) or higher.
        last_id: Only frames with this number or lower.
        per_connection: Choose differently for each connection, so that another may have the frame.
    """

    _: KW_ONLY
    symbol: str = "*"
    stream: str = "*"
    probability: Share = 1.0
    count: Count | None = None
    first_id: Count | None = None
    last_id: Count | None = None
    per_connection: bool = False


@dataclass(frozen=True, slots=True, config=_STRICT)
class Drop(OnFrames):
    """Frames are never sent."""

    kind: Literal["drop"] = "drop"


@dataclass(frozen=True, slots=True, config=_STRICT)
class Duplicate(OnFrames):
    """Frames are sent twice."""

    kind: Literal["duplicate"] = "duplicate"


@dataclass(frozen=True, slots=True, config=_STRICT)
class Delay(OnFrames):
    """Frames are sent late by `delay_ms`; others overtake them."""

    kind: Literal["delay"] = "delay"
    delay_ms: Count = 500


@dataclass(frozen=True, slots=True, config=_STRICT)
class Reorder(OnFrames):
    """A frame changes places with the next one of its stream."""

    kind: Literal["reorder"] = "reorder"


@dataclass(frozen=True, slots=True, config=_STRICT)
class Malformed(OnFrames):
    """Frames are unreadable: truncated, not JSON, without a field, or with a bad number."""

    kind: Literal["malformed"] = "malformed"
    how: Literal["truncated", "not-json", "missing-field", "bad-number"] = "truncated"


@dataclass(frozen=True, slots=True, config=_STRICT)
class Ahead(OnFrames):
    """Frames are ahead of the market: one field by `by` milliseconds or ids.

    Attributes:
        what: `event` is the time of the frame (`E`), `trade` that of the trade (`T`), `id` its
            number (`a`), `candle` the time of the candle (`t` and `T` of `k`). `unknown` adds to
            each frame one of an unknown type, whose `E` is ahead.
    """

    kind: Literal["ahead"] = "ahead"
    what: Literal["event", "trade", "id", "candle", "unknown"] = "event"
    by: Count = 7_200_000


@dataclass(frozen=True, slots=True, config=_STRICT)
class Contradict(OnFrames):
    """Ids of trades contradict each other, as in reports of what the exchange has sent.

    Attributes:
        how: `same-id` sends behind each aggregate another of its id with other trades;
            `same-trade` lets each aggregate hold the trade before its first too.
    """

    kind: Literal["contradict"] = "contradict"
    how: Literal["same-id", "same-trade"] = "same-id"


@dataclass(frozen=True, slots=True, config=_STRICT)
class Cut(Window):
    """Connections break without a close frame: once, or every `every_ms`, `count` times."""

    kind: Literal["cut"] = "cut"
    every_ms: Annotated[int, Field(ge=1)] | None = None
    count: Count | None = None
    probability: Share = 1.0


@dataclass(frozen=True, slots=True, config=_STRICT)
class Silence(Window):
    """Connections that are open when it begins stay open, but receive nothing more."""

    kind: Literal["silence"] = "silence"
    probability: Share = 1.0


@dataclass(frozen=True, slots=True, config=_STRICT)
class Shutdown(Window):
    """`serverShutdown` is sent on every connection; `grace_ms` later they are closed."""

    kind: Literal["shutdown"] = "shutdown"
    grace_ms: Count = 10_000


@dataclass(frozen=True, slots=True, config=_STRICT)
class Lifetime(Window):
    """Connections that are open when it begins are closed unannounced, as after 24 hours."""

    kind: Literal["lifetime"] = "lifetime"


@dataclass(frozen=True, slots=True, config=_STRICT)
class RestLag(Window):
    """REST lags behind the stream, by a time, a number of aggregate trades, or both."""

    kind: Literal["rest-lag"] = "rest-lag"
    lag_ms: Count = 0
    lag_ids: Count = 0


@dataclass(frozen=True, slots=True, config=_STRICT)
class RestError(Window):
    """REST answers with an error status."""

    kind: Literal["rest-error"] = "rest-error"
    status: Annotated[int, Field(ge=400, le=599)] = 503
    path: str = ""
    probability: Share = 1.0
    count: Count | None = None
    retry_after_s: Count = 1


@dataclass(frozen=True, slots=True, config=_STRICT)
class RestDelay(Window):
    """REST answers late by `delay_ms` of real time."""

    kind: Literal["rest-delay"] = "rest-delay"
    path: str = ""
    delay_ms: Count = 1_000


@dataclass(frozen=True, slots=True, config=_STRICT)
class RestDrip(Window):
    """REST answers byte by byte, one every `every_ms` of real time."""

    kind: Literal["rest-drip"] = "rest-drip"
    path: str = ""
    every_ms: Annotated[int, Field(ge=1)] = 2_000


@dataclass(frozen=True, slots=True, config=_STRICT)
class RestAhead(Window):
    """The last trade of an answer of REST is ahead: its time (`T`) or its id (`a`), by `by`."""

    kind: Literal["rest-ahead"] = "rest-ahead"
    what: Literal["trade", "id"] = "trade"
    by: Count = 7_200_000
    count: Count | None = None


@dataclass(frozen=True, slots=True, config=_STRICT)
class RestHour(Window):
    """REST finds aggregate trades by `startTime` alone only within an hour after it."""

    kind: Literal["rest-hour"] = "rest-hour"


@dataclass(frozen=True, slots=True, config=_STRICT)
class ArchiveFault(Window):
    """Archive files whose path contains `path` are faulty.

    Attributes:
        how: `flipped` or `truncated`: damaged in transit, so the checksum differs.
            `cut-before-checksum`: damaged, with a matching checksum. `reissued`: corrected, with
            a matching checksum. `missing`: not published. Of trades also `ids-back`, rows that are
            not in the order of their ids, and `trade-twice`, a trade inside two aggregates.
        count: Largest number of requests to hit.
    """

    kind: Literal["archive"] = "archive"
    path: str = ""
    how: Literal[
        "flipped",
        "truncated",
        "cut-before-checksum",
        "reissued",
        "missing",
        "ids-back",
        "trade-twice",
    ] = "flipped"
    count: Count | None = None


@dataclass(frozen=True, slots=True, config=_STRICT)
class Klines(Window):
    """Klines are wrong, as in reports of what the exchange has published.

    Attributes:
        symbol: In capitals.
        interval: For example `1m`; `*` for all.
        where: Who has them wrong: `rest`, `daily` and `monthly` archives, or `everywhere`.
        first_ms: Opening time of the first.
        last_ms: Opening time of the last.
        how: `off-grid` opens them `by` milliseconds later; `impossible` has the high below the low;
            `lacking` leaves them out; `wrong` adds `by` (1e-8) to the volume, and a trade; `early`
            has half their volume until `by` milliseconds after their close.
        by: See `how`.
    """

    _: KW_ONLY
    kind: Literal["klines"] = "klines"
    symbol: str
    interval: str = "*"
    where: Literal["rest", "daily", "monthly", "everywhere"] = "everywhere"
    first_ms: Count = 0
    last_ms: Count = _MOST
    how: Literal["off-grid", "impossible", "lacking", "wrong", "early"] = "off-grid"
    by: Annotated[int, Field(ge=1, le=_MOST)] = 14_800


@dataclass(frozen=True, slots=True, config=_STRICT)
class Halt(Window):
    """A symbol has no trades for some whole minutes, from the next one on; it stays in the past.

    Attributes:
        status: What `exchangeInfo` says meanwhile. TRADING is a market without trades; one that
            is not traded has no klines either. UNLISTED: the exchange does not know the symbol.
    """

    _: KW_ONLY
    kind: Literal["halt"] = "halt"
    symbol: str
    minutes: Annotated[int, Field(ge=1, le=_MOST_HALTED)] = 15
    status: Literal["TRADING", "HALT", "BREAK", "UNLISTED"] = "TRADING"


@dataclass(frozen=True, slots=True, config=_STRICT)
class ResetIds(Window):
    """A symbol's ids begin again at zero with the next minute, and its past is gone for good."""

    _: KW_ONLY
    kind: Literal["reset-ids"] = "reset-ids"
    symbol: str


OnConnections = Cut | Silence | Shutdown | Lifetime
FrameFault = Drop | Duplicate | Delay | Reorder | Malformed | Ahead | Contradict
RestFault = (
    RestLag | RestError | RestDelay | RestDrip | RestAhead | RestHour | ArchiveFault | Klines
)
Fault = FrameFault | RestFault | OnConnections | Halt | ResetIds
FAULT: Final[TypeAdapter[Fault]] = TypeAdapter(Annotated[Fault, Field(discriminator="kind")])
