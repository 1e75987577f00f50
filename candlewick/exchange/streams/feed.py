"""The frames of the market's streams, by event time. It uses no socket and no clock."""

from dataclasses import dataclass
from typing import Final

import orjson

from candlewick.exchange.market.columns import Trades
from candlewick.exchange.market.intervals import INTERVALS, MINUTE_MS, SECOND_MS
from candlewick.exchange.market.klines import klines
from candlewick.exchange.market.source import Market, Source
from candlewick.exchange.streams.names import Topic
from candlewick.exchange.streams.payloads import agg_trade_events, fill_events, kline_event
from candlewick.exchange.streams.tickers import book_ticker_events, mini_ticker

# Time from a trade to its publication, on the stream and on REST.
EVENT_DELAY_MS: Final = 2
# The final frame of a kline follows that of its last trade.
CLOSE_DELAY_MS: Final = 3
_KLINE_EVERY_MS: Final = 2_000
_SHORT_KLINE_EVERY_MS: Final = 1_000  # of 1s
_TICKER_EVERY_MS: Final = 1_000
_BY_THE_CLOCK: Final = {"kline", "miniTicker"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of one stream.

    Attributes:
        event_ms: Market time at which it is sent.
        number: Number within its stream: the id of a trade, otherwise a time.
        body: JSON without the wrapper of a combined stream.
    """

    event_ms: int
    topic: Topic
    number: int
    body: str


class Feed:
    """Makes the frames of any topics for any period of market time."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def frames(self, topics: set[Topic], after_ms: int, upto_ms: int) -> list[Frame]:
        """Return the frames with `after_ms < event_ms <= upto_ms`, oldest first."""
        # Candles and tickers come at a whole second and right after it: most periods have none.
        is_told = upto_ms // SECOND_MS > after_ms // SECOND_MS or (
            after_ms % SECOND_MS < CLOSE_DELAY_MS
        )
        due = [topic for topic in topics if is_told or topic.kind not in _BY_THE_CLOCK]
        found: list[Frame] = []
        for topic in sorted(due, key=lambda topic: (topic.name, topic.unit)):
            found += self._topic_frames(topic, after_ms, upto_ms)
        found.sort(key=lambda frame: frame.event_ms)
        return found

    def _topic_frames(self, topic: Topic, after_ms: int, upto_ms: int) -> list[Frame]:
        if topic.kind == "kline":
            return self._kline_frames(topic, after_ms, upto_ms)
        if topic.kind == "miniTicker":
            return self._ticker_frames(topic, after_ms, upto_ms)
        source = self._market[topic.symbol]
        parts = trades_between(source, after_ms - EVENT_DELAY_MS, upto_ms - EVENT_DELAY_MS)
        return [frame for trades in parts for frame in _trade_frames(topic, source, trades)]

    def _kline_frames(self, topic: Topic, after_ms: int, upto_ms: int) -> list[Frame]:
        source, interval = self._market[topic.symbol], INTERVALS[topic.interval]
        every_ms = _SHORT_KLINE_EVERY_MS if topic.interval == "1s" else _KLINE_EVERY_MS
        frames = []
        for at in _beats(after_ms, upto_ms, every_ms, 0):
            visible_ms = at - EVENT_DELAY_MS
            # As the exchange does: a candle that has not changed is not sent.
            changed = trades_between(source, visible_ms - every_ms, visible_ms)
            if changed and visible_ms >= interval.open_of(at):
                frames += _kline_frame(topic, source, interval.open_of(at), at, closed=False)
        end = interval.end_of(after_ms - CLOSE_DELAY_MS)
        while end <= upto_ms - CLOSE_DELAY_MS:
            at = end + CLOSE_DELAY_MS
            frames += _kline_frame(topic, source, interval.open_of(end - 1), at, closed=True)
            end = interval.end_of(end)
        return frames

    def _ticker_frames(self, topic: Topic, after_ms: int, upto_ms: int) -> list[Frame]:
        symbols = [topic.symbol] if topic.symbol else list(self._market)
        frames = []
        for at in _beats(after_ms, upto_ms, _TICKER_EVERY_MS, EVENT_DELAY_MS):
            visible_ms = at - EVENT_DELAY_MS
            rows = [
                mini_ticker(name, self._market[name], event=at * topic.unit, visible_ms=visible_ms)
                for name in symbols
            ]
            held = [row for row in rows if row]
            body = orjson.dumps(held[0] if topic.symbol and held else held).decode()
            frames += [Frame(at, topic, at, body)] if held else []
        return frames


def trades_between(source: Source, after_ms: int, upto_ms: int) -> list[Trades]:
    """Return the trades with `after_ms < time <= upto_ms`, as one part a minute."""
    first = max((after_ms + 1) // MINUTE_MS, source.first_minute)
    last = min(upto_ms // MINUTE_MS, source.end_minute - 1)
    parts = []
    for minute in range(first, last + 1):
        trades = source.trades(minute)
        start = int(trades.time_ms.searchsorted(after_ms, side="right"))
        if start < len(trades.time_ms) and trades.time_ms[start] <= upto_ms:
            stop = int(trades.time_ms.searchsorted(upto_ms, side="right"))
            parts.append(trades.span(start, stop))
    return parts


def _trade_frames(topic: Topic, source: Source, trades: Trades) -> list[Frame]:
    delay, unit, symbol = EVENT_DELAY_MS, topic.unit, topic.symbol
    times = (trades.time_ms + delay).tolist()
    if topic.kind == "aggTrade":
        bodies = agg_trade_events(symbol, trades, delay_ms=delay, unit=unit)
        first = trades.first_agg_id
        rows = zip(times, bodies, strict=True)
        return [Frame(at, topic, first + i, body) for i, (at, body) in enumerate(rows)]
    if topic.kind == "bookTicker":
        events = book_ticker_events(symbol, source, trades)
        return [Frame(times[row], topic, number, body) for row, number, body in events]
    frames, step = [], source.step_e8
    ids = trades.trade_id_edges.tolist()
    for row, at in enumerate(times):
        bodies = fill_events(symbol, trades, row, step_e8=step, delay_ms=delay, unit=unit)
        frames += [Frame(at, topic, ids[row] + i, body) for i, body in enumerate(bodies)]
    return frames


def _kline_frame(
    topic: Topic, source: Source, open_ms: int, at: int, *, closed: bool
) -> list[Frame]:
    interval = INTERVALS[topic.interval]
    end_ms = interval.end_of(open_ms)
    visible_ms = min(at - EVENT_DELAY_MS, end_ms - 1)
    rows = klines(source, interval, open_ms, open_ms, visible_ms=visible_ms)
    if not len(rows) or (not closed and not rows.trades[0]):
        return []
    body = kline_event(
        topic.symbol,
        topic.interval,
        rows,
        event=at * topic.unit,
        end_ms=end_ms,
        closed=closed,
        unit=topic.unit,
    )
    return [Frame(at, topic, at, body)]


def _beats(after_ms: int, upto_ms: int, every_ms: int, offset_ms: int) -> range:
    first = (after_ms - offset_ms) // every_ms * every_ms + every_ms + offset_ms
    return range(first, upto_ms + 1, every_ms)
