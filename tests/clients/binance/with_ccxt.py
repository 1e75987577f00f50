"""ccxt on the exchange whose address is given: prints what it got, as JSON."""

import itertools
import json
import sys
from collections.abc import Callable

import ccxt

MOST_S = 60
PAIR = "BTC/USDT"


def binance(address: str) -> ccxt.binance:
    """Binance at another address, spot only."""
    found = ccxt.binance(
        {
            "timeout": MOST_S * 1000,
            "options": {"fetchMarkets": {"types": ["spot"]}},
        }
    )
    for name in ("public", "private", "v1"):
        found.urls["api"][name] = f"{address}/api/v3"
    return found


def failure(call: Callable[[], object]) -> str:
    """Name of the class of ccxt's error."""
    try:
        call()
    except ccxt.BaseError as error:
        return type(error).__name__
    return "none"


def steps(exchange: ccxt.binance, timeframe: str) -> list[int]:
    """Lengths of the last klines, in seconds."""
    rows = exchange.fetch_ohlcv(PAIR, timeframe, limit=4)
    return [(after[0] - row[0]) // 1000 for row, after in itertools.pairwise(rows)]


def main() -> None:
    """Ask, and print."""
    exchange = binance(sys.argv[1])
    markets = exchange.load_markets()
    since = exchange.fetch_ohlcv(PAIR, "1m", limit=1)[0][0] - 86_400_000
    day = exchange.fetch_ohlcv(PAIR, "1m", since, 1_440, {"paginate": True})
    plain = exchange.fetch_trades(PAIR, limit=200, params={"fetchTradesMethod": "publicGetTrades"})
    book = exchange.fetch_bids_asks([PAIR])[PAIR]
    got = {
        "markets": len(markets),
        "steps": {timeframe: steps(exchange, timeframe) for timeframe in exchange.timeframes},
        "minutes": [row[0] for row in day],
        "years": len(exchange.fetch_ohlcv(PAIR, "1d", limit=1_000)),
        "trades": [int(trade["id"]) for trade in plain],
        "aggregates": len(exchange.fetch_trades(PAIR, limit=500)),
        "last": exchange.fetch_last_prices([PAIR])[PAIR]["price"],
        "bid": book["bid"],
        "ask": book["ask"],
        "close": exchange.fetch_ticker(PAIR)["close"],
        "tickers": len(exchange.fetch_tickers()),
        "errors": {
            "unknown symbol": failure(
                lambda: exchange.public_get_klines({"symbol": "FOO", "interval": "1m"})
            ),
            "unknown interval": failure(
                lambda: exchange.public_get_klines({"symbol": "BTCUSDT", "interval": "9m"})
            ),
            "order book": failure(lambda: exchange.fetch_order_book(PAIR)),
        },
    }
    print(json.dumps(got))  # noqa: T201 - the test reads it


main()
