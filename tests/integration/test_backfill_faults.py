"""What goes wrong while the past is fetched, and what comes of each: real Kafka, real files."""

import asyncio
import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.history.archive_plan import Choice
from producers.history.backfill import Progress
from schemas.errors import ConfigurationError
from tests.support.backfilling import DAY_MS, Past, same
from tests.support.servers import RunningExchange, running_exchange, running_kafka

DAY = "2025-11-0{}"
START_MS = 1_761_955_200_000  # 2025-11-01
NOW = "2025-11-20T10:20:30Z"
NOW_MS = 1_763_634_030_000
DEADLINE_S = 40.0


@pytest.fixture(scope="module")
def market() -> Iterator[RunningExchange]:
    with running_exchange(start=NOW, speed=0, recorded=False) as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, market: RunningExchange) -> Iterator[Past]:
    folder = tmp_path_factory.mktemp("faults")
    with running_kafka(folder / "kafka") as kafka:
        found = Past(kafka, market, folder)
        found.create_topics()
        yield found


@pytest.fixture
def past(shared: Past) -> Iterator[Past]:
    yield shared
    shared.exchange.admin("DELETE", "faults")


def days(past: Past, symbol: str, count: int, interval: str = "1m") -> Progress:
    return past.fill(symbol, interval, START_MS, START_MS + count * DAY_MS, Choice.AUTO)


def sources(past: Past, symbol: str, interval: str = "1m") -> dict[str, int]:
    found = [candle.source for candle in past.candles(symbol, interval)]
    return {source: found.count(source) for source in set(found)}


@pytest.mark.parametrize(("how", "symbol"), [("flipped", "BTCUSDT"), ("truncated", "ETHUSDT")])
def test_download_that_is_damaged_once_is_repeated(past: Past, how: str, symbol: str) -> None:
    # The first request of a file is that of its checksum.
    fault = {"kind": "archive", "path": symbol, "how": how, "count": 2}
    past.exchange.admin("POST", "faults", fault)

    progress = days(past, symbol, 1)

    assert progress.tracks[0].notes == []
    assert sources(past, symbol) == {"archive-daily": 1440}
    assert [file.state for file in past.archives(symbol, "1m")] == ["used"]


@pytest.mark.parametrize(
    ("how", "symbol"), [("flipped", "SOLUSDT"), ("cut-before-checksum", "XRPUSDT")]
)
def test_file_that_stays_damaged_is_reported_and_rest_brings_its_candles(
    past: Past, how: str, symbol: str
) -> None:
    path = f"{symbol}-1m-2025-11-02"
    past.exchange.admin("POST", "faults", {"kind": "archive", "path": path, "how": how})

    track = days(past, symbol, 2).tracks[0]

    assert sources(past, symbol) == {"archive-daily": 1440, "rest": 1440}
    assert track.missing_rows == 0
    assert any(f"{path}.zip" in note for note in track.notes)
    assert {f.name: f.state for f in past.archives(symbol, "1m")} == {
        f"{symbol}-1m-2025-11-01.zip": "used",
        f"{path}.zip": "refused",
    }


def test_reissued_file_is_noticed_and_read_again(past: Past) -> None:
    days(past, "ADAUSDT", 1)
    (first,) = past.archives("ADAUSDT", "1m")
    past.exchange.admin("POST", "faults", {"kind": "archive", "path": "ADA", "how": "reissued"})
    unchecked = days(past, "ADAUSDT", 1)
    before = len(past.candles("ADAUSDT", "1m"))

    end_ms = START_MS + DAY_MS
    again = past.fill("ADAUSDT", "1m", START_MS, end_ms, checks_archives=True)
    third = past.fill("ADAUSDT", "1m", START_MS, end_ms, checks_archives=True)

    candles = past.candles("ADAUSDT", "1m")
    assert (before, len(candles)) == (1440, 2880)
    assert unchecked.tracks[0].notes == third.tracks[0].notes == []
    assert "re-issued" in again.tracks[0].notes[0]
    assert candles[1440].trade_count == candles[0].trade_count + 1
    assert candles[1440].event_ms > candles[0].event_ms
    # By its revision the sinks keep the row that it replaces, for readers of what was known then.
    assert {candle.revision for candle in candles[:1440]} == {1}
    assert {candle.revision for candle in candles[1440:]} == {2}
    second = past.archives("ADAUSDT", "1m")[-1]
    assert (second.state, second.sha256 != first.sha256) == ("reissued", True)


