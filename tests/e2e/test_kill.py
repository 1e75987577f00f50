"""kill -9 of every process in turn while trades flow: nothing lost, nothing twice."""

import time
from pathlib import Path

from tests.support.pipeline import Pipeline, agg_trades, running_pipeline

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOTUSDT")
MINUTE_MS = 60_000
SPEED = 10.0


def wait_until_market(pipeline: Pipeline, ms: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and pipeline.market_ms() < ms:
        pipeline.restart_dead()
        pipeline.wait_for("SELECT 1", at_least=1, within_s=1)


def let_trades_flow(pipeline: Pipeline) -> None:
    """Wait until trades newer than now are stored."""
    now_ms = pipeline.market_ms()
    newest = "SELECT toUnixTimestamp64Milli(max(event_time)) FROM trades"
    assert pipeline.wait_for(newest, at_least=now_ms, within_s=60) >= now_ms, pipeline.tail()


def stored_trades(pipeline: Pipeline, symbol: str) -> list[list[str]]:
    rows = pipeline.rows(
        "SELECT toString(agg_id), toString(price), toString(quantity) FROM trades FINAL "  # noqa: S608 - our own words
        f"WHERE symbol = '{symbol}' ORDER BY agg_id"
    )
    return [list(map(str, row)) for row in rows]


def test_killing_every_process_in_turn_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    with running_pipeline(tmp_path, symbols=SYMBOLS, speed=SPEED, rate=60.0) as pipeline:
        let_trades_flow(pipeline)
        for name in ("stream", "candles", "sink"):
            pipeline.kill(name)
            wait_until_market(pipeline, pipeline.market_ms() + 10_000)
            pipeline.start(name)
            let_trades_flow(pipeline)
        for server in (pipeline.clickhouse, pipeline.kafka):
            server.kill()
            server.restart()
            let_trades_flow(pipeline)
        until_ms = pipeline.market_ms() // MINUTE_MS * MINUTE_MS
        pipeline.wait_for_candles("1m", until_ms=until_ms, within_s=90)

        ours = {
            interval: pipeline.candles(interval, before_ms=until_ms) for interval in ("1m", "15m")
        }
        theirs = {
            interval: pipeline.exchange_klines(interval, sorted(found))
            for interval, found in ours.items()
        }
        gapped = [key for key, status in pipeline.statuses("1m").items() if status == "gapped"]
        trades = {symbol: stored_trades(pipeline, symbol) for symbol in SYMBOLS}
        truth = {
            symbol: agg_trades(pipeline.exchange, symbol, int(rows[0][0]), int(rows[-1][0]))
            for symbol, rows in trades.items()
        }

    assert sum(map(len, ours.values())) >= 4 * 16
    assert ours == theirs
    assert not gapped  # nor the minute of the trade that proves the first whole one
    assert trades == truth
