import time

import pytest

from candlewick.exchange.market.clock import MarketClock


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0])
def test_a_jump_of_the_machines_clock_is_none_of_the_market(
    jump_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, wall_s = MarketClock(), time.time
    before_ms = clock.now_ms()
    monkeypatch.setattr(time, "time", lambda: wall_s() + jump_s)
    clock.set_speed(1000.0)  # so that a moment is long for the market

    deadline_s = time.monotonic() + 10
    while clock.now_ms() < before_ms + 1000:
        assert time.monotonic() < deadline_s
    assert clock.now_ms() < before_ms + 3_600_000
