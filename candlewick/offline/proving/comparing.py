"""Comparison of proven candles with the exchange's, once the sinks have stored them."""

import time
from typing import Final

from candlewick.offline.proving.progress import SymbolProof
from candlewick.store.proofs import Comparison, compared, stored_candles
from clients.clickhouse import Client

PATIENCE_S: Final = 60.0  # without a new row
LOOK_S: Final = 0.2


def compare(client: Client, symbol: SymbolProof) -> None:
    """Note how the candles of a symbol's proven days compare; waits until they are stored."""
    days = symbol.wanted - symbol.missing
    if not days:
        return
    if symbol.candles and not _are_stored(client, symbol):
        symbol.note(["not all candles are in ClickHouse yet: `candlewick audit` compares them"])
    found = Comparison()
    for start_ms, end_ms in days:
        found += compared(client, symbol.symbol, start_ms, end_ms)
    symbol.verified, symbol.mismatched = found.verified, found.mismatched
    symbol.unchecked = found.unchecked


def _are_stored(client: Client, symbol: SymbolProof) -> bool:
    first_ms, last_ms = symbol.wanted.runs[0][0], symbol.wanted.runs[-1][1]
    known, deadline_s = -1, time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        count = stored_candles(client, symbol.symbol, first_ms, last_ms)
        if count >= symbol.candles:
            return True
        if count != known:
            known, deadline_s = count, time.monotonic() + PATIENCE_S
        time.sleep(LOOK_S)
    return False
