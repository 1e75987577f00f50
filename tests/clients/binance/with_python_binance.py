"""python-binance on the exchange whose address is given: prints what it got, as JSON."""

import itertools
import json
import sys
from collections.abc import Callable

from binance.client import Client
from binance.exceptions import BinanceAPIException

MOST_S = 60
SYMBOL = "BTCUSDT"


def code(call: Callable[[], object]) -> int:
    """Binance's code of the error."""
    try:
        call()
    except BinanceAPIException as error:
        return int(error.code)
    return 0


def main() -> None:
    """Ask, and print."""
    client = Client(requests_params={"timeout": MOST_S}, ping=False)
    client.API_URL = f"{sys.argv[1]}/api"
    hours = client.get_historical_klines_generator(SYMBOL, "1m", "20 hours ago UTC")
    trades = client.aggregate_trade_iter(SYMBOL, start_str="10 minutes ago UTC")
    got = {
        "klines": {
            interval: len(client.get_klines(symbol=SYMBOL, interval=interval, limit=10))
            for interval in ("1s", "1m", "15m", "1d", "1w", "1M")
        },
        "generated": [row[0] for row in hours],
        "earliest": client._get_earliest_valid_timestamp("SOLUSDT", "1M"),
        "price": client.get_symbol_ticker(symbol=SYMBOL)["price"],
        "prices": len(client.get_all_tickers()),
        "books": len(client.get_orderbook_tickers()),
        "ticker": client.get_ticker(symbol=SYMBOL)["lastPrice"],
        "recent": [trade["id"] for trade in client.get_recent_trades(symbol=SYMBOL)],
        "historical": len(client.get_historical_trades(symbol=SYMBOL, limit=5)),
        "aggregates": [trade["a"] for trade in itertools.islice(trades, 1_500)],
        "errors": {
            "unknown symbol": code(lambda: client.get_klines(symbol="FOO", interval="1m")),
            "order book": code(lambda: client.get_order_book(symbol=SYMBOL)),
            "average": code(lambda: client.get_avg_price(symbol=SYMBOL)),
        },
    }
    print(json.dumps(got))  # noqa: T201 - the test reads it


main()
