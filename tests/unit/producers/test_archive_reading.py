"""Official archive files: real ones read right, and what is wrong with others said."""

import asyncio
import io
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.binance.archive import archived_candles
from producers.binance.archive_names import day_file, month_file, named
from producers.binance.kline_csv import KlineFile, SetApart
from producers.history.archive_fetch import FileFiller
from schemas.candle_columns import CandleColumns, encode_candles
from schemas.codecs import _frame
from schemas.errors import PoisonMessage
from schemas.history import ArchiveFile
from schemas.timeframe import Interval
from tests.support.backfilling import DATA, DAY_MS, same

NEW_YEAR_2020_MS = 1_577_836_800_000
NEW_YEAR_2025_MS = 1_735_689_600_000
HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,tbv,tbqv,ignore\n"
ROW = "1735689600000,10,12,9,11,5,1735689659999,55,3,2,22,0\n"
NEXT = ROW.replace("1735689600000", "1735689660000").replace("1735689659999", "1735689719999")

LATER = ROW.replace("1735689600", "1735776000").replace("1735689659", "1735776059")


def a_file(interval: str = "1m", open_ms: int = NEW_YEAR_2025_MS) -> KlineFile:
    return KlineFile("BTCUSDT", Interval(interval), "archive-daily", open_ms, open_ms + DAY_MS)


def a_zip(text: str, *, members: int = 1) -> io.BytesIO:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(members):
            archive.writestr(f"{number}.csv", text)
    held.seek(0)
    return held


def no_row(row: SetApart) -> None:
    raise AssertionError(row)


def columns_of(text: str, file: KlineFile | None = None) -> list[CandleColumns]:
    return list(archived_candles(a_zip(text), file or a_file(), no_row))


def test_real_zip_of_2020_is_read_row_by_row() -> None:
    path = DATA / "BTCUSDT-1m-2020-01-01.zip"
    with path.open("rb") as held:
        parts = list(archived_candles(held, a_file(open_ms=NEW_YEAR_2020_MS), no_row))
    with zipfile.ZipFile(path) as archive:
        rows = archive.read(archive.namelist()[0]).decode().splitlines()

    assert [len(part) for part in parts] == [1440] == [len(rows)]
    for candle, row in zip(parts[0].candles(), rows, strict=True):
        assert same(candle, _typed(row, 1))


@pytest.mark.parametrize(
    ("day", "open_ms", "unit"),
    [("2024-12-31", NEW_YEAR_2025_MS - DAY_MS, 1), ("2025-01-01", NEW_YEAR_2025_MS, 1000)],
)
def test_real_rows_in_milliseconds_and_in_microseconds_are_read_alike(
    day: str, open_ms: int, unit: int
) -> None:
    text = (DATA / f"BTCUSDT-5m-{day}.csv").read_text()

    (part,) = columns_of(text, a_file("5m", open_ms))

    assert len(part) == 288
    for candle, row in zip(part.candles(), text.splitlines(), strict=True):
        assert same(candle, _typed(row, unit))


def _typed(row: str, unit: int) -> list[object]:
    cells: list[object] = list(row.split(","))
    for at in (0, 6):
        cells[at] = int(str(cells[at])) // unit
    cells[8] = int(str(cells[8]))
    return cells


MARK = "\ufeff"  # a byte order mark


