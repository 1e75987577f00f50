"""What the exchange's candles say of trades that never came."""

from dataclasses import replace

from producers.trades.candle_evidence import is_unheard
from tests.support.builders import MINUTE_MS, START_MS, a_candle


def test_a_candle_with_trades_behind_all_that_came_was_not_quiet() -> None:
    candle = a_candle(open_ms=START_MS + MINUTE_MS)

    assert is_unheard(candle, START_MS + MINUTE_MS - 1)
    assert is_unheard(candle, -1)


def test_a_candle_of_whose_time_trades_came_or_that_has_none_says_nothing() -> None:
    candle = a_candle(open_ms=START_MS)

    assert not is_unheard(candle, START_MS)
    assert not is_unheard(replace(candle, trade_count=0), START_MS - 1)
