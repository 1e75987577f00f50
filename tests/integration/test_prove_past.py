"""`candlewick backfill --trades` between a simulated exchange, a real Kafka and the real engine."""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from candlewick.store.admin import apply_migrations
from clients.kafka.reader import TopicReader
from producers.binance.archive import ArchiveClient
from producers.binance.archive_names import TRADES, month_file
from schemas import topics
from schemas.codecs import decode
from schemas.market import Candle
from schemas.replayed import PROVEN_REVISION, is_replayed
from schemas.settings import ClickHouseSettings
from schemas.timeframe import DAY_MS
from tests.support.backfilling import Past
from tests.support.builders import newest_revisions
from tests.support.servers import (
    RunningClickHouse,
    running_clickhouse,
    running_exchange,
    running_kafka,
)

SYMBOL, OTHER = "XRPUSDT", "ADAUSDT"
SPAN = ("--from", "2024-02-29", "--to", "2024-03-04")
FIRST_MS = 1_709_164_800_000
DAYS = 4
EACH_DAY = 1440 + 96


def a_market(folder: Path) -> Path:
    """Trades of a thin pair, in a file as the exchange publishes it, from the day before on."""
    chance, at_ms, trade_id, lines = random.Random(3), FIRST_MS - DAY_MS, 7_000, []
    for agg_id in range(5_000, 6_200):
        at_ms += chance.randrange(1_000, 2_400_000)
        fills = chance.randrange(1, 4)
        amounts = f"{100 + chance.randrange(100) / 100:.8f},{chance.randrange(1, 999) / 1000:.8f}"
        ids = f"{trade_id},{trade_id + fills - 1}"
        lines.append(f"{agg_id},{amounts},{ids},{at_ms},{chance.random() < 0.5},True\n")
        trade_id += fills
    folder.mkdir()
    for symbol in (SYMBOL, OTHER):
        (folder / f"{symbol}-aggTrades-2024.csv").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningClickHouse]:
    with running_clickhouse(tmp_path_factory.mktemp("store") / "clickhouse") as server:
        yield server


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    folder = tmp_path_factory.mktemp("past")
    market = str(a_market(folder / "market"))
    with (
        running_kafka(folder / "kafka") as kafka,
        running_exchange(
            weight_limit=1_000_000, start="2024-04-10T12:00:00Z", aggtrades=market
        ) as exchange,
    ):
        found = Past(kafka, exchange, folder)
        found.create_topics()
        yield found


