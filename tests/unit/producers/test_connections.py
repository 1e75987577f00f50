"""Which symbols are told to be unproven when one connection takes the place of another."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from clients.clock import steady_ms
from producers.binance.signs_of_life import SignsOfLife
from producers.binance.urls import SYMBOLS_A_CONNECTION, StreamAddress
from producers.trades.connections import Attempts, RotatingConnection
from producers.trades.lines import Lines
from schemas.errors import Transient
from schemas.settings import StreamSettings

if TYPE_CHECKING:
    from producers.binance.websocket import Connection

pytestmark = pytest.mark.anyio
WITHIN_S = 10.0
NOW_MS = 1_700_000_000_000
ADDRESS = StreamAddress("ws://exchange", ("DOTUSDT",))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def heard_before(passed_ms: int) -> SignsOfLife:
    return SignsOfLife(steady_ms() - passed_ms)


@dataclass(slots=True)
class Wire:
    """What a line needs of a connection."""

    address: StreamAddress = ADDRESS
    ending: bool = False
    opened_ms: int = field(default_factory=steady_ms)
    newest_event_ms: int = -1
    first_event_ms: int = -1
    life: SignsOfLife = field(default_factory=lambda: heard_before(0))
    reading: asyncio.Future[None] = field(default_factory=asyncio.Future)

    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def close(self) -> None:
        self.reading.cancel()
        self.closed.set()


@dataclass(slots=True)
class Line:
    """A line over wires, and what it tells."""

    meanwhile: Callable[[Wire], None] = lambda _: None
    failures: int = 0
    told: list[tuple[set[str], int]] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def connect(self, _: StreamAddress) -> "Connection":
        if self.wires and self.failures:
            self.failures -= 1
            raise Transient("no connection")
        if self.wires:
            self.meanwhile(self.wires[0])
            self.changed.set()
        self.wires.append(Wire())
        return cast("Connection", self.wires[-1])

    def on_unproven(self, symbols: Iterable[str], opened_ms: int) -> None:
        if names := set(symbols):
            self.told.append((names, opened_ms))

    def rotating(self) -> RotatingConnection:
        return RotatingConnection(
            ADDRESS, self.connect, self.on_unproven, StreamSettings(), Attempts()
        )

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[RotatingConnection]:
        """Run the line until its second connection is open; what was told before is forgotten."""
        line = self.rotating()
        running = asyncio.create_task(line.run())
        async with asyncio.timeout(WITHIN_S):
            await line.opened.wait()
            self.told.clear()
            self.wires[0].ending = True
            await self.changed.wait()
            await asyncio.sleep(0)
        yield line
        running.cancel()
        await asyncio.wait({running})


async def told_at_a_change(meanwhile: Callable[[Wire], None], *, failures: int = 0) -> set[str]:
    """Return what is told when a connection is replaced, and what happens until the next opens."""
    line = Line(meanwhile, failures)
    async with line.changing():
        return set().union(*(symbols for symbols, _ in line.told))


async def told_at_the_end(newest_ms: int, first_ms: int) -> list[tuple[set[str], int]]:
    """Return what is told when the older of two connections ends, by times of theirs."""
    line = Line()
    async with line.changing() as rotating, asyncio.timeout(WITHIN_S):
        older, newer = line.wires
        older.newest_event_ms, newer.first_event_ms = newest_ms, first_ms
        newer.newest_event_ms = NOW_MS
        older.reading.set_result(None)
        await older.closed.wait()
        assert rotating.newest_event_ms("DOTUSDT") == NOW_MS
        assert [opened_ms for _, opened_ms in line.told] in ([], [newer.opened_ms])
        return line.told


async def test_nothing_is_proven_before_the_first_connection_is_open() -> None:
    line = Line()
    rotating = line.rotating()
    running = asyncio.create_task(rotating.run())
    async with asyncio.timeout(WITHIN_S):
        await rotating.opened.wait()
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})

    assert line.told == [({"DOTUSDT"}, line.wires[0].opened_ms)]


async def test_connection_that_reads_on_until_the_next_one_is_open_has_missed_nothing() -> None:
    assert await told_at_a_change(lambda _: None) == set()


@pytest.mark.parametrize("passed_ms", [5_000, 300_000])
async def test_connection_that_falls_silent_while_the_next_is_opened_may_have_missed_trades(
    passed_ms: int,
) -> None:
    def fall_silent(wire: Wire) -> None:
        wire.life = heard_before(passed_ms)

    assert await told_at_a_change(fall_silent, failures=2) == {"DOTUSDT"}


async def test_connection_that_ends_while_the_next_is_opened_may_have_missed_trades() -> None:
    def end(wire: Wire) -> None:
        wire.reading.set_result(None)

    assert await told_at_a_change(end) == {"DOTUSDT"}


@pytest.mark.parametrize(
    ("newest_ms", "first_ms"),
    [(NOW_MS - 2_000, NOW_MS - 1_500), (NOW_MS - 2_000, -1), (-1, NOW_MS), (NOW_MS, NOW_MS)],
)
async def test_connection_that_ends_before_it_reached_the_next_one_may_have_missed_trades(
    newest_ms: int, first_ms: int
) -> None:
    told = await told_at_the_end(newest_ms, first_ms)

    assert [symbols for symbols, _ in told] == [{"DOTUSDT"}]


async def test_connection_that_overlapped_with_the_next_one_has_missed_nothing() -> None:
    assert await told_at_the_end(NOW_MS, NOW_MS - 1_000) == []


async def test_next_connection_says_nothing_about_quiet_while_the_one_before_it_lags() -> None:
    line = Line()
    async with line.changing() as rotating:
        older, newer = line.wires
        older.newest_event_ms, newer.newest_event_ms = NOW_MS - 700, NOW_MS
        newest_ms = rotating.newest_event_ms("DOTUSDT")

    assert newest_ms == NOW_MS - 700


async def test_line_that_cannot_be_opened_keeps_the_symbols_of_others_from_nothing() -> None:
    symbols = [f"SIM{number}USDT" for number in range(SYMBOLS_A_CONNECTION + 1)]

    async def connect(address: StreamAddress) -> "Connection":
        if symbols[0] in address.carried:
            raise Transient("no connection")
        return cast("Connection", Wire(address))

    lines = Lines("ws://exchange", connect, lambda *_: None, StreamSettings())
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as tasks:
        lines.carry(symbols, tasks)
        await lines.opened(symbols[-1])
        lines.carry([], tasks)

    assert not lines.is_open
