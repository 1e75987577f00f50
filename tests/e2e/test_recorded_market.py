"""Trades that Binance really sent, through the whole pipeline, against Binance's own klines."""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.pipeline import FIELDS, Kline, Pipeline, _plain, running_pipeline

DATA = Path(__file__).parents[1] / "data"
FIVE_MINUTES_MS = 300_000
OFFICIAL_COLUMNS = (1, 2, 3, 4, 5, 7, 8, 9, 10)


def official_5m() -> dict[int, Kline]:
    """Open time to fields, of the 5m klines that the 2024 frames cover in full."""
    with (DATA / "BTCUSDT-5m-20240809.csv").open() as rows:
        return {
            int(row[0]): tuple(_plain(row[i]) for i in OFFICIAL_COLUMNS) for row in csv.reader(rows)
        }


def our_5m(pipeline: Pipeline) -> dict[int, Kline]:
    """The same fields from our 1m candles, where all five are there and complete."""
    rows = pipeline.rows(
        """
        SELECT
            toUnixTimestamp64Milli(min(open_time)) AS open_ms,
            toString(argMin(open, open_time)), toString(max(high)), toString(min(low)),
            toString(argMax(close, open_time)), toString(sum(volume)), toString(sum(quote_volume)),
            toString(sum(trade_count)), toString(sum(taker_buy_volume)),
            toString(sum(taker_buy_quote_volume))
        FROM candles FINAL
        WHERE interval = '1m' AND status = 'complete'
        GROUP BY toStartOfFiveMinutes(open_time)
        HAVING count() = 5
        """
    )
    return {int(str(row[0])): tuple(map(str, row[1:])) for row in rows}


def test_the_trades_of_8_august_2024_become_the_official_candles(tmp_path: Path) -> None:
    captures = tuple(str(DATA / f"btcusdt_{day}_trades.gz") for day in ("20240808", "20240809"))
    official = official_5m()

    with running_pipeline(
        tmp_path,
        symbols=("BTCUSDT",),
        capture=captures,
        start="2024-08-08T23:55:30Z",
        speed=30.0,
    ) as pipeline:
        pipeline.wait_for_candles("1m", until_ms=max(official) + FIVE_MINUTES_MS, within_s=90)
        ours = our_5m(pipeline)
        stored = pipeline.rows("SELECT count(), min(agg_id), max(agg_id) FROM trades FINAL")

    assert {ms: dict(zip(FIELDS, ours[ms], strict=True)) for ms in official} == {
        ms: dict(zip(FIELDS, kline, strict=True)) for ms, kline in official.items()
    }
    count, first, last = (int(str(value)) for value in stored[0])
    assert count == last - first + 1


@pytest.mark.slow
def test_the_trades_of_4_april_2021_become_the_candles_that_the_stream_showed(
    tmp_path: Path,
) -> None:
    capture, shown = until_the_last_kline(tmp_path)
    open_ms = {ms for _, ms in shown}.pop()

    with running_pipeline(
        tmp_path,
        symbols=("BTCUSDT", "ETHUSDT", "DOTUSDT"),
        capture=(str(capture),),
        start="2021-04-04T20:03:20Z",
        speed=15.0,
    ) as pipeline:
        pipeline.wait_for_candles("1m", until_ms=open_ms + 60_000, within_s=90)
        ours = pipeline.candles("1m", before_ms=open_ms + 60_000)

    assert {key: dict(zip(FIELDS, ours[key], strict=True)) for key in shown} == {
        key: dict(zip(FIELDS, kline, strict=True)) for key, kline in shown.items()
    }


def until_the_last_kline(folder: Path) -> tuple[Path, dict[tuple[str, int], Kline]]:
    """The capture up to the trades of each symbol's last kline event, and those events.

    The capture ends within a minute, so no closed kline is covered in full; its last kline events
    are, from the minute's start on.
    """
    frames = list(frames_of(DATA / "combined_20210404.gz"))
    last = {f["s"]: f["k"] for _, f in frames if f["e"] == "kline"}
    ends = {symbol: kline["L"] for symbol, kline in last.items()}
    kept = [line for line, f in frames if f["e"] == "aggTrade" and f["l"] <= ends[f["s"]]]
    path = folder / "until_the_last_kline.gz"
    with gzip.open(path, "wt") as out:
        out.writelines(kept)
    return path, {(symbol, kline["t"]): fields_of(kline) for symbol, kline in last.items()}


def frames_of(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with gzip.open(path, "rt") as lines:
        for line in lines:
            yield line, json.loads(line[line.index("{") :])["data"]


def fields_of(kline: dict[str, Any]) -> Kline:
    return tuple(_plain(kline[letter]) for letter in ("o", "h", "l", "c", "v", "q", "n", "V", "Q"))
