"""The addresses of Binance's market streams."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

STREAMS: Final = ("aggTrade", "kline_1m", "kline_15m")
SYMBOLS_A_CONNECTION: Final = 100  # 300 streams: below the exchange's 1024, in an address of 5 kB


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """The streams of one connection: its URL and the symbols that it carries."""

    url: str
    symbols: tuple[str, ...]


def stream_addresses(base_url: str, symbols: Sequence[str]) -> list[StreamAddress]:
    """Return the combined streams that carry the trades and candles of all symbols.

    Source: binance-spot-api-docs, web-socket-streams.md, "General WSS information".
    """
    parts = (
        tuple(symbols[start : start + SYMBOLS_A_CONNECTION])
        for start in range(0, len(symbols), SYMBOLS_A_CONNECTION)
    )
    return [StreamAddress(_url(base_url, part), part) for part in parts]


def _url(base_url: str, symbols: Sequence[str]) -> str:
    names = (f"{symbol.lower()}@{stream}" for symbol in symbols for stream in STREAMS)
    return f"{base_url.rstrip('/')}/stream?streams={'/'.join(names)}"
