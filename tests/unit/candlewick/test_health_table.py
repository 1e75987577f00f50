"""The second table of `candlewick status`: no number is broken, however narrow the window."""

import io
from typing import Any

import pytest
from rich.console import Console

from candlewick.client.rest.health_rows import Health
from candlewick.terminal.health_table import print_health

LONG = "ACTIVATEDLONGNAMEUSDT"


def a_part(state: str = "ok", reason: str | None = None) -> dict[str, Any]:
    return {"ok": state != "down", "state": state, "reason": reason, "took_ms": None}


def a_health(status: str = "ok", **parts: dict[str, Any]) -> Health:
    tables = ("trades", "candles", "candles_live", "klines", "predictions", "scores")
    lag = {"seconds": 101_234.5, "standing_s": 3.0, "has_moved": True}
    said = {
        "status": status,
        "reasons": [],
        "parts": {"database": a_part(), **parts},
        "checked_s": 1.4,
        "symbols": [
            {**dict.fromkeys(("last_price", "event_ms", "event_time")), "fresh": True, **age}
            for age in ({"symbol": LONG, "age_s": 1.2}, {"symbol": "BTCUSDT", "age_s": None})
        ],
        "not_traded": {},
        "stored": [
            {"table": table, "symbol": symbol, "age_s": age_s}
            for table in tables
            for symbol, age_s in (("BTCUSDT", 1.4), (LONG, 86_399.0))
        ],
        "lag": [
            {"group": "candlewick-sinks-history", "topic": topic, "records": 123_456_789, **lag}
            for topic in ("market.klines.v1", "model.scores.v1")
        ],
        "newest_prediction_age_s": 3.2,
        "clock_offset_ms": -7_200_000,
        "members": {},
        "stream_clients": 0,
    }
    return Health.model_validate(said)


def printed(health: Health, columns: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=columns, highlight=False)
    print_health(console, health)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_every_number_is_whole_in_one_line(columns: int) -> None:
    lines = printed(a_health(), columns)

    assert any(
        "stored candles_live" in line and "1s" in line and "23h 59m" in line for line in lines
    )
    assert any("246,913,578" in line and "1d 4h" in line for line in lines)
    assert "the newest trades are 2h 0m old" in lines[-1]
    assert len(lines) == 1 + 6 + 2 + 1 + 1


@pytest.mark.parametrize(
    ("offset_ms", "said"),
    [(-135, "-135 ms from ours"), (61_000, "1m 1s ahead of our clock: set it")],
)
def test_how_far_the_newest_trades_are_from_our_clock_is_told(offset_ms: int, said: str) -> None:
    health = a_health().model_copy(update={"clock_offset_ms": offset_ms})

    assert printed(health, 200)[-1].endswith(said)


def test_a_symbol_of_which_nothing_came_is_the_slowest() -> None:
    row = next(line for line in printed(a_health()) if line.startswith("live candles"))

    assert row.split()[2:] == ["1s", "none", "BTCUSDT"]


def test_what_is_wrong_is_said_in_words() -> None:
    reason = "no trades stored for 75 s; no candles of [red]X[/] stored for 130 s"
    lines = printed(a_health("down", stored=a_part("down", reason)))

    assert f"down stored: {reason}" in lines
    assert lines[-1].startswith("data down")
