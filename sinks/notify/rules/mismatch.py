"""Rule ``mismatch``: a closed candle of ours differs from the exchange's own."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas import topics
from schemas.market import TRUST, Candle, CandleStatus
from schemas.timeframe import Interval
from schemas.topics import Topic
from sinks.notify.event import Event, Moment, Record
from sinks.notify.rules.rule import MINUTE_MS, Note, Notes, Rule, is_over
from sinks.notify.text import time_text

_KEPT_MS: Final = 120 * MINUTE_MS  # of market time: so long both sides are waited for
_VALUES: Final = (
    "open", "high", "low", "close", "volume", "quote_volume", "trade_count", "taker_buy_volume",
    "taker_buy_quote_volume",
)  # fmt: skip
# Each trade's quote volume may be rounded, by at most 1e-8.
_ROUNDED: Final = {"quote_volume", "taker_buy_quote_volume"}
_IDS: Final = ("first_trade_id", "last_trade_id")
_UNKNOWN: Final = -100
_COMPARED: Final = frozenset({Interval.ONE_MINUTE.value, Interval.FIFTEEN_MINUTES.value})


class MismatchRule(Rule):
    """A candle of 1m or 15m that still differs so many minutes after both are known.

    As in the view `audit`: a `gapped` candle is no mismatch, and of the exchange's sources the one
    that is trusted most counts. Only candles within two hours of our newest one, or of now, are
    compared here: a backfill brings years of the exchange's, before the first of ours too.
    """

    when: Literal["mismatch"]
    minutes: Annotated[float, Field(ge=0, le=60)] = 2

    @property
    def reads(self) -> tuple[Topic, ...]:
        """The topics that tell of it."""
        return (topics.CANDLES, topics.KLINES)

    def take(self, record: Record, notes: Notes, moment: Moment) -> Iterable[Event]:
        """Note both sides of a candle."""
        if not isinstance(record, Candle) or record.interval not in _COMPARED:
            return ()
        is_far = abs(record.open_ms - moment.market_ms) > _KEPT_MS
        if is_far and record.open_ms < moment.wall_ms - _KEPT_MS:  # history, or a backfill of it
            return ()  # a candle of just now counts, also while ours are behind
        key = f"{record.symbol}:{record.interval}:{record.open_ms}"
        known = notes.get(key) or {}
        side = _theirs(record) if record.status == CandleStatus.OFFICIAL else _ours(record)
        if not _is_newer(side, known):
            return ()
        both = known | side
        differs = bool(_differences(both))
        since_ms = known.get("differs_ms", 0) or moment.now_ms
        notes.put(key, both | {"differs_ms": since_ms if differs else 0})
        return ()

    def look(self, notes: Notes, moment: Moment) -> Iterator[Event]:
        """Report each candle that has differed for too long, and forget old candles."""
        for key, note in notes.items():
            open_ms = int(key.rpartition(":")[2])
            since_ms = note["differs_ms"]
            if since_ms and is_over(since_ms, self.minutes, moment):
                if self.is_behind(key.partition(":")[0], moment):
                    continue  # its revision may be among what is not read yet
                yield _event(key, note)
                notes.drop(key)
            elif open_ms < moment.market_ms - _KEPT_MS:
                notes.drop(key)


def _ours(candle: Candle) -> Note:
    return {
        "our revision": candle.revision,
        "our gap": int(candle.status == CandleStatus.GAPPED),
        "our complete": int(candle.status == CandleStatus.COMPLETE),
        **_values("our", candle),
    }


def _theirs(candle: Candle) -> Note:
    trusted = [source.value for source in TRUST]
    place = trusted.index(candle.source) if candle.source in trusted else len(trusted)
    return {
        "their trust": -place,
        "their revision": candle.revision,
        **_values("their", candle),
    }


def _values(whose: str, candle: Candle) -> Note:
    values = dict(zip(_VALUES, candle.values, strict=True))
    ids = {"first_trade_id": candle.first_trade_id, "last_trade_id": candle.last_trade_id}
    return {f"{whose} {name}": value for name, value in (values | ids).items()}


def _is_newer(side: Note, known: Note) -> bool:
    order = [name for name in ("their trust", "our revision", "their revision") if name in side]
    return [side[n] for n in order] > [known.get(n, _UNKNOWN) for n in order]


def _differences(note: Note) -> list[str]:
    """Return the names of the fields that differ; those of `audit` in the store."""
    if "our revision" not in note or note["our gap"]:
        return []
    found = ["trade_ids"] if _contradicts_itself(note) else []
    if "their revision" not in note:
        return found
    knows_ids = note["their first_trade_id"] >= 0
    names = (*_VALUES, *(_IDS if knows_ids else ()))
    return [name for name in names if not _agree(name, note)] + found


def _agree(name: str, note: Note) -> bool:
    allowed = note["our trade_count"] if name in _ROUNDED else 0
    return abs(note[f"our {name}"] - note[f"their {name}"]) <= allowed


def _contradicts_itself(note: Note) -> bool:
    first, last = note["our first_trade_id"], note["our last_trade_id"]
    return bool(note["our complete"] and first >= 0 and note["our trade_count"] != last - first + 1)


def _event(key: str, note: Note) -> Event:
    symbol, interval, open_ms = key.split(":")
    text = (
        f"{symbol}: the {interval} candle of {time_text(int(open_ms))} differs from the exchange's "
        f"in {', '.join(_differences(note))}"
    )
    return Event(key, symbol, text, int(open_ms))
