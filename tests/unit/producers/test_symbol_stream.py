"""When a symbol's trades become blocks, what a block vouches for, and when quiet may be told."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.clock import steady_ms
from producers.trades.counters import Counts
from producers.trades.era_check import EraCheck
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.packing.flush_tick import FlushTick
from producers.trades.resume import Newest, open_gaps
from producers.trades.symbol_stream import SymbolFlow
from schemas.market import Candle, Gap, GapState, TradeBlock
from schemas.settings import Settings, StreamSettings
from tests.support.builders import MINUTE_MS, START_MS, a_block, a_trade

LATENESS_MS = 2_000
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass(slots=True)
class Outlet:
    """Takes records while it has room."""

    room: int = 1_000_000
    taken: list[TradeBlock | Candle | Gap] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, record: TradeBlock | Candle | Gap) -> bool:
        if self.room == 0:
            return False
        self.room -= 1
        self.taken.append(record)
        self.heard.set()
        return True

    @property
    def blocks(self) -> list[TradeBlock]:
        return [one for one in self.taken if isinstance(one, TradeBlock)]


@dataclass(slots=True)
class Stream:
    """The event time that the connections have reached."""

    event_ms: int = START_MS


def a_clock(stream: Stream) -> ExchangeClock:
    clock = ExchangeClock(ahead_ms=5_000)
    clock.hear("REST", stream.event_ms, steady_ms())
    return clock


def a_flow(outlet: Outlet, stream: Stream, *, linger_ms: int = 0, most: int = 1000) -> SymbolFlow:
    settings = Settings(stream=StreamSettings(linger_ms=linger_ms, block_trades=most))
    flow = SymbolFlow(
        "BTCUSDT",
        outlet,
        settings,
        Counts(),
        lambda: stream.event_ms,
        clock=a_clock(stream),
        tick=FlushTick(settings.stream),
    )
    flow.continuity.start(1, now_ms=0)
    return flow


async def hear(flow: SymbolFlow, *ids: int) -> None:
    for agg_id in ids:
        flow.offer(a_trade(agg_id))
    await asyncio.sleep(0)


async def a_flow_that_heard_a_trade(outlet: Outlet, stream: Stream) -> SymbolFlow:
    flow = a_flow(outlet, stream)
    await hear(flow, 1)
    flow.flush()
    return flow


async def test_first_trade_of_a_minute_goes_at_once_with_those_before_it() -> None:
    outlet = Outlet()
    flow = a_flow(outlet, Stream(), linger_ms=5_000)

    await hear(flow, 1, 2)
    assert outlet.blocks == []
    flow.offer(a_trade(3, event_ms=START_MS + MINUTE_MS))

    assert [len(block) for block in outlet.blocks] == [3]


async def test_trades_of_one_linger_share_a_block() -> None:
    outlet = Outlet()
    flow = a_flow(outlet, Stream(), linger_ms=5)

    await hear(flow, 1, 2, 3)
    assert outlet.blocks == []
    await asyncio.wait_for(outlet.heard.wait(), timeout=5)

    assert [len(block) for block in outlet.blocks] == [3]


async def test_full_block_does_not_wait() -> None:
    outlet = Outlet()
    flow = a_flow(outlet, Stream(), linger_ms=5_000, most=2)

    await hear(flow, 1, 2)

    assert [len(block) for block in outlet.blocks] == [2]


async def test_block_vouches_for_the_event_time_of_the_whole_stream() -> None:
    outlet = Outlet()

    await a_flow_that_heard_a_trade(outlet, Stream(START_MS + 500))

    assert outlet.blocks[0].watermark_ms == START_MS + 500


async def test_block_before_a_hole_vouches_for_its_own_trades_only() -> None:
    outlet, stream = Outlet(), Stream(START_MS + 500)
    flow = a_flow(outlet, stream)

    await hear(flow, 1, 3)
    flow.flush()

    assert [block.watermark_ms for block in outlet.blocks] == [START_MS]


async def test_quiet_minute_is_told_once_the_stream_has_passed_it() -> None:
    outlet, stream = Outlet(), Stream(START_MS + LATENESS_MS)
    flow = await a_flow_that_heard_a_trade(outlet, stream)

    stream.event_ms = START_MS + MINUTE_MS + LATENESS_MS - 1
    flow.tell_quiet()
    assert len(outlet.blocks) == 1
    stream.event_ms += 1
    flow.tell_quiet()
    flow.tell_quiet()

    quiet = outlet.blocks[1]
    assert len(outlet.blocks) == 2
    assert (len(quiet), quiet.first_agg_id, quiet.watermark_ms) == (0, 2, stream.event_ms)
    assert quiet.first_trade_id == outlet.blocks[0].next_trade_id


@pytest.mark.parametrize("doubt", ["hole", "connection", "no connection", "candle"])
async def test_quiet_is_not_told_while_a_trade_may_have_been_missed(doubt: str) -> None:
    outlet, stream = Outlet(), Stream()
    flow = await a_flow_that_heard_a_trade(outlet, stream)
    stream.event_ms = START_MS + 2 * MINUTE_MS
    if doubt == "hole":
        flow.expect(a_trade(5))
    elif doubt == "connection":
        flow.lose_sight()
    elif doubt == "no connection":
        stream.event_ms = -1
    else:
        flow.evidence.tell(2, 0)

    flow.tell_quiet()

    assert len(outlet.blocks) == 1


async def test_candle_of_the_exchange_reveals_a_trade_that_did_not_come() -> None:
    outlet = Outlet()
    flow = await a_flow_that_heard_a_trade(outlet, Stream())

    flow.evidence.tell(2, 0)
    assert flow.evidence.suspect_ms is not None
    flow.expect(a_trade(2))

    assert flow.evidence.suspect_ms is None
    assert flow.continuity.wanted == 2


async def test_nothing_is_lost_while_kafka_has_no_room() -> None:
    outlet = Outlet(room=1)
    flow = a_flow(outlet, Stream(), most=2)

    await hear(flow, *range(1, 10))
    flow.flush()
    assert len(outlet.blocks) == 1
    outlet.room = 1_000
    outlet.heard.clear()
    await asyncio.wait_for(outlet.heard.wait(), timeout=5)

    assert [(block.first_agg_id, len(block)) for block in outlet.blocks] == [
        (1, 2),
        (3, 2),
        (5, 2),
        (7, 2),
        (9, 1),
    ]


async def test_resumed_flow_keeps_the_next_trade_id_and_tells_quiet_without_a_new_trade() -> None:
    outlet, stream = Outlet(), Stream(START_MS + 2 * MINUTE_MS)
    settings = Settings()
    flow = SymbolFlow(
        "BTCUSDT",
        outlet,
        settings,
        Counts(),
        lambda: stream.event_ms,
        clock=a_clock(stream),
        tick=FlushTick(settings.stream),
    )
    last = a_block([a_trade(7, first_trade_id=70, fills=3)])
    flow.go_on_after(last)
    flow.continuity.start(last.next_agg_id, now_ms=0)

    flow.tell_quiet()
    assert outlet.blocks == []
    flow.continuity.proven = True
    flow.tell_quiet()

    assert [(b.first_agg_id, b.first_trade_id) for b in outlet.blocks] == [(8, 73)]


async def test_gap_that_an_earlier_run_gave_up_is_tried_again_where_it_is_still_missing() -> None:
    outlet = Outlet()
    flow = a_flow(outlet, Stream())
    flow.go_on_after(a_block([a_trade(20)]))
    flow.continuity.start(21, now_ms=0)
    given_up = GapState.GIVEN_UP.value
    flow.inherit(
        [
            Gap("BTCUSDT", 2, 9, -1, -1, given_up, 5, 6, "REST was away"),
            Gap("BTCUSDT", 12, 13, -1, -1, given_up, 5, 6, "REST was away"),
        ],
        [(12, 14), (4, 6), (14, 21)],
    )
    late = flow.continuity.late

    flow.advance()
    assert [(one.state, one.first_agg_id) for one in outlet.taken if isinstance(one, Gap)] == [
        (GapState.REPAIRED, 12)
    ]
    for ids in ((2, 3), (6, 7, 8, 9)):
        assert late.wanted == ids[0]
        run = late.run_of([a_trade(agg_id) for agg_id in range(late.wanted, 20)])
        assert [trade.agg_id for trade in run] == list(ids)
        event = late.published(len(run), 7)
    assert event is not None
    assert (event.state, event.first_agg_id, event.last_agg_id) == (GapState.REPAIRED, 2, 9)


def test_next_run_does_not_begin_at_a_lone_block_far_ahead_but_at_a_jump_that_went_on() -> None:
    ids = [*range(1, 5), 10**6, 5, 6]
    lone, went_on = Newest(), Newest()
    for agg_id in ids:
        lone.see(a_block([a_trade(agg_id)]))
    for agg_id in (1, 2, 10**6, 10**6 + 1):
        went_on.see(a_block([a_trade(agg_id)]))

    assert lone.block is not None
    assert lone.block.next_agg_id == 7
    assert went_on.block is not None
    assert went_on.block.next_agg_id == 10**6 + 2


GAP_STATES = [state for state in GapState if state is not GapState.NEW_ERA]


@given(st.lists(st.sampled_from(GAP_STATES), max_size=6))
def test_gap_is_open_until_it_was_repaired(states: list[GapState]) -> None:
    events = [Gap("BTCUSDT", 1, 2, -1, -1, state.value, 5, 5, "") for state in states]

    assert open_gaps(events) == (
        events[-1:] if states and states[-1] is not GapState.REPAIRED else []
    )


async def test_gap_that_the_previous_run_left_open_is_ended_once_its_trades_are_published() -> None:
    outlet = Outlet()
    flow = a_flow(outlet, Stream())
    found = Gap("BTCUSDT", 1, 2, -1, -1, GapState.FOUND.value, 5, 5, "ids jump")
    flow.inherit([found], [])

    await hear(flow, 1)
    flow.flush()
    flow.advance()
    assert len(outlet.taken) == 1
    await hear(flow, 2)
    flow.flush()
    flow.advance()
    flow.advance()

    ended = [one for one in outlet.taken if isinstance(one, Gap)]
    assert [(gap.state, gap.first_agg_id, gap.last_agg_id) for gap in ended] == [
        (GapState.REPAIRED, 1, 2)
    ]


async def test_quiet_is_not_told_while_ids_may_begin_again_and_is_told_when_they_go_on() -> None:
    outlet, stream = Outlet(), Stream()
    flow = a_flow(outlet, stream)
    await hear(flow, 1, 2, 3)
    flow.flush()
    stream.event_ms = START_MS + MINUTE_MS + LATENESS_MS

    flow.offer(a_trade(0, event_ms=START_MS + 30_000))
    flow.tell_quiet()
    assert [len(block) for block in outlet.blocks] == [3]
    flow.offer(a_trade(4, event_ms=START_MS + MINUTE_MS))
    flow.flush()
    stream.event_ms += MINUTE_MS
    flow.tell_quiet()

    assert [len(block) for block in outlet.blocks] == [3, 1, 0]
    assert [trade.agg_id for trade in flow.eras.refused] == [0]


async def test_trades_that_come_again_late_cause_no_doubt() -> None:
    flow = a_flow(Outlet(), Stream())

    await hear(flow, 1, 2, 3, 2, 1, 3)

    assert not flow.eras


async def test_an_era_begins_behind_all_that_is_ready_even_while_the_queue_is_full() -> None:
    outlet = Outlet()
    flow = a_flow(outlet, Stream())
    await hear(flow, 1)
    flow.flush()
    outlet.room = 0
    await hear(flow, 2, 3, 7)
    flow.inherit([Gap("BTCUSDT", 8, 9, -1, -1, GapState.FOUND.value, 5, 5, "ids jump")], [])
    first = a_trade(0, event_ms=START_MS + MINUTE_MS)

    event = flow.begin_era(first)
    flow.continuity.start(0, now_ms=steady_ms(), silent=True)
    flow.fill([first, a_trade(1, event_ms=START_MS + MINUTE_MS)])
    outlet.room = 100
    flow.flush()

    told = [
        (one.state, one.era) if isinstance(one, Gap) else (one.first_agg_id, len(one), one.era)
        for one in outlet.taken
    ]
    assert told == [(1, 1, 0), (2, 2, 0), ("given-up", 0), ("new-era", 1), (0, 2, 1)]
    assert (event.first_agg_id, event.last_agg_id) == (0, 0)
    assert (event.after_ms, event.before_ms) == (START_MS, first.event_ms)
    assert not flow.eras


async def test_an_id_that_is_due_by_chance_in_another_era_is_not_published() -> None:
    outlet = Outlet()
    flow = a_flow(outlet, Stream())
    flow.offer(a_trade(1, first_trade_id=70))
    flow.flush()

    flow.offer(a_trade(2, first_trade_id=3, event_ms=START_MS + 9_000))
    flow.flush()
    assert [len(block) for block in outlet.blocks] == [1]
    assert flow.eras
    flow.offer(a_trade(2, first_trade_id=71, event_ms=START_MS + 9_000))
    flow.flush()

    assert [(block.first_agg_id, block.first_trade_id) for block in outlet.blocks] == [
        (1, 70),
        (2, 71),
    ]
    assert not flow.eras


async def test_a_trade_that_was_given_up_is_no_sign_of_another_era() -> None:
    flow = a_flow(Outlet(), Stream())
    flow.continuity.start(1, now_ms=0)
    flow.offer(a_trade(1, event_ms=START_MS))
    newest = a_trade(5, event_ms=START_MS + 60_000)
    flow.expect(newest)
    flow.continuity.advance(steady_ms() + 2 * flow.give_up_ms)
    assert flow.continuity.next_id == 6

    check = EraCheck(flow, None, None, None)  # type: ignore[arg-type] - nothing is asked
    assert check.goes_on(newest)
    assert not flow.eras


async def test_no_quiet_is_told_behind_a_hole_that_was_given_up_at_the_head() -> None:
    outlet, stream = Outlet(), Stream()
    flow = a_flow(outlet, stream)
    flow.continuity.start(1, now_ms=0)
    flow.fill([a_trade(1, event_ms=START_MS)])
    flow.expect(a_trade(3, event_ms=START_MS + 1_000))
    flow.continuity.advance(steady_ms() + 2 * flow.give_up_ms)
    flow.continuity.proven = True
    flow.flush()

    stream.event_ms = START_MS + 5 * MINUTE_MS
    flow.tell_quiet()
    assert [block.next_agg_id for block in outlet.blocks] == [2]

    flow.fill([a_trade(4, event_ms=START_MS + 2 * MINUTE_MS)])
    flow.tell_quiet()
    assert [block.next_agg_id for block in outlet.blocks] == [2, 5, 5]
