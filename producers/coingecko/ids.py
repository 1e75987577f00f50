"""CoinGecko ids of the coins behind the exchange's trading pairs. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

KNOWN: Final[Mapping[str, str]] = {
    "ADA": "cardano",
    "ATOM": "cosmos",
    "AVAX": "avalanche-2",
    "BCH": "bitcoin-cash",
    "BNB": "binancecoin",
    "BTC": "bitcoin",
    "DOGE": "dogecoin",
    "DOT": "polkadot",
    "ETC": "ethereum-classic",
    "ETH": "ethereum",
    "LINK": "chainlink",
    "LTC": "litecoin",
    "SHIB": "shiba-inu",
    "SOL": "solana",
    "TRX": "tron",
    "UNI": "uniswap",
    "USDC": "usd-coin",
    "XLM": "stellar",
    "XRP": "ripple",
}
_QUOTES: Final = ("USDT", "FDUSD", "USDC", "BUSD", "TUSD", "USD", "EUR", "BTC", "ETH", "BNB")


def coin_ids(symbols: Sequence[str], more: Mapping[str, str]) -> dict[str, str]:
    """Map each pair to the id of its coin, if known; ``more`` overrides the built-in ids."""
    known = {symbol: KNOWN[base] for symbol in symbols if (base := _base(symbol)) in KNOWN}
    return known | {symbol: coin_id for symbol, coin_id in more.items() if symbol in symbols}


def _base(symbol: str) -> str:
    ends = (quote for quote in _QUOTES if symbol.endswith(quote) and symbol != quote)
    return symbol.removesuffix(next(ends, ""))
