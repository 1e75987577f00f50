"""The digest of a day: one text for everybody, and no digest where anything is missing."""

import hashlib
import io
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.binance.archive import archived_candles
from producers.binance.kline_csv import KlineFile, SetApart
from schemas.candle_columns import encode_candles
from schemas.codecs import decode
from schemas.day_digest import CANDLES_A_DAY, canonical, day_digests
from schemas.market import Candle
from schemas.timeframe import DAY_MS, MINUTE_MS, Interval
from tests.support.builders import a_candle
from tests.support.documents import code_of

DATA = Path(__file__).parents[2] / "data"
START = 1_577_836_800_000  # 2020-01-01


def a_day(**changes: object) -> list[Candle]:
    minutes = [a_candle(open_ms=START + n * MINUTE_MS) for n in range(CANDLES_A_DAY)]
    return [replace(minute, **changes) for minute in minutes]  # type: ignore[arg-type]


def official(day: int) -> list[Candle]:
    """The candles of a real daily archive."""
    opens = START + (day - 1) * DAY_MS
    about = KlineFile("BTCUSDT", Interval.ONE_MINUTE, "archive-daily", opens, opens + DAY_MS)
    held = io.BytesIO((DATA / f"BTCUSDT-1m-2020-01-0{day}.zip").read_bytes())
    apart: list[SetApart] = []
    parts = [encode_candles(columns) for columns in archived_candles(held, about, apart.append)]
    assert not apart
    return [decode(Candle, value) for part in parts for value in part]


def script(path: Path) -> list[str]:
    """What the script of the documents says of a file."""
    command = [sys.executable, "-c", code_of("proof.md", "python"), str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize("day", [1, 2, 3])
def test_the_script_of_the_documents_finds_our_digest_in_an_official_file(day: int) -> None:
    (ours,) = day_digests(official(day))

    assert (ours.symbol, ours.day, ours.candles) == ("BTCUSDT", f"2020-01-0{day}", 1440)
    assert script(DATA / f"BTCUSDT-1m-2020-01-0{day}.zip") == ["1440", ours.sha256]


def test_the_script_leaves_out_rounded_quote_volumes_too(tmp_path: Path) -> None:
    minutes = a_day(open_e8=100 * 10**8 + 1, volume_e8=10**7)
    path = tmp_path / "day.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("day.csv", "".join(map(kline_line, minutes)))

    (ours,) = day_digests(minutes)

    assert canonical(minutes).split("\n")[0] == f"{START},100.00000001,103,99,101,0.1,,4,2,"
    assert script(path) == ["1440", ours.sha256]


def kline_line(candle: Candle) -> str:
    e8 = [
        f"{value // 10**8}.{value % 10**8:08d}"
        for value in (
            *(candle.open_e8, candle.high_e8, candle.low_e8, candle.close_e8, candle.volume_e8),
            *(candle.quote_volume_e8, candle.taker_buy_volume_e8),
            candle.taker_buy_quote_volume_e8,
        )
    ]
    prices, (volume, quote, taker, taker_quote) = e8[:4], e8[4:]
    opened, closed = candle.open_ms * 1000, candle.close_ms * 1000 - 1
    cells = [opened, *prices, volume, closed, quote, candle.trade_count, taker, taker_quote, 0]
    return ",".join(map(str, cells)) + "\n"


def test_the_text_is_as_the_documents_say() -> None:
    minutes = a_day(open_e8=100 * 10**8 + 5 * 10**6, volume_e8=5 * 10**8 + 10**5)
    text = canonical(minutes)

    assert text.startswith(f"{START},100.05,103,99,101,5.001,503,4,2,201\n")
    assert text.count("\n") == 1440
    (found,) = day_digests(minutes)
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()


@given(minute=st.integers(0, 1439), status=st.sampled_from(["gapped", "open", None]))
def test_a_day_that_lacks_a_minute_has_no_digest(minute: int, status: str | None) -> None:
    whole = a_day()
    changed = [] if status is None else [replace(whole[minute], status=status)]
    minutes = whole[:minute] + changed + whole[minute + 1 :]

    (found,) = day_digests(minutes)

    assert (found.candles, found.sha256) == (1439, None)


FIELDS = [
    *("open_e8", "high_e8", "low_e8", "close_e8", "volume_e8", "quote_volume_e8", "trade_count"),
    *("taker_buy_volume_e8", "taker_buy_quote_volume_e8"),
]


WHOLE = a_day(), next(day_digests(a_day()))


@given(minute=st.integers(0, 1439), name=st.sampled_from(FIELDS))
def test_every_field_of_every_minute_counts(minute: int, name: str) -> None:
    whole, before = WHOLE
    other = [*whole]
    other[minute] = replace(whole[minute], **{name: getattr(whole[minute], name) + 10**7})  # type: ignore[arg-type]

    (after,) = day_digests(other)

    assert before.sha256 != after.sha256


def test_where_a_candle_comes_from_does_not_count() -> None:
    ours = a_day()
    theirs = a_day(
        status="official",
        source="rest",
        revision=1,
        first_trade_id=-1,
        last_trade_id=-1,
        price_variation_e16=None,
    )

    assert next(day_digests(ours)).sha256 == next(day_digests(theirs)).sha256
