"""Trades that arrived before those that must come first. Pure."""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

from schemas.market import Trade

UNKNOWN_MS: Final = -1


class Ahead:
    """Trades by id, the lowest first."""

    def __init__(self) -> None:
        self._trades: dict[int, Trade] = {}
        self._ids: list[int] = []
        self._jumps: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._trades)

    def __contains__(self, agg_id: object) -> bool:
        return agg_id in self._trades

    def get(self, agg_id: int) -> Trade | None:
        """Return the trade of an id, if it waits."""
        return self._trades.get(agg_id)

    def keep(self, trade: Trade, jumped_ms: int | None) -> None:
        """Let a trade wait; ``jumped_ms`` is the time at which it left a hole, if it did."""
        if jumped_ms is not None:
            self._jumps[trade.agg_id] = jumped_ms
        self._trades[trade.agg_id] = trade
        heappush(self._ids, trade.agg_id)

    def pop(self, agg_id: int) -> Trade:
        """Take a trade that waits."""
        self._jumps.pop(agg_id, None)
        return self._trades.pop(agg_id)

    def first_id(self) -> int | None:
        """Return the lowest id that waits."""
        # An id that was taken or dropped stays in the heap until it reaches the top.
        while self._ids and self._ids[0] not in self._trades:
            heappop(self._ids)
        return self._ids[0] if self._ids else None

    def event_ms(self, agg_id: int | None) -> int:
        """Return the event time of a trade that waits; -1 without one."""
        return UNKNOWN_MS if agg_id is None else self._trades[agg_id].event_ms

    def jumped_ms(self, agg_id: int | None, now_ms: int) -> int:
        """Return when a trade that waits left a hole; the present if none did."""
        return now_ms if agg_id is None else self._jumps.get(agg_id, now_ms)

    def drop_below(self, agg_id: int) -> None:
        """Drop the trades before an id."""
        for known_id in [held for held in self._trades if held < agg_id]:
            del self._trades[known_id]

    def clear(self) -> Iterable[Trade]:
        """Drop all trades, and return them."""
        dropped = list(self._trades.values())
        for held in (self._trades, self._ids, self._jumps):
            held.clear()
        return dropped
