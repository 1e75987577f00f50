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
_READING_REVISIONS: Final = 1_000  # no candle of an archive changes so often
_READING_MS: Final = 900_000  # nobody issues a file anew more often; Int32 has room until 2087
_READINGS_SINCE_MS: Final = 1_767_225_600_000  # 2026: nothing was read before


def is_replayed(headers: Headers | None) -> bool:
    """Return whether the headers of a record say that a replay made it."""
    return REPLAYED in plain_headers(headers)


def ground_after(read_ms: int) -> int:
    """Return what the revisions of a day begin above that is read anew, from another file.

    All of them are higher than those of the reading that ended at ``read_ms``, whichever of its
    candles were taken back.
    """
    readings = max(read_ms - _READINGS_SINCE_MS, 0) // _READING_MS + 1
    return PROVEN_REVISION + readings * _READING_REVISIONS


def ranked(candle: Candle, *, takes_back: bool = False, ground: int = PROVEN_REVISION) -> Candle:
    """Return a replayed candle with the revision that it has among live ones of the same time.

    One of which every trade is there stands above all of them, one that lacks trades below.

    Args:
        candle: As the reducer made it.
        takes_back: Whether it replaces one that a replay has called whole.
        ground: What its revision begins above: see `ground_after`.
    """
    is_whole = candle.status in (CandleStatus.COMPLETE, CandleStatus.QUIET)
    stands = is_whole or takes_back
    return replace(candle, revision=ground + candle.revision if stands else 0)
