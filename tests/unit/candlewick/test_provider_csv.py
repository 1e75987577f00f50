"""Other providers' exports: known by their columns, or by a mapping; never guessed."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from candlewick.commands.import_file import import_file
from candlewick.offline.provider_csv import PROVIDERS, mapped_columns, read_days
from schemas.errors import ConfigurationError
from tests.support.documents import DOCS, code_of

MESSARI = """timestamp,open,high,low,close,volume
2021-01-02 00:00:00,29374.15,33155.11,29091.18,32127.26,67865420765
2021-01-01 00:00:00,28923.63,29600.62,28624.57,29331.69,
"""
COINGECKO = """snapped_at,price,market_cap,total_volume
2021-01-01 00:00:00 UTC,29022.66,539438008997.3,43503516563.06
2021-01-02 00:00:00 UTC,29352.12,545593282215.6,34089717988.7
2021-01-03 00:00:00 UTC,,,
"""
HEADER = "timestamp,open,high,low,close,volume\n"


def test_the_columns_of_the_documents_are_understood() -> None:
    columns = mapped_columns(yaml.safe_load(code_of("operations.md", "yaml")))

    assert columns.source == "my-provider"
    assert columns.named == {"time": "date", "close": "last price", "volume": "volume (btc)"}


@pytest.mark.parametrize("source", PROVIDERS)
def test_the_headings_of_a_known_provider_stand_in_the_documents(source: str) -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.lower().startswith(f"| {source} |"))

    assert set(re.findall(r"`(\w+)`", row)) == set(PROVIDERS[source].values())


def test_messari_is_known_by_its_columns_and_sorted() -> None:
    columns, days = read_days(MESSARI.splitlines(), None)

    assert columns.source == "messari"
    assert [day.open_ms for day in days] == [1_609_459_200_000, 1_609_545_600_000]
    assert days[0].volume is None
    assert days[1].high == Decimal("33155.11")


def test_coingecko_has_only_closes_and_a_day_without_price_is_left_out() -> None:
    columns, days = read_days(COINGECKO.splitlines(), None)

    assert columns.source == "coingecko"
    assert [day.close for day in days] == [Decimal("29022.66"), Decimal("29352.12")]
    assert days[0].open is None
    assert days[0].market_cap == Decimal("539438008997.3")


def test_midnight_of_coingecko_is_the_close_of_the_day_that_ends_then() -> None:
    _, messari = read_days(MESSARI.splitlines(), None)
    _, coingecko = read_days(COINGECKO.splitlines(), None)

    same = {day.open_ms: day.close for day in messari}
    new_year = coingecko[1]
    assert new_year.open_ms == 1_609_459_200_000  # snapped at the 2nd of January, 00:00
    assert abs(new_year.close / same[new_year.open_ms] - 1) < Decimal("0.001")


def test_coingecko_by_a_mapping_means_the_same_days() -> None:
    columns = mapped_columns({"source": "coingecko", "time": "snapped_at", "close": "price"})

    assert [day.open_ms for day in read_days(COINGECKO.splitlines(), columns)[1]] == [
        day.open_ms for day in read_days(COINGECKO.splitlines(), None)[1]
    ]


@pytest.mark.parametrize("text", ["20210131", "2021", "0"])
def test_a_date_without_hyphens_is_no_day_of_1970(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"line 2 .* {text} may be a date: write it as"):
        read_days([HEADER, f"{text},1,1,1,1,1"], None)


def test_snapshot_within_a_day_belongs_to_that_day() -> None:
    lines = ["snapped_at,price,market_cap,total_volume", "2021-01-02 13:05:00 UTC,1,1,1"]

    assert read_days(lines, None)[1][0].open_ms == 1_609_545_600_000


def test_mapping_names_the_columns_of_any_other() -> None:
    columns = mapped_columns({"source": "investing", "time": "Date", "close": "Price"})
    lines = ["Date,Price", '1609459200,"29,331.7"', '1609545600,"$1,029,331"', "1609632000,1e5"]
    found, days = read_days(lines, columns)

    assert found.source == "investing"
    assert [day.close for day in days] == [Decimal(n) for n in ("29331.7", "1029331", "100000")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("date,value\n1,2", "not those of a known provider"),
        ("timestamp,open,high,low,close,volume\n2021-13-01,1,1,1,1,1", "line 2"),
        ("timestamp,open,high,low,close,volume\n2021-01-01,1,1,1,-1,1", "line 2"),
        ("timestamp,open,high,low,close,volume\n2021-01-01,1", "line 2"),
        (HEADER + '2021-01-01,1,1,1,"1234,56",1', "line 2 .* write it as 1234.56"),
        (HEADER + '2021-01-01,1,1,1,"1.234,56",1', "line 2 .* write it as 1234.56"),
        (HEADER + '2021-01-01,1,1,1,"12,34,567",1', "line 2 .* write it as 1234.56"),
        (
            HEADER + "2021-01-01T00:00,1,1,1,1,1\n2021-01-02,1,1,1,1,1\n2021-01-01T01:00,1,1,1,2,1",
            "line 4 is of the same day as line 2: keep one row a day",
        ),
        (HEADER + "1609459200000000,1,1,1,1,1", "line 2 .* write seconds or milliseconds"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        read_days(text.splitlines(), None)


@pytest.mark.parametrize("mapping", [None, {"source": "x"}, {"time": "a", "close": "b"}])
def test_mapping_without_the_three_names_is_refused(mapping: object) -> None:
    with pytest.raises(ConfigurationError):
        mapped_columns(mapping)


def test_unknown_field_of_a_mapping_is_named() -> None:
    with pytest.raises(ConfigurationError, match="clsoe"):
        mapped_columns({"source": "x", "time": "a", "close": "b", "clsoe": "c"})


def test_a_quotation_mark_that_is_not_closed_is_told_with_its_line() -> None:
    text = 'price date,close\n2021-01-01,"1\n' + "2021-01-02,2\n" * 20_000
    columns = mapped_columns({"source": "x", "time": "price date", "close": "close"})

    with pytest.raises(ConfigurationError, match=r"line 2 cannot be read: .*not closed"):
        read_days(text.splitlines(keepends=True), columns)


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a folder"):
        import_file(tmp_path, symbol="BTCUSDT")
