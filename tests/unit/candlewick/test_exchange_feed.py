"""The frames of the simulated exchange's streams."""

from datetime import date
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from candlewick.exchange.market.coins import coin_of
from candlewick.exchange.market.generated import GeneratedSymbol
from candlewick.exchange.market.intervals import DAY_MS, day_of
from candlewick.exchange.streams.feed import Feed
from candlewick.exchange.streams.names import topic_of

MARKET = {
    symbol: GeneratedSymbol(coin_of(symbol), seed=1, rate=150.0, recorded=None)
    for symbol in ("BTCUSDT", "DOTUSDT")
}
TOPICS = {
    topic
    for name in (
        "btcusdt@aggTrade",
        "btcusdt@kline_1s",
        "btcusdt@kline_1m",
        "dotusdt@kline_15m",
        "dotusdt@trade",
        "dotusdt@bookTicker",
        "dotusdt@miniTicker",
        "!miniTicker@arr",
    )
    if (topic := topic_of(name, frozenset(MARKET), unit=1)) is not None
}
MIDNIGHT_MS = day_of(date(2024, 3, 5)) * DAY_MS
BEFORE_MS, SPAN_MS = MIDNIGHT_MS - 2_100, 4_200


@given(st.lists(st.integers(0, SPAN_MS), max_size=40, unique=True))
@example(list(range(SPAN_MS)))
@example(list(range(5, SPAN_MS, 10)))
def test_steps_of_any_length_bring_the_same_frames_as_one(cuts: list[int]) -> None:
    feed = Feed(MARKET)
    edges = [BEFORE_MS, *(BEFORE_MS + cut for cut in sorted(cuts)), BEFORE_MS + SPAN_MS]

    steps = [feed.frames(TOPICS, after, upto) for after, upto in pairwise(edges)]

    whole = feed.frames(TOPICS, BEFORE_MS, BEFORE_MS + SPAN_MS)
    assert [frame for step in steps for frame in step] == whole
    assert {frame.topic for frame in whole} == TOPICS
