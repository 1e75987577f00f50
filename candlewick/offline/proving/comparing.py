"""Comparison of proven candles with the exchange's, once the sinks have stored them."""

import time
from typing import Final

from candlewick.offline.proving.progress import SymbolProof
from candlewick.store.proofs import Comparison, compared, never_made, stored_candles
from clients.clickhouse import Client
from clients.clock import steady_ms
from processors.candles.state import MADE

PATIENCE_S: Final = 60.0  # without a new row
LOOK_S: Final = 0.2


def compare(
    client: Client, symbol: SymbolProof, started_ms: int, *, patience_s: float = PATIENCE_S
) -> None:
    """Note how the candles of a symbol's proven days compare; waits until they are stored.

    Args:
        client: Reads.
        symbol: It notes what is found.
        started_ms: When the run began, by `steady_ms`: what was stored before is not what it sent.
        patience_s: How long to wait without a new row. Then nothing is compared, as the rows that
            are there may be live ones.
    """
    if not _are_stored(client, symbol, started_ms, patience_s):
        symbol.note(["not all candles are in ClickHouse yet: `candlewick audit` compares them"])
        return
    found, due = Comparison(), symbol.due_candles
    for span in symbol.wanted - symbol.missing:
        found += compared(client, symbol.symbol, *span)
        due -= sum(never_made(client, symbol.symbol, interval, *span) for interval in MADE)
    symbol.verified, symbol.mismatched = found.verified, found.mismatched
    symbol.unchecked = found.unchecked
    # What this run made gapped may have a live candle in its place, which its file still lacks.
    symbol.gapped = max(symbol.gapped, found.gapped)
    symbol.absent = max(due - found.stored, 0)
    symbol.is_compared = True
    if symbol.absent:
        note = (
            f"{symbol.absent:,} candles of proven days are not in ClickHouse: `candlewick status` "
            "says whether the sinks have stored all; if so, they were deleted"
        )
        symbol.note([note])


def _are_stored(client: Client, symbol: SymbolProof, started_ms: int, patience_s: float) -> bool:
    known, deadline_s = -1, time.monotonic() + patience_s
    while symbol.standing and time.monotonic() < deadline_s:
        age_ms = steady_ms() - started_ms
        count = sum(
            stored_candles(client, symbol.symbol, span, age_ms=age_ms) for span in symbol.read
        )
        if count >= symbol.standing:
            return True
        if count != known:
            known, deadline_s = count, time.monotonic() + patience_s
        time.sleep(LOOK_S)
    return not symbol.standing
