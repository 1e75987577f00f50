"""Reads past 1m candles from ClickHouse: our own where they are complete, else the exchange's."""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from types import TracebackType
from typing import Self, TypeVar, cast

from clients.clickhouse import answered, connect_writer
from clients.clickhouse_errors import writer_login
from schemas.errors import ConfigurationError, ContractMismatch, Transient
from schemas.market import Candle, CandleSource
from schemas.settings import ClickHouseSettings
from schemas.timeframe import Interval

_MINUTE = Interval.ONE_MINUTE
_ANSWER_S = 60.0  # a whole answer
_AnswerT = TypeVar("_AnswerT")
# price_variation times 10^16 leaves Decimal128 above 1.7 million, and ClickHouse does not tell.
_COLUMNS = """
    toUnixTimestamp64Milli(open_time) AS open_ms,
    toInt64(open * 100000000), toInt64(high * 100000000), toInt64(low * 100000000),
    toInt64(close * 100000000), toInt128(volume * 100000000), toInt128(quote_volume * 100000000),
    trade_count, toInt128(taker_buy_volume * 100000000),
    toInt128(taker_buy_quote_volume * 100000000), first_trade_id, last_trade_id,
    reinterpretAsInt128(price_variation), status, revision, source
"""
_STORED = """
    WHERE interval = '1m' AND symbol = {symbol:String} AND status != 'gapped'
        AND open_time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
"""
# rank is the one rule for the best candle; the view candles_best and the API go by it as well.
_CANDLES = f"""
    SELECT {_COLUMNS} FROM candles_ranked FINAL {_STORED}
    ORDER BY open_time, rank LIMIT 1 BY open_time
"""  # noqa: S608 - our own words
_MINUTES = f"""
    SELECT arrayMap(since -> arrayCount(at -> at >= since, opens), {{since:Array(Int64)}}) FROM
    (
        SELECT groupUniqArray(toUnixTimestamp64Milli(open_time)) AS opens
        FROM candles_ranked {_STORED}
    )
"""  # noqa: S608 - our own words
_SCORED = """
    SELECT DISTINCT toUnixTimestamp64Milli(open_time) FROM scores
    WHERE symbol = {symbol:String} AND interval = '15m' AND model = 'reference'
        AND open_time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
"""
_NEWEST_SCORE = """
    SELECT toUnixTimestamp64Milli(max(open_time)) FROM scores WHERE symbol = {symbol:String}
"""
_LISTED = """
SELECT toUnixTimestamp64Milli(max(greatest(close_time, ifNull(after_time, close_time))))
FROM holes WHERE symbol = {symbol:String} AND interval = '1m' AND kind = 'unlisted'"""
_NEWEST_CANDLE = """
    SELECT toUnixTimestamp64Milli(max(newest)) FROM
    (
        SELECT max(open_time) AS newest FROM candles
        WHERE interval = '1m' AND symbol = {symbol:String}
        UNION ALL
        SELECT max(open_time) AS newest FROM klines
        WHERE interval = '1m' AND symbol = {symbol:String}
    )
"""


class History:
    """A connection to ClickHouse; use it in a ``with`` block.

    Raises:
        Transient: ClickHouse does not answer. Every method may raise this.
    """

    def __init__(self, settings: ClickHouseSettings, *, answer_s: float = _ANSWER_S) -> None:
        """Connect to ClickHouse.

        Args:
            settings: Address and account of the server.
            answer_s: Time limit for a whole answer, in seconds.
        """
        self._login = writer_login(settings)
        self._answer_s = answer_s
        self._client = self._ask(lambda: connect_writer(settings, silence_s=ceil(answer_s)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def candles(self, symbol: str, *, from_ms: int, until_ms: int) -> list[Candle]:
        """Return the stored 1m candles of ``[from_ms, until_ms)``, oldest first."""
        found = self._rows(_CANDLES, {"symbol": symbol, "from_ms": from_ms, "until_ms": until_ms})
        return [_candle(symbol, row) for row in found]

    def minutes(self, symbol: str, *, since_ms: Sequence[int], until_ms: int) -> list[int]:
        """Return the number of stored 1m candles from each ``since_ms`` to ``until_ms``."""
        asked = {"symbol": symbol, "since": list(since_ms), "from_ms": min(since_ms)}
        ((counts,),) = self._rows(_MINUTES, asked | {"until_ms": until_ms})
        return [int(str(count)) for count in counts] if isinstance(counts, Sequence) else []

    def scored(self, symbol: str, *, from_ms: int) -> set[int]:
        """Return the opening times of the candles whose predictions have scores."""
        found = self._rows(_SCORED, {"symbol": symbol, "from_ms": from_ms})
        return {int(str(row[0])) for row in found}

    def newest_score_ms(self, symbol: str) -> int:
        """Return the opening time of the newest candle with a score, 0 if there is none."""
        return int(str(self._rows(_NEWEST_SCORE, {"symbol": symbol})[0][0]))

    def newest_close_ms(self, symbol: str) -> int | None:
        """Return the closing time of the newest stored candle, None if there is none."""
        open_ms = int(str(self._rows(_NEWEST_CANDLE, {"symbol": symbol})[0][0]))
        return open_ms + Interval.ONE_MINUTE.ms if open_ms else None

    def listed_ms(self, symbol: str) -> int:
        """Return since when a symbol is traded, 0 if it is not known to be young."""
        return int(str(self._rows(_LISTED, {"symbol": symbol})[0][0]))

    def _rows(self, query: str, parameters: Mapping[str, object]) -> list[tuple[object, ...]]:
        found = self._ask(lambda: self._client.query(query, dict(parameters)).result_rows)
        return [tuple(row) for row in found]

    def _ask(self, call: Callable[[], _AnswerT]) -> _AnswerT:
        try:
            return answered(self._login, "history", call, limit_s=self._answer_s)
        except (ConfigurationError, ContractMismatch) as error:
            # Predictions go on without their past, and who mends the store needs no restart.
            raise Transient(str(error)) from error


def _candle(symbol: str, row: tuple[object, ...]) -> Candle:
    # The query casts all of these to integers; what is missing counts as 0.
    numbers = [value or 0 for value in cast("tuple[int | None, ...]", row[:12])]
    open_ms, o, h, low, c, volume, quote, count, buy, buy_quote, first, last = numbers
    variation, status, revision, source = cast("tuple[int | None, str, int, str]", row[12:])
    return Candle(
        symbol=symbol,
        interval=_MINUTE.value,
        open_ms=open_ms,
        close_ms=open_ms + _MINUTE.ms,
        open_e8=o,
        high_e8=h,
        low_e8=low,
        close_e8=c,
        volume_e8=volume,
        quote_volume_e8=quote,
        trade_count=count,
        taker_buy_volume_e8=buy,
        taker_buy_quote_volume_e8=buy_quote,
        first_trade_id=first,
        last_trade_id=last,
        price_variation_e16=variation if source == CandleSource.TRADES.value else None,
        status=status,
        revision=revision,
        source=source,
        event_ms=open_ms + _MINUTE.ms,
    )
