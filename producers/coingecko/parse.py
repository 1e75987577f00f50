"""Parser of CoinGecko's answers to domain values. Pure; money never becomes a float.

Source: CoinGecko API, ``GET /coins/markets`` and ``GET /coins/{id}/market_chart``.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, Final, TypeVar

from schemas.coins import Coin, CoinDay
from schemas.errors import PoisonMessage
from schemas.validation import validate

ValueT = TypeVar("ValueT", Coin, CoinDay)
UNREADABLE: Final = (
    ArithmeticError,
    AttributeError,
    IndexError,
    InvalidOperation,
    KeyError,
    TypeError,
    ValueError,
    RecursionError,  # brackets without end
)
DIGITS: Final = 60


def parse_coins(
    raw: bytes, *, fetched_ms: int, refuse: Callable[[PoisonMessage], None] | None = None
) -> list[Coin]:
    """Parse the answer of ``/coins/markets``.

    ``refuse`` is called with each unusable row; if None, one such row makes the answer unreadable.

    Raises:
        PoisonMessage: The body is not such an answer.
    """
    try:
        rows = _loaded(raw)
        if not isinstance(rows, list):
            raise TypeError("it is no list")
    except UNREADABLE as error:
        raise PoisonMessage(f"coins unreadable: {error!r}", raw=raw) from error
    return _usable(rows, "coin", lambda row: _coin(row, fetched_ms), refuse)


def parse_days(
    raw: bytes,
    coin_id: str,
    *,
    fetched_ms: int,
    refuse: Callable[[PoisonMessage], None] | None = None,
) -> list[CoinDay]:
    """Parse the answer of ``/coins/{id}/market_chart``, oldest first; see `parse_coins`.

    Raises:
        PoisonMessage: The body is not such an answer.
    """
    try:
        chart = _loaded(raw)
        zipped = zip(chart["prices"], chart["market_caps"], chart["total_volumes"], strict=True)
        rows = [row for row in zipped if None not in row[0]]
    except UNREADABLE as error:
        raise PoisonMessage(f"history of {coin_id} unreadable: {error!r}", raw=raw) from error
    return _usable(
        rows, f"day of {coin_id}", lambda row: _day(coin_id, *row, fetched_ms=fetched_ms), refuse
    )


def _usable(
    rows: Iterable[Any],
    name: str,
    read: Callable[[Any], ValueT],
    refuse: Callable[[PoisonMessage], None] | None,
) -> list[ValueT]:
    found: list[ValueT] = []
    for row in rows:
        try:
            value = read(row)
            validate(value)
        except UNREADABLE as error:
            raw = json.dumps(row, default=float).encode()
            refused = PoisonMessage(f"{name} unusable: {error!r}", raw=raw)
            if refuse is None:
                raise refused from error
            refuse(refused)
        else:
            found.append(value)
    return found


def _loaded(raw: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(raw, parse_float=Decimal)


def _coin(row: Any, fetched_ms: int) -> Coin:  # noqa: ANN401 - JSON
    return Coin(
        coin_id=_text(row["id"]),
        ticker=_text(row["symbol"]).upper(),
        name=_text(row["name"]),
        rank=row["market_cap_rank"],
        price_e8=_e8(row["current_price"]),
        market_cap_e8=_e8(row["market_cap"]),
        fully_diluted_e8=_e8(row["fully_diluted_valuation"]),
        volume_24h_e8=_e8(row["total_volume"]),
        high_24h_e8=_e8(row["high_24h"]),
        low_24h_e8=_e8(row["low_24h"]),
        change_24h_e8=_e8(row["price_change_percentage_24h"]),
        market_cap_change_24h_e8=_e8(row["market_cap_change_percentage_24h"]),
        circulating_supply_e8=_e8(row["circulating_supply"]),
        total_supply_e8=_e8(row["total_supply"]),
        max_supply_e8=_e8(row["max_supply"]),
        ath_e8=_e8(row["ath"]),
        ath_change_e8=_e8(row["ath_change_percentage"]),
        ath_ms=_ms(row["ath_date"]),
        atl_e8=_e8(row["atl"]),
        atl_change_e8=_e8(row["atl_change_percentage"]),
        atl_ms=_ms(row["atl_date"]),
        updated_ms=_ms(row["last_updated"]) or fetched_ms,
        fetched_ms=fetched_ms,
    )


def _day(coin_id: str, price: Any, cap: Any, volume: Any, *, fetched_ms: int) -> CoinDay:  # noqa: ANN401 - JSON
    return CoinDay(
        coin_id=coin_id,
        at_ms=int(price[0]),
        price_e8=_e8(price[1]) or 0,
        market_cap_e8=_e8(cap[1]) or 0,
        volume_24h_e8=_e8(volume[1]) or 0,
        fetched_ms=fetched_ms,
    )


def _e8(value: Decimal | int | None) -> int | None:
    if value is None:
        return None
    if type(value) not in {Decimal, int}:
        raise ValueError(f"{value!r} is not a number")
    with localcontext(prec=DIGITS):
        return int((Decimal(value) * 10**8).to_integral_value())


def _ms(text: str | None) -> int | None:
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
