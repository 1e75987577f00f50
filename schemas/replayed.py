"""Records that a replay made: a header marks them, and live readers pass over them."""

from dataclasses import replace
from typing import Final

from schemas.codecs import Headers
from schemas.dead_letters import plain_headers
from schemas.market import Candle, CandleStatus

REPLAYED: Final = ("replayed", b"1")
# Of a candle's revisions the highest counts. Live ones stay far below this: at most one a second,
# for a day.
PROVEN_REVISION: Final = 1_000_000


def is_replayed(headers: Headers | None) -> bool:
    """Return whether the headers of a record say that a replay made it."""
    return REPLAYED in plain_headers(headers)


def ranked(candle: Candle, *, takes_back: bool = False) -> Candle:
    """Return a replayed candle with the revision that it has among live ones of the same time.

    One of which every trade is there stands above all of them, one that lacks trades below.

    Args:
        candle: As the reducer made it.
        takes_back: Whether it replaces one that a replay has called whole.
    """
    is_whole = candle.status in (CandleStatus.COMPLETE, CandleStatus.QUIET)
    stands = is_whole or takes_back
    return replace(candle, revision=PROVEN_REVISION + candle.revision if stands else 0)
