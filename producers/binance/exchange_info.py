"""The exchange's list of symbols: names in groups whose addresses are short, and the answer. Pure.

Source: binance-spot-api-docs, rest-api.md, "Exchange information"; filters.md; enums.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson

from producers.binance.numbers import in_int64, to_e8
from producers.binance.parse import UNREADABLE
from schemas.errors import PoisonMessage
from schemas.rules.checks import check_symbol
from schemas.symbols import TRADING

LONGEST_NAMES: Final = 4_000  # characters of all names in an address; servers take 8 kB
_BETWEEN: Final = len(quote('","'))
_GROUP: Final = "TRD_GRP"  # lists of accounts, hundreds of them


@dataclass(frozen=True, slots=True)
class SymbolInfo:
    """What the exchange says of a symbol.

    Attributes:
        status: For example TRADING, HALT, BREAK.
        quote: The quote asset, for example USDT.
        tick_e8: Smallest step of the price in 1e-8; None without such a filter.
        step_e8: Smallest step of the quantity in 1e-8; None likewise.
        permissions: For example SPOT and MARGIN.
        is_spot: Whether it may be traded on spot.
    """

    symbol: str
    status: str
    quote: str
    tick_e8: int | None
    step_e8: int | None
    permissions: tuple[str, ...]
    is_spot: bool

    @property
    def is_traded(self) -> bool:
        """Whether it is traded now."""
        return self.status == TRADING


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """An answer of ``GET /api/v3/exchangeInfo``: the weight allowed a minute, and symbols."""

    weight_limit: int
    symbols: Mapping[str, SymbolInfo]


def groups_of(symbols: Iterable[str], longest: int = LONGEST_NAMES) -> Iterator[list[str]]:
    """Yield the symbols in groups, each short enough for an address."""
    group: list[str] = []
    length = 0
    for symbol in symbols:
        more = len(quote(symbol)) + _BETWEEN
        if group and length + more > longest:
            yield group
            group, length = [], 0
        group.append(symbol)
        length += more
    if group:
        yield group


def parse_exchange_info(raw: bytes) -> ExchangeInfo:
    """Parse the answer of ``GET /api/v3/exchangeInfo``; symbols that cannot be read are left out.

    Raises:
        PoisonMessage: The body is not such an answer.
    """
    try:
        body = orjson.loads(raw)
        found = map(_symbol_info, body["symbols"])
        return ExchangeInfo(_weight_limit(body), {one.symbol: one for one in found if one})
    except UNREADABLE as error:
        raise PoisonMessage(f"answer unreadable: {error!r}", raw=raw) from error


def parse_quote_volumes(raw: bytes) -> dict[str, float]:
    """Parse the answer of ``GET /api/v3/ticker/24hr``: the quote volume of each symbol.

    Raises:
        PoisonMessage: The body is not such an answer.
    """
    try:
        return {str(row["symbol"]): float(row["quoteVolume"]) for row in orjson.loads(raw)}
    except UNREADABLE as error:
        raise PoisonMessage(f"answer unreadable: {error!r}", raw=raw) from error


def _weight_limit(info: Any) -> int:  # noqa: ANN401 - JSON
    for limit in info["rateLimits"]:
        kind = (limit["rateLimitType"], limit["interval"], limit["intervalNum"])
        if kind == ("REQUEST_WEIGHT", "MINUTE", 1):
            return in_int64(limit["limit"])
    raise ValueError("no weight limit a minute")


def _symbol_info(row: Any) -> SymbolInfo | None:  # noqa: ANN401 - JSON
    # Of some thousand symbols one may be of a kind that is not known yet: the others count.
    try:
        check_symbol(row["symbol"])
        filters = {one["filterType"]: one for one in row.get("filters", ())}
        sets = [name for names in row.get("permissionSets", ()) for name in names]
        named = dict.fromkeys((*row.get("permissions", ()), *sets))
        return SymbolInfo(
            symbol=row["symbol"],
            status=str(row["status"]),
            quote=str(row.get("quoteAsset", "")),
            tick_e8=_size(filters.get("PRICE_FILTER"), "tickSize"),
            step_e8=_size(filters.get("LOT_SIZE"), "stepSize"),
            permissions=tuple(name for name in named if not name.startswith(_GROUP)),
            is_spot=bool(row.get("isSpotTradingAllowed", True)),
        )
    except UNREADABLE:
        return None


def _size(found: Any, name: str) -> int | None:  # noqa: ANN401 - JSON
    return None if found is None else to_e8(found[name])
