"""Another market behind the same addresses, over the same Kafka: both are told apart, and right."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.pipeline import Kline, Pipeline, agg_trades, running_pipeline
from tests.support.servers import RunningExchange, running_exchange

SYMBOLS = ("BTCUSDT", "DOTUSDT")
MINUTE_MS = 60_000
SPEED = 20.0
# Ids are the more, the more is traded: first lower ones with later times, then higher ones.
MARKETS = (
    {"rate": 60.0, "start": "2026-03-04T12:01:10Z"},
    {"rate": 20.0, "start": "2026-03-24T12:01:20Z"},
    {"rate": 200.0, "start": "2026-03-24T12:16:30Z"},
)
QUIET = {"recorded": False, "speed": SPEED}
Truth = dict[tuple[str, int], Kline]


@contextmanager
def another_market(pipeline: Pipeline, options: Mapping[str, object]) -> Iterator[None]:
    """Start the stream, which has ended, with another exchange; Kafka and all others go on."""
    before = pipeline.exchange
    with running_exchange(**QUIET, **options) as exchange:
        pipeline.exchange = exchange
        pipeline.start("stream")
        yield
        pipeline.kill("stream")
    pipeline.exchange = before


def followed_for(pipeline: Pipeline, minutes: int) -> tuple[int, int]:
    """First and last moment of the whole minutes that are stored of this market."""
    since_ms = (pipeline.market_ms() // MINUTE_MS + 1) * MINUTE_MS
    until_ms = since_ms + minutes * MINUTE_MS
    pipeline.wait_for_candles("1m", until_ms=until_ms, within_s=60)
    return since_ms, until_ms


def truth_of(pipeline: Pipeline, since_ms: int, until_ms: int) -> Truth:
    opens = range(since_ms, until_ms, MINUTE_MS)
    return pipeline.exchange_klines("1m", [(s, ms) for s in SYMBOLS for ms in opens])


def stored_trades(pipeline: Pipeline, symbol: str, era: int) -> list[list[str]]:
    rows = pipeline.rows(
        "SELECT toString(agg_id), toString(price), toString(quantity) FROM trades FINAL "  # noqa: S608 - our own words
        f"WHERE symbol = '{symbol}' AND era = {era} ORDER BY agg_id"
    )
    return [list(map(str, row)) for row in rows]


def exchange_trades(exchange: RunningExchange, stored: list[list[str]]) -> list[list[str]]:
    return agg_trades(exchange, "DOTUSDT", int(stored[0][0]), int(stored[-1][0]))


@pytest.mark.timeout(300)
def test_a_market_whose_ids_begin_again_is_a_new_era_and_nothing_of_the_old_one_is_lost(
    tmp_path: Path,
) -> None:
    first, second, third = MARKETS
    truths: list[Truth] = []
    with running_pipeline(tmp_path, symbols=SYMBOLS, **QUIET, **first) as pipeline:
        truths.append(truth_of(pipeline, *followed_for(pipeline, 2)))
        trades = [exchange_trades(pipeline.exchange, stored_trades(pipeline, "DOTUSDT", 0))]
        pipeline.kill("stream")
        for era, market in ((1, second), (2, third)):
            with another_market(pipeline, market):
                told = f"SELECT uniqExact(symbol) FROM gaps WHERE state = 'new-era' AND era = {era}"  # noqa: S608 - our own words
                assert pipeline.wait_for(told, at_least=2, within_s=60) == 2, pipeline.tail()
                truths.append(truth_of(pipeline, *followed_for(pipeline, 2)))
                stored = stored_trades(pipeline, "DOTUSDT", era)
                trades.append(exchange_trades(pipeline.exchange, stored))
                assert stored == trades[-1]
        ours = pipeline.candles("1m", before_ms=2**42)
        statuses = pipeline.statuses("1m")
        for era, one in enumerate(trades):
            assert stored_trades(pipeline, "DOTUSDT", era)[: len(one)] == one
        letters = pipeline.rows("SELECT reason FROM dead_letters")
        log = (tmp_path / "stream.log").read_text()

    for truth in truths:
        assert {key: ours.get(key) for key in truth} == truth
    assert {statuses[key] for truth in truths for key in truth} <= {"complete", "quiet"}
    old_ms, new_ms = max(ms for _, ms in truths[0]), min(ms for _, ms in truths[1])
    between = [ms for _, ms in statuses if old_ms + 30 * MINUTE_MS < ms < new_ms - 60 * MINUTE_MS]
    assert between == []
    assert log.count("ids begin again") == 4
    assert letters == []