def start(
    past: Past, clickhouse: RunningClickHouse, database: str, *arguments: str
) -> "subprocess.Popen[str]":
    environment = past.environment | login(clickhouse, database) | {"COLUMNS": "250"}
    return subprocess.Popen(
        [sys.executable, "-m", "candlewick", "backfill", "--trades", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def login(clickhouse: RunningClickHouse, database: str) -> dict[str, str]:
    named = {
        "URL": clickhouse.url,
        "DATABASE": database,
        "USER": clickhouse.user,
        "PASSWORD": clickhouse.password,
        "READER_USER": clickhouse.reader,
        "READER_PASSWORD": clickhouse.reader_password,
    }
    return {f"CANDLEWICK_CLICKHOUSE__{name}": value for name, value in named.items()}


@contextmanager
def sinks(past: Past, clickhouse: RunningClickHouse, database: str) -> Iterator[None]:
    account = {"url": clickhouse.url, "user": clickhouse.user, "password": clickhouse.password}
    account |= {"reader_user": clickhouse.reader, "reader_password": clickhouse.reader_password}
    apply_migrations(ClickHouseSettings.model_validate(account | {"database": database}))
    environment = past.environment | login(clickhouse, database)
    process = subprocess.Popen([sys.executable, "-m", "sinks"], env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def sent(past: Past, symbol: str) -> list[Candle]:
    """The symbol's candles in the topic; all of them are marked."""
    with TopicReader(past.kafka.settings, "sent") as reader:
        messages = [m for m in reader.new(topics.CANDLES) if m.key() == symbol.encode()]
    assert all(is_replayed(message.headers()) for message in messages)
    return [decode(Candle, message.value() or b"") for message in messages]


def count(past: Past) -> int:
    with TopicReader(past.kafka.settings, "count") as reader:
        return sum(high - low for low, high in reader.spans(topics.CANDLES).values())


def kill_once_there_are(past: Past, candles: int, process: "subprocess.Popen[str]") -> int:
    """Kill -9, and return how many candles are there then."""
    deadline = time.monotonic() + 60
    while process.poll() is None and count(past) < candles and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    return count(past)


def test_days_are_proven_kept_and_compared_though_it_is_killed_in_between(
    past: Past, clickhouse: RunningClickHouse
) -> None:
    asked = ("--symbols", SYMBOL, *SPAN, "--keep")
    with sinks(past, clickhouse, "killed"):
        first = start(past, clickhouse, "killed", *asked)
        half_done = kill_once_there_are(past, EACH_DAY + 1, first)
        past.fill(SYMBOL, "1m", FIRST_MS, FIRST_MS + DAYS * DAY_MS)
        past.fill(SYMBOL, "15m", FIRST_MS, FIRST_MS + DAYS * DAY_MS)
        last = start(past, clickhouse, "killed", *asked)
        said, _ = last.communicate()
        again, _ = start(past, clickhouse, "killed", *asked).communicate()
        with clickhouse.client(database="killed") as client:
            (candles,) = client.query(
                "SELECT count(), uniqExact(interval, open_time), min(revision), max(revision), "
                "countIf(status = 'gapped') FROM candles FINAL"
            ).result_rows
            (trades,) = client.query(
                "SELECT count(), uniqExact(agg_id), max(agg_id) - min(agg_id) + 1 FROM trades"
            ).result_rows

    whole = DAYS * EACH_DAY
    assert last.returncode == 0, said
    assert candles == (whole, whole, PROVEN_REVISION + 1, PROVEN_REVISION + 1, 0)
    assert EACH_DAY < half_done < whole
    assert len({(candle.interval, candle.open_ms) for candle in sent(past, SYMBOL)}) == whole
    assert len(set(trades)) == 1
    days, before, missing, read, made, gapped, verified, *_ = again.splitlines()[-1].split()[1:]
    assert (days, before, missing, read, made) == (str(DAYS), str(DAYS), "0", "0", "0"), again
    assert (gapped, verified) == ("0", f"{whole:,}"), again


def test_what_is_wrong_is_told_the_rest_is_proven_and_later_what_was_wrong(
    past: Past, clickhouse: RunningClickHouse
) -> None:
    faults = (
        {"kind": "archive", "path": "ADAUSDT-aggTrades-2024-03-10", "how": "missing"},
        {"kind": "archive", "path": "ADAUSDT-aggTrades-2024-03-11", "how": "cut-before-checksum"},
        {"kind": "archive", "path": "ADAUSDT-aggTrades-2024-03-12", "how": "ids-back"},
        {"kind": "archive", "path": "ADAUSDT-aggTrades-2024-03-13", "how": "trade-twice"},
    )
    asked = ("--symbols", OTHER, "--from", "2024-03-09", "--to", "2024-03-14")
    with sinks(past, clickhouse, "faulty"):
        for fault in faults:
            past.exchange.admin("POST", "faults", fault)
        first = start(past, clickhouse, "faulty", *asked)
        said, _ = first.communicate()
        proven = sent(past, OTHER)
        past.exchange.admin("DELETE", "faults")
        for interval in ("1m", "15m"):
            past.fill(OTHER, interval, FIRST_MS + 9 * DAY_MS, FIRST_MS + 14 * DAY_MS)
        second = start(past, clickhouse, "faulty", *asked, "--check-archives", "--json")
        lines, _ = second.communicate()

    assert (first.returncode, second.returncode) == (1, 0)
    row = next(line for line in said.splitlines() if line.startswith(OTHER))
    assert row.split()[1:4] == ["2", "0", "3"], said
    told = " ".join(said.split())
    assert "there is no ADAUSDT-aggTrades-2024-03-10.zip yet" in told
    assert "ADAUSDT-aggTrades-2024-03-11.zip: the zip is damaged" in told
    assert "ADAUSDT-aggTrades-2024-03-12.zip, line 3: ids go back from" in told
    assert "ADAUSDT-aggTrades-2024-03-13.zip, line 2: ADAUSDT: aggregate" in told
    assert len(proven) == 2 * EACH_DAY
    found = json.loads(next(line for line in lines.splitlines() if line.startswith("{")))
    assert (found["symbol"], found["days"], found["missing"], found["gapped"]) == (OTHER, 5, 0, 0)
    lacking = {candle.open_ms for candle in proven if candle.status == "gapped"}
    assert {ms // DAY_MS * DAY_MS for ms in lacking} == {FIRST_MS + 13 * DAY_MS}
    found = newest_revisions(sent(past, OTHER))
    assert len(found) == 5 * EACH_DAY
    assert {candle.status for candle in found.values()} == {"complete", "quiet"}
    archives = [file for file in past.archives(OTHER, "1m") if TRADES in file.name]
    states = {file.name[-6:-4]: file.state for file in archives}
    assert states == {"09": "used", "10": "used", "11": "used", "12": "used", "13": "reissued"}


def test_the_size_of_a_file_is_told_before_it_is_fetched(past: Past) -> None:
    at_ms = FIRST_MS + DAY_MS  # in March, of which the exchange has a file

    async def sizes() -> list[int | None]:
        async with httpx.AsyncClient() as http:
            client = ArchiveClient(past.exchange.http_url, http)
            files = [month_file(name, None, at_ms) for name in (SYMBOL, "BTCUSDT")]
            return [await client.size(file) for file in files]

    path = month_file(SYMBOL, None, at_ms).path
    assert asyncio.run(sizes()) == [len(past.exchange.get(f"/{path}").content), None]


def test_live_candles_that_are_there_already_are_not_taken_for_those_of_the_run(
    past: Past, clickhouse: RunningClickHouse
) -> None:
    day_ms = FIRST_MS + 5 * DAY_MS
    asked = ("--symbols", SYMBOL, "--from", "2024-03-05", "--to", "2024-03-06", "--json")
    with sinks(past, clickhouse, "late"), clickhouse.client(database="late") as client:
        for interval in ("1m", "15m"):
            past.fill(SYMBOL, interval, day_ms, day_ms + DAY_MS)
        where = f"symbol = '{SYMBOL}' AND toDate(open_time) = '2024-03-05'"
        stored = f"SELECT uniqExact(interval, open_time) FROM klines WHERE {where}"  # noqa: S608
        wait_until(lambda: client.query(stored).result_rows[0][0] == EACH_DAY)
        client.command(
            "INSERT INTO candles SELECT * REPLACE (high + 1 AS high, 1 AS revision, "  # noqa: S608
            f"'complete' AS status, 'trades' AS source) FROM klines WHERE {where}"
        )
    before = count(past)
    process = start(past, clickhouse, "late", *asked)
    wait_until(lambda: count(past) >= before + EACH_DAY)
    with sinks(past, clickhouse, "late"):
        lines, _ = process.communicate()

    row = json.loads(next(line for line in lines.splitlines() if line.startswith("{")))
    assert (row["verified"], row["mismatch"]) == (EACH_DAY, 0), lines
    assert process.returncode == 0


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
