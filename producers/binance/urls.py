"""The addresses of Binance's market streams."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import quote

STREAMS: Final = ("aggTrade", "kline_1m", "kline_15m")
SYMBOLS_A_CONNECTION: Final = 100  # 300 streams: below the exchange's 1024, in an address of 5 kB
LONGEST_STREAMS: Final = 7_000  # characters: a letter of another script takes nine


@dataclass(frozen=True)
class StreamAddress:
    """The streams of one connection: its URL and the symbols that it carries."""

    url: str
    symbols: tuple[str, ...]

    @cached_property
    def carried(self) -> frozenset[str]:
        """The symbols as a set."""
        return frozenset(self.symbols)


def stream_addresses(
    base_url: str, symbols: Sequence[str], before: Sequence[StreamAddress] = ()
) -> list[StreamAddress]:
    """Return the combined streams that carry the trades and candles of all symbols.

    Addresses of before keep their symbols, as far as these are still wanted, and take new ones as
    far as they have room: each one that changes costs an attempt to connect.

    Args:
        base_url: For example ``wss://stream.binance.com:9443``.
        symbols: All symbols, each once.
        before: The addresses that there are.

    Source: binance-spot-api-docs, web-socket-streams.md, "General WSS information".
    """
    wanted = set(symbols)
    parts = [[s for s in address.symbols if s in wanted] for address in before]
    lengths = [sum(map(_length, part)) for part in parts]
    placed = {symbol for part in parts for symbol in part}
    for symbol in symbols:
        if symbol in placed:
            continue
        more = _length(symbol)
        at = next((at for at, part in enumerate(parts) if _has_room(part, lengths[at] + more)), -1)
        if at < 0:
            at = len(parts)
            parts.append([])
            lengths.append(0)
        parts[at].append(symbol)
        lengths[at] += more
    return [StreamAddress(_url(base_url, part), tuple(part)) for part in parts]


def _has_room(part: Sequence[str], length: int) -> bool:
    return len(part) < SYMBOLS_A_CONNECTION and (not part or length <= LONGEST_STREAMS)


def _length(symbol: str) -> int:
    return sum(len(quote(symbol.lower())) + len(stream) + 2 for stream in STREAMS)


def _url(base_url: str, symbols: Sequence[str]) -> str:
    names = (f"{quote(symbol.lower())}@{stream}" for symbol in symbols for stream in STREAMS)
    return f"{base_url.rstrip('/')}/stream?streams={'/'.join(names)}"
