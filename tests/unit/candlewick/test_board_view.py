from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from candlewick.stack.process_identity import Identity
from candlewick.stack.state import Phase, ProcessState
from candlewick.terminal.board import (
    EMPTY,
    Board,
    ClosedCandle,
    Flow,
    GapCount,
    OpenCandle,
    Predicted,
)
from candlewick.terminal.board_view import Surroundings, render
from candlewick.terminal.numbers import decimals_of, short_amount, short_delay, short_duration

NAMES = ("kafka", "clickhouse", "exchange", "sink", "candles", "stream")


def around(*symbols: str, columns: int) -> Surroundings:
    return Surroundings(
        exchange="simulated Binance",
        symbols=symbols,
        addresses="ClickHouse http://127.0.0.1:8123 · Kafka 127.0.0.1:9092",
        processes=tuple(
            ProcessState(name, Phase.RUNNING, Identity(1, 1.0), restarts=0, last_exit=None)
            for name in NAMES
        ),
        memory_mb=1234.5,
        note="",
        columns=columns,
    )


def a_board(symbol: str) -> Board:
    price = Decimal("114010.01000000")
    candle = OpenCandle(symbol, 0, 900_000, price, price, price, price, Decimal("18.5"), 300_000)
    flow = Flow(symbol, 1234.0, 61.0, 180.0)
    return Board(
        open={symbol: candle},
        closed={symbol: ClosedCandle(symbol, "15m", -900_000, price, "complete")},
        predicted={symbol: Predicted(symbol, 0, Decimal("113900.125"), Decimal("114100.50"))},
        flow={symbol: flow},
        gaps={symbol: GapCount(symbol, 3, 2, 1)},
        total=flow,
    )


def drawn(board: Board, *symbols: str, columns: int = 100) -> list[str]:
    console = Console(width=columns, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(render(board, around(*symbols, columns=columns)))
    return capture.get().splitlines()


def test_a_row_has_prices_status_speed_delay_and_gaps_within_100_columns() -> None:
    lines = drawn(a_board("BTCUSDT"), "BTCUSDT")

    row = next(line for line in lines if line.startswith("BTCUSDT"))
    for part in ("114,010.01", "18.5", "23:45 complete", "1.23k", "61 ms", "2 of 3"):
        assert part in row
    assert "10m 0s left" in lines[1]
    assert max(map(len, lines)) <= 100


def test_a_narrow_terminal_still_shows_whole_figures() -> None:
    lines = drawn(a_board("BTCUSDT"), "BTCUSDT", columns=80)

    row = next(line for line in lines if line.startswith("BTCUSDT"))
    for part in ("114,010.01", "18.5", "23:45 complete", "1.23k", "61 ms", "2 of 3"):
        assert part in row


SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT")


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
def test_the_predicted_interval_of_every_open_candle_stands_whole_on_a_line(columns: int) -> None:
    boards = [a_board(symbol) for symbol in SYMBOLS]
    predicted = {s: p for board in boards for s, p in board.predicted.items()}
    opened = {s: c for board in boards for s, c in board.open.items()}

    lines = drawn(replace(boards[0], open=opened, predicted=predicted), *SYMBOLS, columns=columns)

    said = " ".join(lines).replace("\N{NO-BREAK SPACE}", " ")
    assert all(f"{s} 113,900.125–114,100.500" in said for s in SYMBOLS)  # noqa: RUF001 - a range
    assert max(map(len, lines)) <= columns


def test_a_prediction_of_a_candle_that_has_closed_is_not_shown() -> None:
    board = a_board("BTCUSDT")
    old = replace(board.predicted["BTCUSDT"], open_ms=-900_000)

    assert "Predicted close" in " ".join(drawn(board, "BTCUSDT"))
    assert "Predicted close" not in " ".join(
        drawn(replace(board, predicted={"BTCUSDT": old}), "BTCUSDT")
    )


def test_nothing_of_the_headline_is_broken_at_80_columns() -> None:
    lines = drawn(a_board("BTCUSDT"), "BTCUSDT", columns=80)

    assert lines[1].startswith("Candle")


def test_symbols_without_trades_are_shown_waiting() -> None:
    lines = drawn(EMPTY, "BTCUSDT", "ETHUSDT")

    assert "waiting for the first trades" in lines[1]
    assert sum("none yet" in line for line in lines) == 2


def test_every_process_is_named() -> None:
    text = " ".join(drawn(EMPTY, "BTCUSDT"))

    assert all(f"● {name}" in text for name in NAMES)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999.4, "999"), (1234567, "1.23M"), (Decimal("12.345"), "12.3"), (1e11, "100B")],
)
def test_amounts_fit_a_narrow_column(value: float, text: str) -> None:
    assert short_amount(value) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(61.4, "61 ms"), (12_345, "12.3 s"), (3_600_000, "3600 s")]
)
def test_delays_are_milliseconds_until_ten_seconds(ms: float, text: str) -> None:
    assert short_delay(ms) == text


def test_prices_of_a_row_have_the_decimals_that_show_all_of_them() -> None:
    assert decimals_of([Decimal("0.10230000"), Decimal("0.1")]) == 4
    assert decimals_of([Decimal(5)]) == 2


def test_durations_have_at_most_two_units() -> None:
    assert [short_duration(s) for s in (59.4, 192, 3700, 90_061)] == [
        "59s",
        "3m 12s",
        "1h 1m",
        "1d 1h",
    ]
