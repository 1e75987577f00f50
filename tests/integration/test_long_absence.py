"""A stream that comes back after days: the present first, and an honest gap."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from schemas import topics
from schemas.market import Gap, GapState
from schemas.timeframe import DAY_MS, MINUTE_MS
from tests.support.servers import running_exchange, running_kafka
from tests.support.stream_world import StreamWorld

BTC = "BTCUSDT"
DAYS = 3
NEAR_MS = 30_000


def test_after_days_away_the_present_comes_first_and_the_gap_is_told(tmp_path: Path) -> None:
    market = {"symbols": BTC, "recorded": False, "rate": 20.0, "state": str(tmp_path / "market")}
    then = (datetime.now(UTC) - timedelta(days=DAYS)).isoformat()
    with running_kafka(tmp_path / "kafka") as kafka:
        with running_exchange(start=then, **market) as exchange:
            world = StreamWorld(kafka, exchange, tmp_path)
            with world.stream(BTC):
                world.until(lambda: world.blocks(BTC))
                world.until(lambda: world.watermark_ms(BTC) > world.market_ms() - NEAR_MS)
            world.close()
        with running_exchange(**market) as exchange:
            world = StreamWorld(kafka, exchange, tmp_path)
            for _ in range(2):  # the gap is not asked for after another start either
                with world.stream(BTC):
                    now_ms = world.market_ms()
                    world.until(lambda now_ms=now_ms: world.watermark_ms(BTC) > now_ms)
            blocks = sorted(world.blocks(BTC), key=lambda block: block.first_agg_id)
            gaps = world.read(topics.GAPS, Gap)
            world.close()

    (gap,) = [gap for gap in gaps if gap.state == GapState.GIVEN_UP]
    jumps = [
        (one.next_agg_id, other.first_agg_id)
        for one, other in pairwise(blocks)
        if other.first_agg_id > one.next_agg_id
    ]
    assert jumps == [(gap.first_agg_id, gap.last_agg_id + 1)]
    assert gap.before_ms - gap.after_ms > (DAYS - 1) * DAY_MS
    assert gap.before_ms > time.time() * 1000 - 32 * MINUTE_MS  # the candle before the present one
    assert "too long ago" in gap.reason
