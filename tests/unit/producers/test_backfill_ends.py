"""Where a backfill of a symbol that is not traded any more ends: decided without a server."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from producers.history.archive_plan import Choice
from producers.history.backfill import Backfill, Wanted
from producers.history.inventory import Held
from producers.history.time_ranges import Spans
from schemas.settings import Settings
from schemas.timeframe import DAY_MS, MINUTE_MS, Interval
from tests.support.builders import START_MS

LAST_TRADE_MS = START_MS + 5 * 3_600_000 + 123
NOW_MS = START_MS + 100 * DAY_MS


@pytest.mark.parametrize("interval", [Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES])
@pytest.mark.parametrize("ended", [True, False])
def test_candle_of_the_newest_trade_is_the_last_that_is_asked_for(
    interval: Interval, *, ended: bool
) -> None:
    nobody, ledger = cast("Any", None), cast("Any", SimpleNamespace(holes={}))
    backfill = Backfill(Settings(), nobody, nobody, nobody, ledger)
    wanted = Wanted(
        symbols=("MATICUSDT",),
        intervals=(interval,),
        start_ms=START_MS,
        end_ms=None,
        choice=Choice.AUTO,
        continues=True,
        ended_ms={"MATICUSDT": LAST_TRADE_MS} if ended else {},
    )
    held = Held("MATICUSDT", interval.value, 0, 0, Spans(), Spans())

    track = backfill._track(held, interval, wanted, NOW_MS)

    last_ms = interval.open_of(LAST_TRADE_MS) + interval.ms
    assert track.end_ms == (last_ms if ended else NOW_MS // MINUTE_MS * MINUTE_MS)
