"""Parser of other providers' CSV files with daily history. Pure."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from schemas.errors import ConfigurationError
from schemas.timeframe import DAY_MS

FIELDS: Final = ("time", "open", "high", "low", "close", "volume", "market_cap")
# Known files: our field to the name of its column, in lower case.
PROVIDERS: Final[Mapping[str, Mapping[str, str]]] = {
    "messari": {
        "time": "timestamp",
        "open": "open",
        "high": "high",
        "low": "low",
        "close": "close",
        "volume": "volume",
    },
    "coingecko": {
        "time": "snapped_at",
        "close": "price",
        "market_cap": "market_cap",
        "volume": "total_volume",
    },
}
# Their rows hold what was true at a moment: the one of midnight is the close of the day before.
# The others' rows begin their day. Compare `schemas.coins.CoinDay`.
SNAPSHOTS: Final = frozenset({"coingecko"})
_EARLIEST_SECONDS: Final = 10**9  # 2001; a smaller number is a date without hyphens: 20210131
_LATEST_SECONDS: Final = 10**11
# ClickHouse's times end with 2299. Times in microseconds read as milliseconds lie far behind it.
_END_MS: Final = round(datetime(2300, 1, 1, tzinfo=UTC).timestamp() * 1000)
# Any other comma may be a decimal one: dropping it would make 1234,56 a hundred times too much.
_THOUSANDS: Final = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_MARKS: Final = ("Z", " UTC")


@dataclass(frozen=True, slots=True)
class ImportedDay:
    """One day from another provider; a value that its file lacks is None."""

    open_ms: int
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal
    volume: Decimal | None
    market_cap: Decimal | None


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file by our field names.

    Attributes:
        source: Name of the provider.
        named: Our field to the name of its column, in lower case.
    """

    source: str
    named: Mapping[str, str]

    def open_ms(self, time_ms: int) -> int:
        """Return the start of the day to which a row of this time belongs."""
        within_ms = time_ms - 1 if self.source in SNAPSHOTS else time_ms
        return within_ms - within_ms % DAY_MS


def columns_of(header: Iterable[str]) -> Columns:
    """Recognise a known provider's file by its header, and return its columns.

    Raises:
        ConfigurationError: The header is not one of a known provider.
    """
    found = {name.strip().lower() for name in header}
    for source, named in PROVIDERS.items():
        if set(named.values()) <= found:
            return Columns(source, named)
    raise ConfigurationError(
        f"the columns {', '.join(sorted(found))} are not those of a known provider "
        f"({', '.join(PROVIDERS)}): name them in a YAML file, --columns FILE"
    )


def mapped_columns(mapping: object) -> Columns:
    """Read columns from a mapping with ``source``, ``time``, ``close`` and any other field.

    Raises:
        ConfigurationError: A name is unknown, or one of the three is missing.
    """
    if not isinstance(mapping, dict):
        raise ConfigurationError("the columns are not a mapping: write lines such as close: Price")
    named = {str(key): str(value).strip().lower() for key, value in mapping.items()}
    source = named.pop("source", "")
    unknown = sorted(set(named) - set(FIELDS))
    if unknown or not source or not {"time", "close"} <= set(named):
        raise ConfigurationError(
            f"the columns need source, time and close, and may have {', '.join(FIELDS)}"
            + (f"; unknown: {', '.join(unknown)}" if unknown else "")
        )
    return Columns(source, named)


def read_days(lines: Iterable[str], columns: Columns | None) -> tuple[Columns, list[ImportedDay]]:
    """Return the columns of a file and its days, oldest first.

    Raises:
        ConfigurationError: A column is missing, a row cannot be read, or two rows are of one day;
            the message names it.
    """
    reader = _rows(lines)
    header = [name.strip().lower().removeprefix("\ufeff") for name in next(reader, [])]
    chosen = columns or columns_of(header)
    missing = sorted(set(chosen.named.values()) - set(header))
    if missing:
        raise ConfigurationError(f"the file has no column {', '.join(missing)}")
    places = {field: header.index(name) for field, name in chosen.named.items()}
    lines_of: dict[int, int] = {}
    days: list[ImportedDay] = []
    for number, day in _days(reader, places, chosen):
        if (earlier := lines_of.setdefault(day.open_ms, number)) != number:
            raise ConfigurationError(
                f"line {number} is of the same day as line {earlier}: keep one row a day, "
                "or export daily data"
            )
        days.append(day)
    return chosen, sorted(days, key=lambda day: day.open_ms)


def _rows(lines: Iterable[str]) -> Iterator[list[str]]:
    reader, begun = csv.reader(lines, skipinitialspace=True), 1
    try:
        for row in reader:
            yield row
            begun = reader.line_num + 1
    except csv.Error as error:
        raise ConfigurationError(
            f"line {begun} cannot be read: {error}; look for a quotation mark that is not closed"
        ) from error


def _days(
    reader: Iterable[list[str]], places: Mapping[str, int], columns: Columns
) -> Iterator[tuple[int, ImportedDay]]:
    for number, row in enumerate(reader, 2):
        if not row:
            continue
        try:
            cells = {field: row[place].strip() for field, place in places.items()}
            day = _day(cells, columns)
        except IndexError as error:
            raise ConfigurationError(f"line {number} has fewer cells than the header") from error
        except ValueError as error:
            raise ConfigurationError(f"line {number} cannot be read: {error}") from error
        if day is not None:
            yield number, day


def _day(cells: Mapping[str, str], columns: Columns) -> ImportedDay | None:
    close = _amount(cells["close"])
    if close is None:
        return None
    values = {
        name: _amount(cells.get(name, "")) for name in FIELDS if name not in {"time", "close"}
    }
    return ImportedDay(
        open_ms=columns.open_ms(_time_ms(cells["time"])),
        open=values["open"],
        high=values["high"],
        low=values["low"],
        close=close,
        volume=values["volume"],
        market_cap=values["market_cap"],
    )


def _amount(text: str) -> Decimal | None:
    plain = text.lstrip("$")
    if plain.lower() in {"", "null", "none", "nan", "-"}:
        return None
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    try:
        value = Decimal(plain).quantize(Decimal("1e-8"))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise ValueError(f"{text!r} is not an amount: write it as 1234.56 or 1,234.56")
    return value


def _time_ms(text: str) -> int:
    time_ms = _unchecked_ms(text)
    if not 0 <= time_ms < _END_MS:
        raise ValueError(
            f"the time {text} is not of the years 1970 to 2299: write seconds or milliseconds "
            "since 1970, or a date such as 2021-01-31"
        )
    return time_ms


def _unchecked_ms(text: str) -> int:
    if text.isdecimal():
        number = int(text)
        if number < _EARLIEST_SECONDS:
            raise ValueError(f"{text} may be a date: write it as 2021-01-31")
        return number * 1000 if number < _LATEST_SECONDS else number
    plain = text
    for mark in _MARKS:
        plain = plain.removesuffix(mark)
    moment = datetime.fromisoformat(plain)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
