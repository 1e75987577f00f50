"""The contents of the live board, read from ClickHouse as the read-only user."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from candlewick.store import board
from clients.clickhouse import Client, rows_of

ANSWER_S = 10.0  # a board that is late is of no use


@dataclass(frozen=True, slots=True)
class OpenCandle:
    """A symbol's open candle; `event_ms` is the newest event time that it includes."""

    symbol: str
    open_ms: int
    close_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    volume: Decimal
    event_ms: int


@dataclass(frozen=True, slots=True)
class ClosedCandle:
    """A symbol's last closed candle: of 15 minutes, or of 1 minute until there is one."""

    symbol: str
    interval: str
    open_ms: int
    close: Decimal
    status: str


@dataclass(frozen=True, slots=True)
class Predicted:
    """The 90 % interval of the price at which the open candle will close."""

    symbol: str
    open_ms: int
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Flow:
    """Trades of the last 10 seconds: their rate, and their delay from exchange to ClickHouse."""

    symbol: str
    trades_per_s: float
    typical_ms: float
    slow_ms: float


@dataclass(frozen=True, slots=True)
class GapCount:
    """Numbers of gaps of a symbol that were found, repaired and given up."""

    symbol: str
    found: int
    repaired: int
    given_up: int


@dataclass(frozen=True, slots=True)
class Board:
    """The board at one moment; mappings are by symbol, `total` is the flow of all symbols."""

    open: dict[str, OpenCandle]
    closed: dict[str, ClosedCandle]
    predicted: dict[str, Predicted]
    flow: dict[str, Flow]
    gaps: dict[str, GapCount]
    total: Flow


EMPTY = Board({}, {}, {}, {}, {}, Flow("", 0.0, 0.0, 0.0))
Row = TypeVar("Row", OpenCandle, ClosedCandle, Predicted, Flow, GapCount)


def read_board(client: Client) -> Board:
    """Read the whole board from ClickHouse.

    Raises:
        Transient: ClickHouse does not answer.
        ContractMismatch: It lacks a table or view of this version.
    """
    flow = _by_symbol(client, board.FLOW, Flow)
    total = flow.pop("", EMPTY.total)
    return Board(
        open=_by_symbol(client, board.OPEN_CANDLES, OpenCandle),
        closed=_by_symbol(client, board.CLOSED_CANDLES, ClosedCandle),
        predicted=_by_symbol(client, board.PREDICTIONS, Predicted),
        flow=flow,
        gaps=_by_symbol(client, board.GAPS, GapCount),
        total=total,
    )


def _by_symbol(client: Client, query: str, kind: type[Row]) -> dict[str, Row]:
    return {row.symbol: row for row in _rows(client, query, kind)}


def _rows(client: Client, query: str, kind: type[Row]) -> Iterator[Row]:
    for values in rows_of(client, query, limit_s=ANSWER_S):
        yield kind(*values)
