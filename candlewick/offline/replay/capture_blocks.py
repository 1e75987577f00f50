"""Reader of recorded websocket frames as blocks of trades.

A line is any text (a receive time, a label), followed by a raw or combined frame.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from candlewick.offline.replay.lines import chunks_of
from candlewick.offline.replay.placed import Placed
from producers.binance.parse import parse_frame
from schemas.errors import ConfigurationError, PoisonMessage
from schemas.market import Trade, TradeBlock, block_of

_BLOCK_TRADES = 1000
_EVENT = re.compile(rb'"e"\s*:\s*"(aggTrade|trade)".*?"s"\s*:\s*"([^"\\]+)"')


def captured_kinds(path: Path) -> dict[str, str]:
    """Return the symbols of a capture, each with the kind of frames to read.

    If a symbol has both kinds, that is ``aggTrade``: a ``trade`` frame counts as an aggregate of
    one fill, with ids of its own.
    """
    kinds: dict[str, str] = {}
    for chunk in chunks_of(path):
        for kind, symbol in set(_EVENT.findall(chunk)):
            if kind == b"aggTrade" or symbol.decode(errors="replace") not in kinds:
                kinds[symbol.decode(errors="replace")] = kind.decode()
    return kinds


def capture_blocks(path: Path, symbol: str, kind: str) -> Iterator[Placed]:
    """Yield a symbol's trades as blocks of consecutive ids.

    Raises:
        ConfigurationError: The file, or a frame of the symbol, cannot be read.
    """
    run: list[Trade] = []
    lines: list[int] = []
    for trade, line in _trades(path, symbol, kind):
        if run and (not _follows(run[-1], trade) or len(run) == _BLOCK_TRADES):
            yield Placed(_block(run), path, lines)
            run, lines = [], []
        run.append(trade)
        lines.append(line)
    if run:
        yield Placed(_block(run), path, lines)


def _follows(before: Trade, trade: Trade) -> bool:
    if trade.agg_id != before.agg_id + 1:
        return False
    return not (before.fills and trade.fills) or trade.first_trade_id == before.last_trade_id + 1


def _trades(path: Path, symbol: str, kind: str) -> Iterator[tuple[Trade, int]]:
    wanted = (kind.encode(), symbol.encode())
    number = 0
    for chunk in chunks_of(path):
        for number, line in enumerate(chunk.splitlines(), number + 1):  # noqa: B020 - counts on
            found = _EVENT.search(line)
            if found and found.groups() == wanted:
                yield _trade(line, path, number), number


def _trade(line: bytes, path: Path, number: int) -> Trade:
    try:
        value = parse_frame(line[line.index(b"{") :]).value
    except PoisonMessage as error:
        raise ConfigurationError(f"{path}, line {number}: {error}") from error
    if not isinstance(value, Trade):
        raise ConfigurationError(f"{path}, line {number}: not a trade")
    return value


def _block(run: list[Trade]) -> TradeBlock:
    return block_of(run, received_ms=run[-1].event_ms, watermark_ms=0)