def test_reissued_file_that_is_damaged_is_read_once_it_is_whole(past: Past) -> None:
    days(past, "LTCUSDT", 1)
    end_ms, notes = START_MS + DAY_MS, []
    for how in ("cut-before-checksum", "reissued"):
        past.exchange.admin("DELETE", "faults")
        past.exchange.admin("POST", "faults", {"kind": "archive", "path": "LTC", "how": how})
        again = past.fill("LTCUSDT", "1m", START_MS, end_ms, checks_archives=True)
        notes += again.tracks[0].notes

    assert [file.state for file in past.archives("LTCUSDT", "1m")] == ["used", "reissued"]
    assert len(past.candles("LTCUSDT", "1m")) == 2 * 1440
    assert ["read again" in note for note in notes] == [False, False, True]


def test_month_not_yet_published_comes_by_days_and_a_day_not_yet_published_by_rest(
    past: Past,
) -> None:
    past.exchange.admin(
        "POST", "faults", {"kind": "archive", "path": "DOGEUSDT-1m-2025-10.", "how": "missing"}
    )
    past.exchange.admin(
        "POST", "faults", {"kind": "archive", "path": "DOGEUSDT-1m-2025-10-31", "how": "missing"}
    )

    track = past.fill("DOGEUSDT", "1m", START_MS - 16 * DAY_MS, START_MS).tracks[0]

    assert sources(past, "DOGEUSDT") == {"archive-daily": 15 * 1440, "rest": 1440}
    assert track.missing_rows == 0


def test_whole_month_is_one_file(past: Past) -> None:
    past.fill("DOGEUSDT", "5m", START_MS - 31 * DAY_MS, START_MS, Choice.ARCHIVE)

    assert sources(past, "DOGEUSDT", "5m") == {"archive-monthly": 31 * 288}


def test_ban_in_the_middle_is_waited_for_as_long_as_it_says(past: Past) -> None:
    fault = {"kind": "rest-error", "status": 418, "path": "klines", "count": 1, "retry_after_s": 3}
    past.exchange.admin("POST", "faults", fault)
    began = time.monotonic()

    track = past.fill("BNBUSDT", "15m", START_MS, START_MS + 15 * DAY_MS).tracks[0]

    assert time.monotonic() - began >= 3
    assert (track.rows, track.missing_rows) == (1440, 0)


def test_server_errors_are_asked_again(past: Past) -> None:
    fault = {"kind": "rest-error", "status": 503, "path": "klines", "count": 3}
    past.exchange.admin("POST", "faults", fault)

    track = past.fill("LTCUSDT", "15m", START_MS, START_MS + 11 * DAY_MS).tracks[0]

    assert (track.rows, track.missing_rows) == (1056, 0)


def test_open_candle_is_not_taken_and_a_lagging_one_not_either(past: Past) -> None:
    past.exchange.admin("POST", "faults", {"kind": "rest-lag", "lag_ms": 30 * 60_000})
    end_ms = NOW_MS - NOW_MS % 900_000

    lagging = past.fill("BTCUSDT", "15m", end_ms - DAY_MS, None).tracks[0]
    past.exchange.admin("DELETE", "faults")
    caught_up = past.fill("BTCUSDT", "15m", end_ms - DAY_MS, None).tracks[0]

    assert lagging.rows < 96 == lagging.rows + caught_up.rows
    assert caught_up.missing_rows == 0
    rows = past.klines("BTCUSDT", "15m", end_ms - DAY_MS, end_ms)
    candles = past.candles("BTCUSDT", "15m")
    assert all(same(candle, row) for candle, row in zip(candles, rows, strict=True))


