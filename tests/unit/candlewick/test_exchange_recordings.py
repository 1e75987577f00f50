"""Recorded trades served as a market."""

import gzip
import re
import zipfile
from pathlib import Path

import orjson
import pytest

from candlewick.exchange.market.aggtrade_files import archived_market
from candlewick.exchange.market.capture_files import captured_market
from candlewick.exchange.market.grouping import candle_of
from candlewick.exchange.market.intervals import INTERVALS, date_of
from candlewick.exchange.market.klines import klines
from candlewick.exchange.server.archive_csv import lines
from candlewick.exchange.server.archive_names import File
from candlewick.exchange.streams.payloads import kline_rows

DATA = Path(__file__).parents[2] / "data"
FIVE = INTERVALS["5m"]


def test_the_trades_of_2024_make_the_official_klines() -> None:
    market = captured_market(
        [DATA / "btcusdt_20240808_trades.gz", DATA / "btcusdt_20240809_trades.gz"]
    )
    for line in (DATA / "BTCUSDT-5m-20240809.csv").read_text().splitlines():
        fields = line.split(",")
        at = int(fields[0])
        rows = klines(market["BTCUSDT"], FIVE, at, at, visible_ms=FIVE.end_of(at))
        made = orjson.loads(kline_rows(rows, FIVE))[0]
        assert [str(value) for value in made] == fields


def test_the_aggregates_of_2021_make_the_kline_events_of_their_time() -> None:
    file = DATA / "combined_20210404.gz"
    market = captured_market([file])
    text = gzip.decompress(file.read_bytes()).decode()
    frames = [orjson.loads(line[line.index("{") :])["data"] for line in text.splitlines()]
    checked = 0
    for kline in (frame["k"] for frame in frames if frame["e"] == "kline"):
        source = market[kline["s"]]
        trades = source.trades(kline["t"] // 60_000)
        ids = trades.trade_id_edges.tolist()
        if kline["f"] != ids[0] or kline["L"] + 1 not in ids:
            continue
        so_far = trades.span(0, ids.index(kline["L"] + 1))
        candle = candle_of(so_far, kline["t"], 0, source.tick_e8)
        made = orjson.loads(kline_rows(candle, INTERVALS["1m"]))[0]
        assert made[1:6] == [kline[name] for name in "ohlcv"]
        assert made[7:11] == [kline["q"], kline["n"], kline["V"], kline["Q"]]
        checked += 1
    assert checked == 51


def test_an_archive_read_back_is_the_same_market(tmp_path: Path) -> None:
    source = captured_market([DATA / "combined_20210404.gz"])["DOTUSDT"]
    day = date_of(source.first_minute // 1440)
    file = File("DOTUSDT", "", day, 1, f"DOTUSDT-aggTrades-{day}")
    text = "".join(lines(source, file))
    with zipfile.ZipFile(tmp_path / f"{file.name}.zip", "w") as archive:
        archive.writestr(f"{file.name}.csv", text)
    again = archived_market(tmp_path)["DOTUSDT"]

    assert "".join(lines(again, file)) == text
    assert re.match(r"\d+,43\.\d{8},\d+\.\d{8},\d+,\d+,16175665\d{5},(True|False),True\n", text)


def test_microseconds_and_a_header_are_understood(tmp_path: Path) -> None:
    header = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
    rows = "7,1.5,2,70,71,1735689600000123,true\n8,1.6,1.25,72,72,1735689600001999,False,True\n"
    (tmp_path / "XUSDT-aggTrades-2025-01-01.csv").write_text(f"{header}\n{rows}")
    source = archived_market(tmp_path)["XUSDT"]
    trades = source.trades(source.first_minute)

    assert trades.time_ms.tolist() == [1735689600000, 1735689600001]
    assert trades.trade_id_edges.tolist() == [70, 72, 73]
    assert trades.buyer_maker.tolist() == [True, False]


def test_a_recording_with_a_hole_is_refused(tmp_path: Path) -> None:
    (tmp_path / "XUSDT-aggTrades-2025-01-01.csv").write_text(
        "7,1.5,2,70,71,1735689600000,True,True\n9,1.6,1,73,73,1735689600001,True,True\n"
    )
    with pytest.raises(ValueError, match="gap after id 7"):
        archived_market(tmp_path)


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no trades"):
        archived_market(tmp_path)


def test_a_recorded_market_cannot_be_halted() -> None:
    source = captured_market([DATA / "combined_20210404.gz"])["BTCUSDT"]

    with pytest.raises(ValueError, match="recorded"):
        source.halt(0, 1)
