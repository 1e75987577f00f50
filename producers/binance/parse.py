"""Parser of Binance's wire format: bytes in, domain values out. No socket, no clock.

Source: binance-spot-api-docs, web-socket-streams.md and rest-api.md; binance-public-data, README.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson

from producers.binance.numbers import in_int64, to_e8, to_ms
from schemas.errors import PoisonMessage
from schemas.market import NO_TRADE_ID, Candle, CandleSource, CandleStatus, Trade
from schemas.rules.checks import check_time
from schemas.timeframe import Interval
from schemas.validation import validate

ValueT = TypeVar("ValueT")
UNKNOWN_MS: Final = -1
UNREADABLE: Final = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
AGG_TRADE_COLUMNS: Final = (7, 8)  # older archive files have no "best match"


class ShutdownNotice:
    """Notice that the exchange will soon close this connection."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One websocket frame.

    Attributes:
        sent_ms: The exchange's event time; -1 unless the frame is a complete one of a known
            market stream, because a time that cannot be checked is not used.
        value: A trade, a closed candle, a shutdown notice, or None for a frame without use here.
        trade_ids_to: Newest trade id in a candle frame, open or closed; else -1.
        stream: Kind of the stream; with the symbol it identifies the sender.
    """

    sent_ms: int
    value: Trade | Candle | ShutdownNotice | None
    symbol: str = ""
    trade_ids_to: int = NO_TRADE_ID
    stream: str = ""


def parse_frame(raw: bytes) -> Frame:
    """Parse one frame of a raw or combined stream.

    Raises:
        PoisonMessage: Not JSON, a field is missing, a number is out of range, or the content
            cannot be true; see `schemas.validation`.
    """
    try:
        data = orjson.loads(raw)
        data = data.get("data", data)
        read = _READERS.get(data.get("e"))
        return read(data) if read else Frame(UNKNOWN_MS, None)
    except UNREADABLE as error:
        raise PoisonMessage(f"frame unreadable: {error!r}", raw=raw) from error


def parse_agg_trades(
    raw: bytes, symbol: str, refuse: Callable[[PoisonMessage], None] | None = None
) -> list[Trade]:
    """Parse the answer of ``GET /api/v3/aggTrades``.

    Args:
        raw: Body of the answer.
        symbol: The symbol that was requested.
        refuse: Called with each unusable row, so that the others are returned; if None, one such
            row makes the whole answer unreadable.

    Raises:
        PoisonMessage: The body is not such an answer.
    """
    return _rows(raw, lambda row: _agg_trade(row, symbol), refuse)


def parse_klines(
    raw: bytes,
    symbol: str,
    interval: Interval,
    refuse: Callable[[PoisonMessage], None] | None = None,
) -> list[Candle]:
    """Parse the answer of ``GET /api/v3/klines``; the last candle may still be open.

    Its rows have no trade ids: first and last are -1. Arguments and errors are those of
    `parse_agg_trades`.
    """
    return _rows(raw, lambda row: _kline_row(row, symbol, interval), refuse)


def parse_server_ms(raw: bytes) -> int:
    """Parse the answer of ``GET /api/v3/time``.

    Raises:
        PoisonMessage: The body is not such an answer.
    """
    return _answer(raw, lambda body: to_ms(body["serverTime"]))


def parse_error_code(raw: bytes) -> int:
    """Parse the exchange's error code; 0 if the body has none."""
    try:
        return _answer(raw, lambda body: int(body["code"]))
    except PoisonMessage:
        return 0


def parse_agg_trade_row(row: bytes, symbol: str) -> Trade:
    """Parse one line of an official aggTrades CSV file; times in milliseconds or microseconds.

    Raises:
        PoisonMessage: The line is not such a row.
    """
    try:
        cells = row.decode("ascii").strip().split(",")
        if len(cells) not in AGG_TRADE_COLUMNS:
            raise ValueError(f"{len(cells)} columns")
        columns = [_id(cells[0]), *cells[1:3], *map(_id, cells[3:6])]
        taker_sold = {"true": True, "false": False}[cells[6].lower()]
        return _trade(symbol, [*columns, taker_sold])
    except UNREADABLE as error:
        raise PoisonMessage(f"aggTrades row unreadable: {error!r}", raw=row) from error


def _rows(
    raw: bytes, read: Callable[[Any], ValueT], refuse: Callable[[PoisonMessage], None] | None
) -> list[ValueT]:
    if refuse is None:
        return _answer(raw, lambda rows: [read(row) for row in rows])
    found = []
    for row in _answer(raw, _array):
        try:
            found.append(read(row))
        except UNREADABLE as error:
            refuse(PoisonMessage(f"row unreadable: {error!r}", raw=orjson.dumps(row)))
    return found


