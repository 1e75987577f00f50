"""`candlewick import`: imports daily history from another provider's CSV file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
import yaml

from candlewick.offline.provider_csv import FIELDS, ImportedDay, mapped_columns, read_days
from candlewick.offline.replay.lines import damage_told
from candlewick.stack.local_settings import reader_settings
from clients.clickhouse import LONGEST_S, answered, connect_writer
from clients.clickhouse_errors import writer_login
from schemas.errors import ConfigurationError

_COLUMNS = (
    "source",
    "symbol",
    "interval",
    "open_time",
    "close_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "market_cap",
    "file",
)
_DAY = timedelta(days=1)
_FIELDS = ", ".join(FIELDS)


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV file of another provider.")],
    *,
    symbol: Annotated[str, typer.Option(help="Pair of the file, for example BTCUSDT.")],
    columns: Annotated[
        Path | None,
        typer.Option(help=f"YAML for other headings: source, and the column of {_FIELDS}."),
    ] = None,
) -> None:
    """Import daily history of Messari, CoinGecko or others into the table imported_candles.

    A row of CoinGecko is what was true at midnight: it becomes the close of the day that ends then.
    """
    mapping = None if columns is None else mapped_columns(_yaml(columns))
    try:
        with damage_told(file), file.open(encoding="utf-8-sig", newline="") as lines:
            found, days = read_days(lines, mapping)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 text: {error}") from error
    if not days:
        raise ConfigurationError(f"{file} has no day with a price")
    rows = [_row(day, found.source, symbol.upper(), file.name) for day in days]
    settings = reader_settings().clickhouse
    with connect_writer(settings) as client:
        answered(
            writer_login(settings),
            "insert into imported_candles",
            lambda: client.insert("imported_candles", rows, _COLUMNS),
            limit_s=LONGEST_S,
        )
    first, last = (_moment(day.open_ms).date() for day in (days[0], days[-1]))
    typer.echo(f"{len(days):,} days of {symbol.upper()} from {found.source}, {first} to {last}")


def _yaml(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _row(day: ImportedDay, source: str, symbol: str, file: str) -> list[object]:
    opened = _moment(day.open_ms)
    prices = [day.open, day.high, day.low, day.close, day.volume, day.market_cap]
    return [source, symbol, "1d", opened, opened + _DAY, *prices, file]


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
