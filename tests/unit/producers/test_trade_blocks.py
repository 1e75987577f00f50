"""A block holds a gap-free run: of aggregate ids and of trade ids."""

from hypothesis import given
from hypothesis import strategies as st

from producers.trades.packing.blocks import cut_block, leading_run
from schemas.market import NO_TRADE_ID, Gap, Trade
from tests.support.builders import START_MS, a_trade


def a_gap() -> Gap:
    return Gap("BTCUSDT", 5, 9, -1, -1, "found", 0, 0, "ids jump")


def a_void(agg_id: int) -> Trade:
    return Trade("BTCUSDT", agg_id, 0, 0, NO_TRADE_ID, NO_TRADE_ID, START_MS, taker_sold=False)


def test_block_ends_at_its_most_trades() -> None:
    assert len(leading_run([a_trade(i) for i in range(10)], limit=4)) == 4


def test_block_ends_before_a_jump_in_aggregate_ids() -> None:
    run = leading_run([a_trade(1), a_trade(2), a_trade(4)], limit=9)

    assert [trade.agg_id for trade in run] == [1, 2]


def test_block_ends_before_a_jump_in_trade_ids() -> None:
    first, second = a_trade(1, first_trade_id=10, fills=2), a_trade(2, first_trade_id=13)

    assert leading_run([first, second], limit=9) == [first]


def test_block_ends_before_a_gap_event() -> None:
    assert leading_run([a_trade(1), a_gap(), a_trade(2)], limit=9) == [a_trade(1)]


def test_void_record_ends_nothing() -> None:
    trades = [a_trade(1, first_trade_id=10), a_void(2), a_trade(3, first_trade_id=11)]

    run = leading_run(trades, limit=9)
    block = cut_block(run, next_trade_id=10, received_ms=0, watermark_ms=0)

    assert run == trades
    assert (block.next_agg_id, block.next_trade_id) == (4, 12)


def test_block_of_void_records_keeps_the_next_trade_id() -> None:
    block = cut_block([a_void(1)], next_trade_id=77, received_ms=0, watermark_ms=0)

    assert (block.first_trade_id, block.next_trade_id) == (77, 77)


def test_watermark_is_never_older_than_the_newest_trade() -> None:
    run = [a_trade(1, event_ms=START_MS + 9), a_trade(2, event_ms=START_MS)]

    early = cut_block(run, next_trade_id=0, received_ms=0, watermark_ms=START_MS)
    later = cut_block(run, next_trade_id=0, received_ms=0, watermark_ms=START_MS + 50)

    assert (early.watermark_ms, later.watermark_ms) == (START_MS + 9, START_MS + 50)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2), st.booleans()), max_size=60),
    st.integers(1, 20),
)
def test_runs_cover_everything_once_and_each_is_gap_free(
    steps: list[tuple[int, int, bool]], limit: int
) -> None:
    items: list[Trade | Gap] = []
    agg_id = trade_id = 0
    for agg_step, trade_step, gap in steps:
        agg_id, trade_id = agg_id + agg_step, trade_id + 1 + trade_step
        items += [a_gap()] if gap else []
        items.append(a_trade(agg_id, first_trade_id=trade_id))

    left, seen = list(items), []
    while left:
        run = leading_run(left, limit=limit)
        if run:
            block = cut_block(run, next_trade_id=0, received_ms=0, watermark_ms=0)
            assert block.next_agg_id == run[-1].agg_id + 1
            assert block.next_trade_id == run[-1].last_trade_id + 1
        seen += run or [left[0]]
        del left[: len(run) or 1]

    assert seen == items
