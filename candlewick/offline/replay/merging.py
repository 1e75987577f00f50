"""Files in any order to one run of blocks in the order of their ids."""

import heapq
from collections.abc import Iterable, Iterator

from candlewick.offline.replay.sources import Source
from schemas.market import TradeBlock

Head = tuple[int, int, TradeBlock, Iterator[TradeBlock]]


def merged(sources: Iterable[Source]) -> Iterator[TradeBlock]:
    """Yield the blocks of one symbol, lowest id first; a file is opened when its turn has come.

    Blocks of files that overlap come one behind the other; the reducer trims them.
    """
    waiting = sorted(sources, key=lambda source: source.first_agg_id, reverse=True)
    heads: list[Head] = []
    opened = 0
    while waiting or heads:
        while waiting and (not heads or waiting[-1].first_agg_id <= heads[0][0]):
            opened += 1
            _advance(heads, opened, waiting.pop().blocks())
        if heads:
            _, place, block, rest = heapq.heappop(heads)
            yield block
            _advance(heads, place, rest)


def _advance(heads: list[Head], place: int, blocks: Iterator[TradeBlock]) -> None:
    block = next(blocks, None)
    if block is not None:
        heapq.heappush(heads, (block.first_agg_id, place, block, blocks))