def _array(body: Any) -> list[Any]:  # noqa: ANN401 - JSON
    if type(body) is not list:
        raise ValueError("no array")
    return body


def _answer(raw: bytes, read: Callable[[Any], ValueT]) -> ValueT:
    try:
        return read(orjson.loads(raw))
    except UNREADABLE as error:
        raise PoisonMessage(f"answer unreadable: {error!r}", raw=raw) from error


def _id(text: str) -> int:
    if text != "-1" and not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{text!r} is not a number")
    return int(text)


def _trade(symbol: str, cells: list[Any]) -> Trade:
    agg_id, price, quantity, first, last, time, taker_sold = cells
    if type(taker_sold) is not bool:
        raise ValueError(f"{taker_sold!r} is neither true nor false")
    trade = Trade(
        symbol,
        in_int64(agg_id),
        to_e8(price),
        to_e8(quantity),
        in_int64(first),
        in_int64(last),
        to_ms(time),
        taker_sold,
    )
    validate(trade)
    return trade


def _agg_trade(data: Any, symbol: str) -> Trade:  # noqa: ANN401 - JSON
    # `m` is "the buyer is the maker", so the taker sold.
    return _trade(symbol, [data[letter] for letter in "apqflTm"])


def _agg_trade_frame(data: Any) -> Frame:  # noqa: ANN401 - JSON
    return Frame(_event_ms(data), _agg_trade(data, data["s"]), data["s"], stream=data["e"])


def _trade_frame(data: Any) -> Frame:  # noqa: ANN401 - JSON
    # A single trade is an aggregate of one fill whose ids agree.
    data |= {"a": data["t"], "f": data["t"], "l": data["t"]}
    return _agg_trade_frame(data)


def _kline_frame(data: Any) -> Frame:  # noqa: ANN401 - JSON
    kline, sent_ms, symbol = data["k"], _event_ms(data), data["s"]
    first_trade_id, last_trade_id = in_int64(kline["f"]), in_int64(kline["L"])
    if type(kline["x"]) is not bool:
        raise ValueError(f"{kline['x']!r} is neither true nor false")
    # An open candle is parsed too: only a frame that is valid throughout may set the clock.
    candle = _candle(
        [kline[letter] for letter in "tohlcvTqnVQ"],
        symbol,
        Interval(kline["i"]),
        source=CandleSource.STREAM,
        trade_ids=(first_trade_id, last_trade_id),
        event_ms=sent_ms,
    )
    value = candle if kline["x"] else None
    return Frame(sent_ms, value, symbol, last_trade_id, f"kline_{candle.interval}")


def _shutdown_frame(data: Any) -> Frame:  # noqa: ANN401 - JSON
    _event_ms(data)
    return Frame(UNKNOWN_MS, ShutdownNotice())


def _event_ms(data: Any) -> int:  # noqa: ANN401 - JSON
    sent_ms = to_ms(data["E"])
    check_time("event time", sent_ms)
    return sent_ms


def _kline_row(row: Any, symbol: str, interval: Interval) -> Candle:  # noqa: ANN401 - JSON
    trade_ids = (NO_TRADE_ID, NO_TRADE_ID)
    event_ms = to_ms(row[6])
    return _candle(
        row, symbol, interval, source=CandleSource.REST, trade_ids=trade_ids, event_ms=event_ms
    )


def _candle(
    cells: list[Any],
    symbol: str,
    interval: Interval,
    *,
    source: CandleSource,
    trade_ids: tuple[int, int],
    event_ms: int,
) -> Candle:
    open_ms = to_ms(cells[0])
    candle = Candle(
        symbol=symbol,
        interval=interval.value,
        open_ms=open_ms,
        close_ms=open_ms + interval.ms,
        open_e8=to_e8(cells[1]),
        high_e8=to_e8(cells[2]),
        low_e8=to_e8(cells[3]),
        close_e8=to_e8(cells[4]),
        volume_e8=to_e8(cells[5]),
        quote_volume_e8=to_e8(cells[7]),
        trade_count=in_int64(cells[8]),
        taker_buy_volume_e8=to_e8(cells[9]),
        taker_buy_quote_volume_e8=to_e8(cells[10]),
        first_trade_id=trade_ids[0],
        last_trade_id=trade_ids[1],
        price_variation_e16=None,
        status=CandleStatus.OFFICIAL.value,
        revision=1,
        source=source.value,
        event_ms=event_ms,
    )
    validate(candle)
    return candle


_READERS: Final[dict[str, Callable[[Any], Frame]]] = {
    "aggTrade": _agg_trade_frame,
    "trade": _trade_frame,
    "kline": _kline_frame,
    "serverShutdown": _shutdown_frame,
}
