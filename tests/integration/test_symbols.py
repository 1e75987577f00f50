"""Symbols as they are: unknown, halted, added, removed, of any script; over real servers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import topics
from schemas.market import Candle
from schemas.symbols import TRADING
from schemas.timeframe import MINUTE_MS, Interval
from tests.support.servers import running_exchange, running_kafka
from tests.support.stream_world import StreamWorld

CHINESE = "币安人生USDT"
OFFERED = f"BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT,XRPUSDT,{CHINESE}"
QUARTER = Interval.FIFTEEN_MINUTES


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamWorld]:
    folder = tmp_path_factory.mktemp("symbols")
    with (
        running_kafka(folder / "kafka", partitions=2) as kafka,
        running_exchange(
            symbols=OFFERED, rate=150.0, start="2026-03-04T12:01:00Z", recorded=False
        ) as exchange,
    ):
        found = StreamWorld(kafka, exchange, folder)
        yield found
        found.close()


def test_unknown_symbols_are_named_at_once_and_the_others_run(world: StreamWorld) -> None:
    with world.stream(f"BTCUSDT,NOSUCHUSDT,{CHINESE},NEITHERUSDT"):
        world.until(lambda: world.status("NOSUCHUSDT") == "UNLISTED")
        world.until(lambda: world.status("NEITHERUSDT") == "UNLISTED")
        world.until_head("BTCUSDT", CHINESE)

    world.assert_whole("BTCUSDT")
    world.assert_whole(CHINESE)
    said = (world.folder / "stream.log").read_text()
    assert "the exchange does not know NOSUCHUSDT: correct CANDLEWICK_SYMBOLS" in said
    (known,) = [c for c in world.said(CHINESE) if c.status == TRADING][-1:]
    assert (known.tick_e8, known.step_e8, known.permissions) == (10_000, 10_000_000, "SPOT")


def test_symbols_come_and_go_without_a_restart_and_the_hand_wins_after_one(
    world: StreamWorld,
) -> None:
    with world.stream("ETHUSDT,SOLUSDT"):
        world.until_head("ETHUSDT", "SOLUSDT")
        world.symbols("add", "bnbusdt", setting="ETHUSDT")
        world.symbols("remove", "SOLUSDT", setting="ETHUSDT")
        world.until(lambda: world.next_id("BNBUSDT"))
        world.until_head("BNBUSDT", "ETHUSDT")
        held = world.next_id("SOLUSDT")
        world.until_head("ETHUSDT")
        world.until_head("ETHUSDT")
    assert world.next_id("SOLUSDT") <= held + 1_000

    with world.stream("ETHUSDT,SOLUSDT"):
        world.until_head("BNBUSDT", "ETHUSDT")
        left = world.next_id("SOLUSDT")
        shown = world.symbols("list", setting="ETHUSDT,SOLUSDT")
        lines = world.symbols("list", "--json", setting="ETHUSDT,SOLUSDT").splitlines()
        world.symbols("add", "SOLUSDT", setting="ETHUSDT")
        world.until_head("SOLUSDT")
    assert left <= held + 1_000

    rows = {line.split()[0]: line.split()[1:3] for line in shown.splitlines() if line.strip()}
    assert rows["BNBUSDT"] == ["yes", "hand"]
    assert rows["SOLUSDT"] == ["no", "hand"]
    assert rows["ETHUSDT"] == ["yes", "setting"]
    told = {row["symbol"]: row for row in map(json.loads, lines)}
    assert [s for s, row in told.items() if row["followed"]] == ["ETHUSDT", "BNBUSDT"]
    assert (told["SOLUSDT"]["chosen_by"], told["ETHUSDT"]["status"]) == ("hand", TRADING)
    assert told["ETHUSDT"]["not_trading_since_time"] is None
    for symbol in ("ETHUSDT", "BNBUSDT", "SOLUSDT"):
        world.assert_whole(symbol)


def test_halted_symbol_ends_with_its_candle_costs_little_and_begins_again(
    world: StreamWorld,
) -> None:
    symbol = "XRPUSDT"
    with world.stream(f"BTCUSDT,{symbol}", stream__status_s=1):
        world.until_head(symbol)
        halt = {"kind": "halt", "symbol": symbol, "minutes": 60, "status": "BREAK"}
        halted = world.exchange.admin("POST", "faults", halt)
        assert isinstance(halted, dict)
        until_ms = halted["start_ms"] - world.market_ms() + 5_000
        world.exchange.admin("POST", "market", {"advance_ms": until_ms})
        world.until(lambda: world.status(symbol) == "BREAK")
        ended = world.said(symbol)[-1]
        world.until(lambda: world.said(symbol)[-1].since_ms > 0)
        since_ms = world.said(symbol)[-1].since_ms
        assert ended.is_followed
        world.exchange.admin("POST", "market", {"advance_ms": 30 * MINUTE_MS})
        quarter_end_ms = QUARTER.open_of(since_ms) + QUARTER.ms
        world.until(lambda: world.watermark_ms(symbol) >= quarter_end_ms)
        world.until_head("BTCUSDT")
        used = used_weight(world)
        world.until(lambda: world.market_ms() > 0 and world.watermark_ms("BTCUSDT") > 0)
        world.until_head("BTCUSDT")
        assert world.watermark_ms(symbol) < quarter_end_ms + QUARTER.ms
        assert used < 3_000
        world.exchange.admin("POST", "market", {"advance_ms": 31 * MINUTE_MS})
        world.until(lambda: world.status(symbol) == TRADING)
        world.until_head(symbol)
        world.assert_whole(symbol)

    opens = [c.open_ms for c in world.read(topics.KLINES, Candle) if c.symbol == symbol]
    assert not [ms for ms in opens if halted["start_ms"] <= ms < halted["end_ms"] - MINUTE_MS]


def used_weight(world: StreamWorld) -> int:
    return int(world.exchange.get("/api/v3/time").headers["X-MBX-USED-WEIGHT-1M"])


def test_pattern_takes_what_the_exchange_lists_and_a_new_listing_joins_by_itself(
    world: StreamWorld, tmp_path: Path
) -> None:
    options = {"symbols": "DOGEUSDT,ADAUSDT,LTCUSDT,SIM1USDT", "start": "2026-03-04T12:01:00Z"}
    with running_exchange(**options) as exchange:
        check_patterns(StreamWorld(world.kafka, exchange, tmp_path))


def check_patterns(world: StreamWorld) -> None:
    new = "SIM1USDT"
    listing = {"kind": "halt", "symbol": new, "minutes": 30, "status": "UNLISTED"}
    unlisted = world.exchange.admin("POST", "faults", listing)
    assert isinstance(unlisted, dict)
    until_ms = unlisted["start_ms"] - world.market_ms() + 1_000
    world.exchange.admin("POST", "market", {"advance_ms": until_ms})
    with world.stream("top:1:USDT,SIM?USDT,L*", stream__status_s=1):
        world.until_head("LTCUSDT", "DOGEUSDT")
        assert world.said(new) == []
        world.exchange.admin("POST", "market", {"advance_ms": 31 * MINUTE_MS})
        world.until(lambda: world.status(new) == TRADING)
        world.until(lambda: world.next_id(new))

    assert world.said(new)[0].reason == "new at the exchange; matches SIM?USDT"
    assert "matches TOP:1:USDT" in world.said("DOGEUSDT")[-1].reason
    assert world.said("ADAUSDT") == []
    world.close()


def test_quiet_pair_keeps_its_connection_and_pings_prove_that_it_is_quiet(
    world: StreamWorld, tmp_path: Path
) -> None:
    symbol, minute_ms = "SIM2USDT", 1_772_625_660_000  # 12:01 of that day
    options = {"symbols": symbol, "start": "2026-03-04T12:00:48Z", "rate": 1.0, "ping_every": 1.0}
    with running_exchange(**options) as exchange:
        quiet = StreamWorld(world.kafka, exchange, tmp_path)
        with quiet.stream(symbol, stream__silence_s=1):
            quiet.until(lambda: quiet.watermark_ms(symbol) >= minute_ms + 2_000)
        found = quiet.blocks(symbol)
        quiet.close()

    newest = found[-1]
    assert len(newest) == 0
    assert newest.watermark_ms <= newest.received_ms
    assert "silent" not in (tmp_path / "stream.log").read_text()


def test_symbol_that_is_halted_at_a_first_start_begins_when_it_is_traded_again(
    world: StreamWorld, tmp_path: Path
) -> None:
    halted, other = "SIM3USDT", "SIM4USDT"
    options = {"symbols": f"{halted},{other}", "start": "2026-03-04T12:01:00Z", "rate": 3000.0}
    with running_exchange(**options) as exchange:
        found = StreamWorld(world.kafka, exchange, tmp_path)
        halt = {"kind": "halt", "symbol": halted, "minutes": 60, "status": "BREAK"}
        stopped = exchange.admin("POST", "faults", halt)
        assert isinstance(stopped, dict)
        first_ms = stopped["start_ms"] - found.market_ms() + 5 * MINUTE_MS
        exchange.admin("POST", "market", {"advance_ms": first_ms})
        with found.stream(f"{halted},{other}", stream__status_s=1):
            found.until(lambda: found.said(halted) and found.said(halted)[-1].since_ms > 0)
            found.until_head(other)
            assert found.blocks(halted) == []
            assert found.said(halted)[-1].since_ms < stopped["start_ms"]
            exchange.admin("POST", "market", {"advance_ms": 60 * MINUTE_MS})
            found.until_head(halted)
            found.assert_whole(halted)
        found.close()
