"""Merge of files in any order into one sequence of blocks, in the order of their ids."""

import heapq
from collections.abc import Iterable, Iterator

from candlewick.offline.replay.placed import Placed
from candlewick.offline.replay.sources import Source

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


def _advance(heads: list[Head], place: int, blocks: Iterator[Placed]) -> None:
    placed = next(blocks, None)
    if placed is not None:
        heapq.heappush(heads, (placed.block.first_agg_id, place, placed, blocks))