@pytest.mark.parametrize("start", ["", HEADER, MARK, MARK + HEADER, '"Open time",' + HEADER[10:]])
def test_neither_a_header_nor_a_byte_order_mark_is_or_costs_a_candle(start: str) -> None:
    assert [len(part) for part in columns_of(start + ROW + NEXT)] == [2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LATER, "outside of the time"),
        (ROW.replace(",10,", ",1.123456789,"), "unreadable"),
        (ROW.replace(",10,", ",ten,"), "unreadable"),
        (ROW.replace(",10,", ",,"), "unreadable"),
        (ROW.replace(",10,", ",nan,"), "unreadable"),
        (ROW.replace(",10,", ",1e1,"), "unreadable"),
        (ROW.replace(",10,", ",+10,"), "unreadable"),
        (ROW.replace(",10,", ", 10,"), "unreadable"),
        ('"' + ROW, "unreadable"),
        ("-" + ROW, "outside of the time"),
        ("x" + ROW, "unreadable"),
        ("x" + ROW + NEXT, "unreadable"),
        (ROW + HEADER + NEXT, "unreadable"),
        (ROW + MARK + NEXT, "unreadable"),
        (ROW + NEXT.replace("1735689660000", "1735689660000000"), "microseconds"),
        (ROW.replace("1735689659999", "1735689659999999"), "microseconds"),
        ("1" * 1_000_000, "no end"),
        ("1,2,3\n", "unreadable"),
        ("", "unreadable"),
    ],
)
def test_a_row_that_cannot_be_read_refuses_the_file(text: str, says: str) -> None:
    with pytest.raises(PoisonMessage, match=says):
        columns_of(text)


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        (ROW, "not later"),
        (NEXT.replace(",12,9,", ",10,9,"), "contradict"),
        (NEXT.replace(",12,9,", ",12,10.5,"), "contradict"),
        (NEXT.replace("660000,", "674800,", 1), "does not open"),
        (NEXT.replace("719999", "720000"), "does not end"),
        (NEXT.replace(",5,", ",-5,"), "negative"),
        (NEXT.replace(",22,", ",-22,"), "negative"),
        (NEXT.replace(",3,", ",-3,"), "negative"),
        (NEXT.replace(",10,", ",-10,"), "not positive"),
        (NEXT.replace(",10,12,9,11,", ",0,0,0,0,"), "not positive"),
        (NEXT.replace(",10,", f",{2**63},"), "not positive"),
    ],
)
def test_a_row_that_is_no_candle_costs_itself_alone(odd: str, says: str) -> None:
    third = ROW.replace("1735689600000", "1735689720000").replace("659999", "779999")
    apart: list[SetApart] = []

    parts = list(archived_candles(a_zip(ROW + odd + third), a_file(), apart.append))

    opens = [candle.open_ms for part in parts for candle in part.candles()]
    assert opens == [NEW_YEAR_2025_MS, NEW_YEAR_2025_MS + 120_000]
    (row,) = apart
    assert says in row.reason
    assert row.open_ms == int(odd.split(",", maxsplit=1)[0])
    assert [Decimal(cell) for cell in row.row.split(",")] == [
        Decimal(cell) for cell in odd.split(",")[:-1]
    ]


def test_a_row_that_goes_back_does_not_make_the_next_one_late() -> None:
    third = ROW.replace("1735689600000", "1735689720000").replace("659999", "779999")
    apart: list[SetApart] = []

    (part,) = archived_candles(a_zip(NEXT + ROW + third), a_file(), apart.append)

    assert [row.open_ms for row in apart] == [NEW_YEAR_2025_MS]
    assert len(part) == 2


