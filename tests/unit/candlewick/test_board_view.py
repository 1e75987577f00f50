import io
import os
import socket
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console
from rich.live import Live

from candlewick.stack.addresses import Addresses, local_settings
from candlewick.stack.folder import StackFolder
from candlewick.stack.process_identity import Identity
from candlewick.stack.stack import StackPlan
from candlewick.stack.state import Phase, ProcessState
from candlewick.terminal import demo_screen
from candlewick.terminal.board import (
    ANSWER_S,
    EMPTY,
    Board,
    ClosedCandle,
    Flow,
    GapCount,
    OpenCandle,
    Predicted,
)
from candlewick.terminal.board_view import Picture, Surroundings
from candlewick.terminal.demo_screen import DemoScreen, can_redraw
from candlewick.terminal.numbers import decimals_of, short_amount, short_delay, short_duration
from schemas.settings import Settings

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
        notes=(),
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
        console.print(Picture(board, around(*symbols, columns=columns)))
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


SHORTAGE = "the disk of /srv/candlewick is full: 90 MB are free; everything waits"
ELEVEN = (*SYMBOLS, "DOGEUSDT", "ADAUSDT", "TRXUSDT", "AVAXUSDT", "LINKUSDT", "DOTUSDT")
PAGE = "page http://127.0.0.1:8000 · ClickHouse http://127.0.0.1:8123 · Kafka 127.0.0.1:9092"
STACK = (*NAMES, "predictor", "backfill", "sink-history", "api", "coins", "trainer")


def on_screen(symbols: tuple[str, ...], columns: int, rows: int, phase: Phase) -> list[str]:
    """What a terminal of this size shows of a whole stack with a note."""
    boards = [a_board(symbol) for symbol in symbols]
    board = replace(
        boards[0],
        open={s: c for one in boards for s, c in one.open.items()},
        predicted={s: p for one in boards for s, p in one.predicted.items()},
    )
    processes = tuple(
        ProcessState(name, phase, Identity(1, 1.0), restarts=2, last_exit=-9) for name in STACK
    )
    where = replace(around(*symbols, columns=columns), rows=rows, processes=processes)
    where = replace(where, addresses=PAGE, notes=(SHORTAGE,))
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system=None, width=columns, height=rows)
    with Live(console=console, auto_refresh=False, screen=True) as live:
        live.update(Picture(board, where), refresh=True)
        shown = file.getvalue().rpartition("\x1b[H")[2].splitlines()
    assert len(shown) == rows
    return shown


def words_of(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.NO_ROOM])
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (80, 50), (120, 24), (60, 20), (80, 14)])
def test_the_table_gives_way_to_what_is_wrong_and_where_to_look(
    columns: int, rows: int, phase: Phase
) -> None:
    said = words_of(on_screen(ELEVEN, columns, rows, phase))

    assert all(f"● {name} (2 restarts)" in said for name in STACK)
    assert PAGE in said
    assert SHORTAGE in said


def test_a_screen_that_is_too_low_says_how_many_symbols_it_leaves_out() -> None:
    low = on_screen(ELEVEN, 80, 24, Phase.RUNNING)
    high = on_screen(ELEVEN, 80, 50, Phase.RUNNING)

    shown = [symbol for symbol in ELEVEN if any(f"{symbol} " in line for line in low)]
    assert 3 < len(shown) < len(ELEVEN)
    assert f"… and {len(ELEVEN) - len(shown)} more: see the page" in words_of(low)
    assert low[-1].strip()  # no line is wasted
    assert all(any(line.startswith(symbol) for line in high) for symbol in ELEVEN)
    assert "more: see the page" not in words_of(high)


def test_processes_that_do_not_run_are_told_with_their_phase() -> None:
    said = words_of(on_screen(ELEVEN, 80, 50, Phase.NO_ROOM))

    assert said.count("waiting for room on the disk: ● kafka") == 1


def test_what_the_supervisor_says_is_not_covered_by_what_the_reader_says(tmp_path: Path) -> None:
    nowhere = local_settings(Settings(data_dir=tmp_path), Addresses(9, 9, None, 9))
    plan = StackPlan(StackFolder(tmp_path), nowhere, Addresses(9, 9, None, 9))
    file = io.StringIO()
    screen = DemoScreen(plan, Console(file=file, width=200))
    waits = ProcessState("kafka", Phase.NO_ROOM, None, restarts=0, last_exit=None)

    screen.say(SHORTAGE)
    said = file.tell()
    screen.refresh((waits,))

    below = [line for line in file.getvalue()[said:].splitlines() if line.strip()][-2:]
    assert below[0].startswith(SHORTAGE)
    assert below[1].startswith("ClickHouse: ")


def test_a_store_that_hangs_holds_no_supervisor_up_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_screen, "LATE_S", 0.0)
    monkeypatch.setattr(demo_screen, "PRINTED_PATIENCE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # it accepts, and says nothing
        addresses = Addresses(9, frozen.getsockname()[1], None, 9)
        plan = StackPlan(
            StackFolder(tmp_path), local_settings(Settings(data_dir=tmp_path), addresses), addresses
        )
        file = io.StringIO()
        screen = DemoScreen(plan, Console(file=file, width=200))
        began = time.monotonic()
        screen.refresh(())
        took_s = time.monotonic() - began

    assert took_s < ANSWER_S / 2
    assert "ClickHouse: no answer for 0 s" in file.getvalue()


@pytest.mark.parametrize(("term", "redraws"), [("xterm", True), ("dumb", False)])
def test_only_a_terminal_that_can_is_redrawn(term: str, redraws: bool) -> None:  # noqa: FBT001
    ours, its = os.openpty()
    with os.fdopen(ours), os.fdopen(its, "w") as terminal:
        assert can_redraw(Console(file=terminal, _environ={"TERM": term})) is redraws
    forced = {"TERM": "xterm", "FORCE_COLOR": "1"}
    assert not can_redraw(Console(file=io.StringIO(), _environ=forced))


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
