"""The one list of REST paths that are answered, with parameters and weights; docs/ shows it.

Source: binance-spot-api-docs, rest-api.md, "General endpoints" and "Market Data endpoints".
"""

from dataclasses import dataclass
from typing import Final

import orjson
from starlette.datastructures import QueryParams

_FEW, _MANY = 20, 100  # symbols
_PAGE: Final = ("symbol", "startTime", "endTime", "limit")
_SYMBOLS: Final = ("symbol", "symbols", "symbolStatus")


@dataclass(frozen=True, slots=True)
class Weight:
    """Weight of a request: of one symbol, of several, and of all.

    Attributes:
        many: Weight of 21 to 100 symbols; more weigh as much as all.
    """

    one: int
    few: int
    many: int
    all: int

    def of(self, query: QueryParams) -> int:
        """Return the weight of a request."""
        if "symbol" in query:
            return self.one
        if "symbols" not in query:
            return self.all
        count = _count(query["symbols"])
        return self.few if count <= _FEW else self.many if count <= _MANY else self.all

    def __str__(self) -> str:
        if self.one == self.all:
            return str(self.one)
        if self.few == self.many:
            return f"{self.one}; {self.all} without `symbol`"
        return f"{self.one}; {self.many} for more than {_FEW} symbols, {self.all} for all"


@dataclass(frozen=True, slots=True)
class Answered:
    """A path of `/api/v3/`.

    Attributes:
        parameters: Names of the parameters; any other is refused with -1104.
        about: What it answers, as the documents say it.
    """

    name: str
    parameters: tuple[str, ...]
    weight: Weight
    about: str


def _same(weight: int) -> Weight:
    return Weight(weight, weight, weight, weight)


ANSWERED: Final = {
    path.name: path
    for path in (
        Answered("ping", (), _same(1), "an empty object"),
        Answered("time", (), _same(1), "the market's time"),
        Answered(
            "exchangeInfo",
            (*_SYMBOLS, "permissions", "showPermissionSets"),
            _same(20),
            "the symbols with their steps, and the limits in force",
        ),
        Answered(
            "klines",
            (*_PAGE, "interval", "timeZone"),
            _same(2),
            "klines of every interval, `1s` and `1M` too; `timeZone` where klines open at the same "
            "times as in UTC, otherwise refused with -1130",
        ),
        Answered("aggTrades", (*_PAGE, "fromId"), _same(4), "aggregate trades by id or time"),
        Answered("trades", ("symbol", "limit"), _same(25), "the newest trades"),
        Answered("historicalTrades", ("symbol", "limit", "fromId"), _same(25), "trades by id"),
        Answered("ticker/price", _SYMBOLS, Weight(2, 4, 4, 4), "price of the last trade"),
        Answered(
            "ticker/bookTicker",
            _SYMBOLS,
            Weight(2, 4, 4, 4),
            "best bid and ask after the last trade",
        ),
        Answered(
            "ticker/24hr",
            (*_SYMBOLS, "type"),
            Weight(2, 2, 40, 80),
            "the last 24 hours, `FULL` or `MINI`; for all symbols up to the last whole hour",
        ),
    )
}


def _count(text: str) -> int:
    try:
        names = orjson.loads(text)
    except orjson.JSONDecodeError:
        return 1
    return len(names) if isinstance(names, list) else 1