def test_zip_that_is_cut_short_or_flipped_or_holds_two_files_is_refused() -> None:
    whole = a_zip(ROW * 1).getvalue()
    for damaged in (whole[: len(whole) // 2], b"", b"PK\x03\x04", a_zip(ROW, members=2).getvalue()):
        with pytest.raises(PoisonMessage):
            list(archived_candles(io.BytesIO(damaged), a_file(), no_row))


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_flipped_byte_never_becomes_another_candle(place: int, flip: int) -> None:
    whole = bytearray(a_zip(ROW + NEXT).getvalue())
    right = [c for part in columns_of(ROW + NEXT) for c in part.candles()]
    whole[place % len(whole)] ^= flip
    try:
        parts = list(archived_candles(io.BytesIO(bytes(whole)), a_file(), no_row))
    except PoisonMessage:
        return

    assert [c for part in parts for c in part.candles()] == right


AMOUNTS = st.one_of(st.integers(0, 300), st.integers(0, 2**63 - 1), st.just(2**63 - 1))
VOLUMES = st.one_of(
    st.integers(0, 300), st.integers(0, 10**38 - 1), st.integers(0, 126).map(lambda n: 1 << n)
)


@given(
    st.lists(st.tuples(*[AMOUNTS] * 4, *[VOLUMES] * 4, st.integers(0, 2**62)), min_size=1),
    st.sampled_from(["BTCUSDT", "A"]),
    st.integers(0, 2**31 - 1),
)
def test_messages_made_in_bulk_are_those_made_one_by_one(
    rows: list[tuple[int, ...]], symbol: str, revision: int
) -> None:
    cells = list(zip(*rows, strict=True))
    prices = [np.array(column, np.int64) for column in cells[:4]]
    volumes = [
        np.frombuffer(b"".join(v.to_bytes(16, "little") for v in column), np.uint8).reshape(-1, 16)
        for column in cells[4:8]
    ]
    times = np.arange(len(rows), dtype=np.int64) * 60_000 + NEW_YEAR_2025_MS
    counts = np.array(cells[8], np.int64)
    columns = CandleColumns(
        symbol,
        "1m",
        60_000,
        "archive-monthly",
        times,
        *prices,
        *volumes[:2],
        counts,
        *volumes[2:],
        times + 59_999,
        revision,
    )

    assert encode_candles(columns) == [_frame(candle) for candle in columns.candles()]


def test_chosen_rows_keep_their_values() -> None:
    (columns,) = columns_of(ROW + NEXT)

    chosen = columns.select(np.array([False, True]))

    assert chosen.candles() == columns.candles()[1:]


def test_names_and_paths_are_those_of_the_exchange() -> None:
    month = month_file("BTCUSDT", Interval.ONE_MINUTE, NEW_YEAR_2025_MS)
    day = day_file("BTCUSDT", None, NEW_YEAR_2025_MS - 1)

    assert month.path == "data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2025-01.zip"
    assert day.path == "data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-12-31.zip"
    assert (month.open_ms, month.close_ms) == (NEW_YEAR_2025_MS, NEW_YEAR_2025_MS + 31 * DAY_MS)
    assert [named(f.name, "BTCUSDT", Interval.ONE_MINUTE) for f in (month, *month.by_days())] == [
        month,
        *month.by_days(),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2024",
        "2024-13",
        "2024-02-30",
        "2024-1",
        "2024-01-02-03",
        "",
        "x",
        "²⁰²⁴-01",
        "2024-01-",
        "-1",
    ],
)
def test_a_name_that_no_file_of_candles_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a file of 1m candles|month|day"):
        named(f"BTCUSDT-1m-{text}.zip", "BTCUSDT", Interval.ONE_MINUTE)


@pytest.mark.parametrize("name", ["ETHUSDT-1m-2024-01.zip", "2024-01", "BTCUSDT-1m-2024-01"])
def test_a_name_of_another_symbol_or_kind_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a file of 1m candles of BTCUSDT"):
        named(name, "BTCUSDT", Interval.ONE_MINUTE)


def test_source_says_whether_a_month_or_a_day_was_read() -> None:
    month = month_file("BTCUSDT", Interval.ONE_MINUTE, NEW_YEAR_2025_MS)

    assert month.source == "archive-monthly"
    assert {day.source for day in month.by_days()} == {"archive-daily"}
    assert replace(month, days=1).name == "BTCUSDT-1m-2025-01-01.zip"


def test_the_real_zip_is_there() -> None:
    assert (Path(DATA) / "BTCUSDT-1m-2020-01-01.zip").stat().st_size > 60_000


def test_a_file_of_a_name_that_none_has_is_not_looked_at_again_and_stops_nothing() -> None:
    about = ArchiveFile(
        "BTCUSDT-1m-2024.zip", "BTCUSDT", "1m", "archive-monthly", 1, 2, "0" * 64, 1, "used", 3, ""
    )
    ledger = SimpleNamespace(archives={about.name: about})
    track = SimpleNamespace(symbol="BTCUSDT", interval=Interval.ONE_MINUTE, notes=[])
    filler = FileFiller(cast("Any", None), cast("Any", SimpleNamespace(ledger=ledger)))

    asyncio.run(filler.look_again(cast("Any", track)))

    assert track.notes == []
