"""Merge of files in any order into one sequence of blocks, in the order of their ids."""

import heapq
from collections.abc import Iterable, Iterator

from candlewick.offline.replay.placed import Placed
from candlewick.offline.replay.sources import Source
from schemas.errors import ConfigurationError
from schemas.market import JITTER_MS

Head = tuple[int, int, Placed, Iterator[Placed]]


def merged(sources: Iterable[Source]) -> Iterator[Placed]:
    """Yield the blocks of one symbol, lowest id first; each file is opened only when needed.

    Blocks of overlapping files follow one another; the reducer drops the duplicates.
    """
    waiting = sorted(sources, key=lambda source: source.first_agg_id, reverse=True)
    heads: list[Head] = []
    opened = 0
    while waiting or heads:
        while waiting and (not heads or waiting[-1].first_agg_id <= heads[0][0]):
            opened += 1
            _advance(heads, opened, waiting.pop().blocks())
        if heads:
            _, place, placed, rest = heapq.heappop(heads)
            yield placed
            _advance(heads, place, rest)


def one_sequence(blocks: Iterable[Placed]) -> Iterator[Placed]:
    """Yield the blocks of merged files as they are, as long as their ids are of one sequence.

    Raises:
        ConfigurationError: An id has one time in one file and another in the next, or higher ids
            have earlier times. The reducer would take one file's trades for known ones.
    """
    newest: Placed | None = None
    for placed in blocks:
        if newest is not None and newest.path != placed.path and not _fits(newest, placed):
            raise ConfigurationError(
                f"ids of {placed.block.symbol} begin again between {newest.path} and "
                f"{placed.path}: replay them apart"
            )
        if newest is None or placed.block.next_agg_id > newest.block.next_agg_id:
            newest = placed
        yield placed


def _fits(newest: Placed, placed: Placed) -> bool:
    """Return whether a block continues or repeats the one that reaches highest so far."""
    before, block = newest.block, placed.block
    row = block.first_agg_id - before.first_agg_id
    if row < 0:  # it began before: what it shares is compared with the block that came then
        return True
    # Trade ids that go on prove it too: at a month's end one id was given to two trades.
    if block.first_trade_id == before.next_trade_id:
        return True
    if row < len(before):
        return abs(int(before.event_ms[row]) - int(block.event_ms[0])) <= JITTER_MS
    return int(block.event_ms[0]) >= int(before.event_ms[-1]) - JITTER_MS


def _advance(heads: list[Head], place: int, blocks: Iterator[Placed]) -> None:
    placed = next(blocks, None)
    if placed is not None:
        heapq.heappush(heads, (placed.block.first_agg_id, place, placed, blocks))
