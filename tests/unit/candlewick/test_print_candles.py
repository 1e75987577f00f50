"""Lines of the example that prints candles."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.api_market import a_quarter

EXAMPLE = Path(__file__).parents[3] / "examples" / "print_candles.py"


@pytest.mark.parametrize(
    ("close_e8", "text"),
    [
        (6_712_345 * 10**6, "67,123.45"),
        (234_560_000, "2.34560000"),
        (1_234, "0.00001234"),
    ],
)
def test_the_price_of_a_cheap_coin_keeps_its_digits(close_e8: int, text: str) -> None:
    line = runpy.run_path(str(EXAMPLE))["candle_line"](replace(a_quarter(0), close_e8=close_e8))

    assert f"closed at {text} after" in line
