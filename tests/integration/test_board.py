from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from clickhouse_connect.driver.client import Client

from candlewick.store.admin import apply_migrations
from candlewick.terminal.board import EMPTY, GapCount, Predicted, read_board
from clients.clickhouse import connect_reader, connect_writer
from schemas.settings import ClickHouseSettings
from tests.support.servers import running_clickhouse

# Of today: the table of open candles forgets those of yesterday.
OPEN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
NOW = OPEN + timedelta(minutes=7)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseSettings]:
    with running_clickhouse(tmp_path_factory.mktemp("board") / "data") as server:
        found = ClickHouseSettings.model_validate(
            {
                "url": server.url,
                "user": server.user,
                "password": server.password,
                "reader_user": server.reader,
                "reader_password": server.reader_password,
            }
        )
        apply_migrations(found)
        yield found


@pytest.fixture
def writer(settings: ClickHouseSettings) -> Iterator[Client]:
    with connect_writer(settings) as client:
        for table in ("trades", "candles", "candles_live", "gaps", "predictions"):
            client.command(f"TRUNCATE TABLE {table}")
        yield client


def insert(client: Client, table: str, *rows: dict[str, object]) -> None:
    names = list(rows[0])
    client.insert(table, [[row[name] for name in names] for row in rows], column_names=names)


def a_candle(**changes: object) -> dict[str, object]:
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), Decimal("2.5"))
    times = {"open_time": OPEN, "close_time": OPEN + timedelta(minutes=15), "event_time": NOW}
    named = {"symbol": "BTCUSDT", "interval": "15m", "status": "open", "revision": 0}
    return prices | times | named | changes


def test_an_empty_store_is_an_empty_board(settings: ClickHouseSettings, writer: Client) -> None:
    assert writer.ping()
    with connect_reader(settings) as reader:
        assert read_board(reader) == EMPTY


def test_the_newest_state_of_the_open_candle_is_shown(
    settings: ClickHouseSettings, writer: Client
) -> None:
    older = a_candle(event_time=NOW - timedelta(seconds=1), close=Decimal(1))
    insert(writer, "candles_live", older, a_candle(close=Decimal(3)))

    with connect_reader(settings) as reader:
        candle = read_board(reader).open["BTCUSDT"]

    assert (candle.last, candle.close_ms - candle.event_ms) == (Decimal(3), 8 * 60_000)


def test_the_last_closed_candle_is_of_15_minutes_where_there_is_one(
    settings: ClickHouseSettings, writer: Client
) -> None:
    minute = a_candle(interval="1m", status="complete", revision=1)
    before = a_candle(open_time=OPEN - timedelta(minutes=15), status="gapped", revision=1)
    insert(writer, "candles", minute, minute | {"symbol": "ETHUSDT"}, before)
    insert(writer, "candles", before | {"status": "complete", "revision": 2})

    with connect_reader(settings) as reader:
        closed = read_board(reader).closed

    assert (closed["BTCUSDT"].interval, closed["BTCUSDT"].status) == ("15m", "complete")
    assert closed["ETHUSDT"].interval == "1m"


def test_the_prediction_is_the_newest_of_who_speaks_about_the_open_candle(
    settings: ClickHouseSettings, writer: Client
) -> None:
    insert(writer, "candles_live", a_candle(), a_candle(symbol="ETHUSDT"))
    times = {"open_time": OPEN, "close_time": OPEN + timedelta(minutes=15)}
    newest = times | {"symbol": "BTCUSDT", "interval": "15m", "issued_time": NOW, "model": "online"}
    newest |= {"champion": True, "low_90": Decimal("2.25"), "high_90": Decimal(3)}
    insert(
        writer,
        "predictions",
        newest,
        newest | {"issued_time": NOW - timedelta(minutes=1), "low_90": Decimal(1)},
        newest | {"model": "batch", "champion": False, "low_90": Decimal(1)},
        newest | {"symbol": "ETHUSDT", "open_time": OPEN - timedelta(minutes=15)},
    )

    with connect_reader(settings) as reader:
        predicted = read_board(reader).predicted

    open_ms = int(OPEN.timestamp()) * 1000
    assert predicted == {"BTCUSDT": Predicted("BTCUSDT", open_ms, Decimal("2.25"), Decimal(3))}


def test_speed_and_delay_are_those_of_ten_seconds_of_which_every_trade_is_stored(
    settings: ClickHouseSettings, writer: Client
) -> None:
    insert(writer, "candles_live", a_candle())
    trades = [
        {
            "symbol": "BTCUSDT",
            "agg_id": n,
            "event_time": NOW - timedelta(seconds=n),
            "stored_time": NOW - timedelta(seconds=n, milliseconds=-80),
        }
        for n in range(5, 60)  # the newest five seconds are inserted next
    ]
    insert(writer, "trades", *trades)

    with connect_reader(settings) as reader:
        board = read_board(reader)

    assert board.flow["BTCUSDT"].trades_per_s == 1.0
    assert board.total.typical_ms == 80


def test_a_gap_whose_repair_was_interrupted_is_repaired_with_its_rest(
    settings: ClickHouseSettings, writer: Client
) -> None:
    states = [(5, 9, "found"), (7, 12, "found"), (7, 12, "repaired"), (20, 21, "found")]
    states += [(14, 15, "found"), (14, 15, "given-up"), (16, 17, "found"), (16, 17, "repaired")]
    rows = [
        {"symbol": "BTCUSDT", "first_agg_id": first, "last_agg_id": last, "state": state}
        for first, last, state in states
    ]
    insert(writer, "gaps", *rows)

    with connect_reader(settings) as reader:
        gaps = read_board(reader).gaps

    assert gaps == {"BTCUSDT": GapCount("BTCUSDT", found=5, repaired=3, given_up=1)}


def test_a_gap_of_a_new_era_is_not_repaired_by_higher_ids_of_the_old_one(
    settings: ClickHouseSettings, writer: Client
) -> None:
    states = [(500, "found", 0), (500, "repaired", 0), (7, "new-era", 1), (9, "found", 1)]
    rows = [
        {"symbol": "ERAUSDT", "first_agg_id": at, "last_agg_id": at, "state": state, "era": era}
        for at, state, era in states
    ]
    insert(writer, "gaps", *rows)

    with connect_reader(settings) as reader:
        gaps = read_board(reader).gaps

    assert gaps["ERAUSDT"] == GapCount("ERAUSDT", found=2, repaired=1, given_up=0)
