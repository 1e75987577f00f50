"""The market study compares like with like: the same questions, the same coins."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from notebooks.comparing import (
    beside_reference,
    correlation_of,
    missing_since,
    noise_of,
    skill_of,
    throughout,
)

WEEK = pd.date_range("2025-01-01", periods=7, tz="UTC")
TWO_DAYS = timedelta(days=2)


def a_score(model: str, hour: int, loss: float, *, symbol: str = "BTCUSDT") -> dict[str, object]:
    open_time = WEEK[0] + timedelta(hours=hour)
    return {
        "model": model,
        "minutes": 10,
        "symbol": symbol,
        "interval": "15m",
        "open": open_time,
        "issued": open_time + timedelta(minutes=5),
        "squared_error_bp2": loss,
        "pinball_bp": loss,
    }


def test_skill_is_over_the_questions_that_both_answered() -> None:
    calm, wild = 1.0, 100.0
    scores = pd.DataFrame(
        [
            a_score("reference", 0, wild),
            a_score("reference", 1, calm),
            a_score("reference", 1, wild, symbol="ETHUSDT"),
            a_score("young", 1, calm / 2),
            a_score("young", 2, wild),
        ]
    )

    paired = beside_reference(scores)

    assert skill_of(paired, ["model"]).loc["young", "pinball_bp"] == pytest.approx(0.5)
    assert skill_of(paired, ["model", "minutes"]).loc["reference", 10].tolist() == [0.0, 0.0]


def test_coins_that_come_later_or_are_followed_no_more_are_left_out() -> None:
    caps = pd.DataFrame(
        {
            "always": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0, 7.0],
            "a day behind": [np.nan, 2.0, 2.0, 2.0, 2.0, 2.0, np.nan],
            "later": [np.nan] * 4 + [9.0] * 3,
            "no more": [9.0] * 3 + [np.nan] * 4,
        },
        index=WEEK,
    )

    whole = throughout(caps, TWO_DAYS)

    assert list(whole) == ["always", "a day behind"]
    assert whole["always"].tolist() == [1.0, 2.0, 2.0, 4.0, 5.0, 6.0, 7.0]
    assert whole["a day behind"].tolist() == [2.0] * 7


def test_no_days_are_no_coins() -> None:
    assert throughout(pd.DataFrame(), TWO_DAYS).empty


def test_a_coin_of_some_hours_moves_together_with_none() -> None:
    """Two hours in common would give +1 or -1, and so the first place."""
    shared = np.sin(np.arange(200.0) ** 2)
    hours = pd.DataFrame(
        {
            "BTC": shared,
            "ETH": shared + np.cos(np.arange(200.0) ** 3),
            "NEW": [*[np.nan] * 197, *shared[-3:]],
        }
    )

    found = correlation_of(hours, fewest=168)

    assert sorted(found) == sorted(found.index) == ["BTC", "ETH"]
    assert 0.3 < found.loc["BTC", "ETH"] < 0.95
    assert noise_of(hours).loc["BTC", "ETH"] == pytest.approx(2 / np.sqrt(200))
    assert noise_of(hours).loc["BTC", "NEW"] == pytest.approx(2 / np.sqrt(3))


def test_coins_without_an_hour_in_common_have_no_correlation_and_no_noise() -> None:
    hours = pd.DataFrame({"OLD": [0.1, 0.2, np.nan, np.nan], "NEW": [np.nan, np.nan, 0.1, 0.2]})

    assert correlation_of(hours, fewest=2).empty
    assert np.isnan(noise_of(hours).loc["OLD", "NEW"])


def test_candles_are_missing_from_a_coins_first_one_on() -> None:
    until, quarter = WEEK[6], timedelta(minutes=15)
    held = pd.DataFrame(
        {"first": [WEEK[0], until - 3 * quarter], "candles": [6 * 96, 3]}, index=["OLD", "NEW"]
    )

    missing = missing_since(held["first"], held["candles"], until, quarter)

    assert missing.to_dict() == {"OLD": 1, "NEW": 1}