def test_time_before_the_listing_is_shown_to_be_just_that(past: Past) -> None:
    listed_ms = 1_597_190_400_000 - DAY_MS  # SOL: 2020-08-11

    track = past.fill("SOLUSDT", "15m", listed_ms - 9 * DAY_MS, listed_ms + DAY_MS).tracks[0]

    assert (track.rows, track.absent_rows, track.missing_rows) == (96, 9 * 96, 0)
    assert [hole.kind for hole in past.holes("SOLUSDT", "15m")] == ["unlisted"]


def test_unknown_symbol_is_a_clear_error(past: Past) -> None:
    with pytest.raises(ConfigurationError, match="NOBODY"):
        days(past, "NOBODY", 1)
    process = past.command("--symbols", "NOBODY", "--from", "2025-11-01")
    said, _ = process.communicate(timeout=DEADLINE_S)

    assert process.returncode == 1
    assert len(said.splitlines()) == 1
    assert "NOBODY" in said


def test_missing_candles_with_consecutive_ids_are_official_and_others_unproven(
    shared: Past, tmp_path: Path
) -> None:
    """Three hours of 15m klines; two are taken out: in one nothing was traded, in one something."""
    trades, klines = tmp_path / "trades", tmp_path / "BTCUSDT-15m.csv"
    trades.mkdir()
    quiet, busy = range(4, 8), 9
    minutes = [m for m in range(180) if m // 15 not in quiet]
    with (trades / "BTCUSDT-aggTrades-2025-11-01.csv").open("w") as file:
        rows = csv.writer(file)
        for number, minute in enumerate(minutes):
            at = START_MS + minute * 60_000
            rows.writerow([number, "10.00", "1.0", number, number, at, "True", "True"])
    given = [
        f"{START_MS + n * 900_000},10,10,10,10,15,{START_MS + (n + 1) * 900_000 - 1},150,15,0,0,0"
        for n in range(12)
        if n not in quiet and n != busy
    ]
    klines.write_text("\n".join(given) + "\n")
    options = {"aggtrades": str(trades), "klines": (str(klines),), "start": NOW}
    with running_exchange(**options) as exchange:
        past = Past(shared.kafka, exchange, shared.folder)
        progress = past.fill("BTCUSDT", "15m", START_MS, START_MS + 12 * 900_000)

    (track,) = progress.tracks
    assert (track.rows, track.absent_rows, track.missing_rows) == (7, 4, 1)
    holes = [h for h in past.holes("BTCUSDT", "15m") if h.open_ms >= START_MS]
    assert [(h.kind, (h.open_ms - START_MS) // 900_000) for h in holes] == [
        ("official", 4),
        ("unproven", 9),
    ]
    assert holes[0].agg_id_after == holes[0].agg_id_before + 1
    assert "consecutive" in holes[0].reason


def test_process_fills_follows_and_adds_nothing_the_second_time(past: Past) -> None:
    environment = past.environment | {
        "CANDLEWICK_SYMBOLS": "LINKUSDT,DOTUSDT",
        "CANDLEWICK_BACKFILL__SINCE": "2d",
    }
    counts = []
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", "producers", "backfill"],
            env=os.environ | environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = _until(process, "still missing") + _until(process, "still missing")
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0, said + rest
        counts.append(sum(map(int, re.findall(r"(\d+) candles in", said))))

    assert counts[0] >= 2 * (2 * 1440 + 2 * 96 - 2)
    assert counts[1] == 0
    opens = sorted(candle.open_ms for candle in past.candles("LINKUSDT", "1m"))
    assert opens == list(range(opens[0], opens[-1] + 60_000, 60_000))


def _until(process: "subprocess.Popen[str]", word: str) -> str:
    if process.stderr is None:
        raise AssertionError("stderr is not captured")
    said, deadline = "", time.monotonic() + DEADLINE_S
    while word not in said and time.monotonic() < deadline:
        line = process.stderr.readline()
        if not line:
            break
        said += line
    assert word in said, said
    return said


def test_two_backfills_take_turns(past: Past) -> None:
    async def both() -> list[Progress]:
        fills = (asyncio.to_thread(days, past, "USDCUSDT", 2) for _ in range(2))
        return list(await asyncio.gather(*fills))

    found = asyncio.run(both())

    assert sorted(progress.tracks[0].rows for progress in found) == [0, 2880]
    assert sources(past, "USDCUSDT") == {"archive-daily": 2880}
