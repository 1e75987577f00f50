"""What can be exported, and the SQL for each. Pure.

Rows come from what the API serves, too: the best candles, the exchange's best klines, trades once
each, the predictions that are scored, and scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from candlewick.offline.export.periods import Grain, Period
from schemas.errors import ConfigurationError
from schemas.table_columns import CANDLE_VALUES, PREDICTION, SCORE, TRADE
from schemas.timeframe import FETCHED, Interval, parse_interval

DIGEST: Final = "row_digest"
_STORED: Final = (Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES)
_CANDLE: Final = (
    *("symbol", "interval", "open_time", "close_time"),
    *CANDLE_VALUES,
    *("status", "revision", "source"),
)
# Those that are exported are all scored.
_PREDICTION: Final = tuple(column for column in PREDICTION if column != "scored")


class Kind(StrEnum):
    """A kind of rows, named as in the command."""

    CANDLES = "candles"
    KLINES = "klines"
    TRADES = "trades"
    PREDICTIONS = "predictions"
    SCORES = "scores"


@dataclass(frozen=True, slots=True)
class Dataset:
    """The rows of one kind, and of one interval where there are several.

    Attributes:
        table: Table or view, with FINAL where rows may be there twice.
        time: The column by which rows belong to a period.
        order: Order of the rows inside a file.
        grain: Whether a file holds a month or a day.
        interval: Only this one; None where the kind has but one.
        where: A further condition.
    """

    kind: Kind
    table: str
    columns: tuple[str, ...]
    time: str
    order: str
    grain: Grain
    interval: Interval | None = None
    where: str = "true"

    @property
    def folders(self) -> tuple[str, ...]:
        """Columns that the names of folders hold, and a Parquet file does not."""
        return ("symbol",) if self.interval is None else ("interval", "symbol")

    @property
    def name(self) -> str:
        """The kind, with its interval."""
        return self.kind.value if self.interval is None else f"{self.kind.value} {self.interval}"

    def path(self, symbol: str, period: Period, suffix: str) -> str:
        """Return where a file belongs, in Hive's layout."""
        interval = [] if self.interval is None else [f"interval={self.interval}"]
        folders = (self.kind.value, *interval, f"symbol={symbol}", f"month={period.month}")
        return "/".join((*folders, f"{period.file_name}.{suffix}"))

    def rows_sql(self) -> str:
        """Return the query for the rows of a file, each with its digest."""
        columns = ", ".join(self.columns)
        return (
            f"SELECT {columns}, {self._digest} AS {DIGEST} FROM {self.table} "  # noqa: S608 - ours
            f"WHERE {self._of_file} ORDER BY {self.order}"
        )

    def held_sql(self) -> str:
        """Return the query for what the store holds of a file: rows, digest, both ends."""
        ends = ", ".join(f"toUnixTimestamp64Milli({end}({self.time}))" for end in ("min", "max"))
        return (
            f"SELECT count(), sum({self._digest}), {ends} "  # noqa: S608 - ours
            f"FROM {self.table} WHERE {self._of_file}"
        )

    def periods_sql(self) -> str:
        """Return the query for the symbols and the begins of the periods that have rows."""
        begin = "toStartOfMonth" if self.grain is Grain.MONTH else "toDate"
        return (
            f"SELECT symbol, {begin}({self.time}) AS begin FROM {self.table.removesuffix(' FINAL')} "  # noqa: E501, S608 - ours
            f"WHERE {self._of_kind} AND (empty({{symbols:Array(String)}}) "
            "OR symbol IN {symbols:Array(String)}) GROUP BY symbol, begin ORDER BY symbol, begin"
        )

    def bound(self, symbol: str, period: Period) -> Mapping[str, object]:
        """Return the values of a file's queries."""
        return {"symbol": symbol, "from_ms": period.start_ms, "until_ms": period.end_ms}

    @property
    def _digest(self) -> str:
        # Of a tuple: of arguments, one that is NULL would make it NULL.
        return f"cityHash64(tuple({', '.join(self.columns)}))"

    @property
    def _of_kind(self) -> str:
        interval = "true" if self.interval is None else f"interval = '{self.interval.value}'"
        return f"{interval} AND {self.where}"

    @property
    def _of_file(self) -> str:
        return (
            f"{self._of_kind} AND symbol = {{symbol:String}} "
            f"AND {self.time} >= fromUnixTimestamp64Milli({{from_ms:Int64}}, 'UTC') "
            f"AND {self.time} < fromUnixTimestamp64Milli({{until_ms:Int64}}, 'UTC')"
        )


def datasets(kind: Kind, intervals: str | None) -> tuple[Dataset, ...]:
    """Return what a command asks for.

    Args:
        kind: What is exported.
        intervals: Names with commas between; None for 15m, or where the kind has no intervals.

    Raises:
        ConfigurationError: An interval is unknown, or the kind has none.
    """
    if kind in (Kind.CANDLES, Kind.KLINES):
        known = tuple(Interval) if kind is Kind.CANDLES else FETCHED
        names = (intervals or Interval.FIFTEEN_MINUTES).replace(" ", "").split(",")
        found = dict.fromkeys(parse_interval(name, known) for name in names)
        return tuple(_candles(kind, interval) for interval in found)
    if intervals is not None:
        raise ConfigurationError(f"{kind} have no interval to choose: leave --interval out")
    return (_OTHERS[kind],)


def _candles(kind: Kind, interval: Interval) -> Dataset:
    table = f"candles_{interval.value}"
    if kind is Kind.KLINES:
        table = "klines_best"
    elif interval in _STORED:
        table = "candles_best"
    grain = Grain.MONTH
    if interval is Interval.ONE_SECOND:
        table, grain = "candles_1s FINAL", Grain.DAY
    return Dataset(kind, table, _CANDLE, "open_time", "open_time", grain, interval)


_OTHERS: Final = {
    # Of the key, in its order: so ClickHouse need not hold a day of trades to sort it.
    Kind.TRADES: Dataset(
        Kind.TRADES, "trades FINAL", TRADE, "event_time", "agg_id, era", Grain.DAY
    ),
    # Those between two minutes are for display, and deleted after two days.
    Kind.PREDICTIONS: Dataset(
        Kind.PREDICTIONS,
        "predictions FINAL",
        _PREDICTION,
        "open_time",
        "open_time, issued_time, model",
        Grain.MONTH,
        where="scored",
    ),
    Kind.SCORES: Dataset(
        Kind.SCORES,
        "scores FINAL",
        SCORE,
        "open_time",
        "open_time, issued_time, model",
        Grain.MONTH,
    ),
}
