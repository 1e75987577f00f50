"""Many blocks of one poll, and what is stored, committed and sent again after a crash."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.candles.block_messages import Message
from processors.candles.state_record import load_record
from schemas import codecs, topics
from schemas.market import Candle, TradeBlock
from tests.support.builders import MINUTE_MS, START_MS, a_block, a_trade, newest_revisions
from tests.support.candle_stage import Stage, a_message

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
PARTITION_OF = {"BTCUSDT": 0, "ETHUSDT": 1, "SOLUSDT": 1}


def a_market(seed: int, *, perfect: bool = False) -> list[Message]:
    """Messages of three symbols in two partitions: late trades, and doubles, gaps and rubbish."""
    rng = random.Random(seed)
    blocks = [block for symbol in SYMBOLS for block in blocks_of(rng, symbol)]
    blocks.sort(key=lambda block: block.received_ms)
    offsets, messages = Counter[int](), []
    for i, block in enumerate(blocks):
        chance = 1.0 if perfect else rng.random()
        if chance < 0.05:
            continue  # lost: its ids are a gap
        again = [] if chance > 0.15 else [rng.choice(blocks[: i + 1])]
        for sent in (block, *again):
            partition = PARTITION_OF[sent.symbol]
            message = a_message(sent, offsets[partition], partition)
            offsets[partition] += 1
            is_rubbish = not perfect and rng.random() < 0.04
            messages.append(replace(message, value=b"rubbish") if is_rubbish else message)
    return messages


def blocks_of(rng: random.Random, symbol: str) -> list[TradeBlock]:
    next_id, now_ms, blocks = rng.randrange(1, 1000), START_MS + rng.randrange(50_000), []
    for _ in range(rng.randrange(5, 14)):
        trades = []
        for _ in range(rng.randrange(1, 7)):
            now_ms += rng.choice((0, 5, 900, 17_000, 70_000))
            late_ms = rng.choice((0, 0, 0, 800))
            price_e8, quantity_e8 = rng.randrange(1, 10**12), rng.randrange(1, 10**11)
            trades.append(
                a_trade(
                    next_id,
                    symbol=symbol,
                    event_ms=now_ms - late_ms,
                    price_e8=price_e8,
                    quantity_e8=quantity_e8,
                )
            )
            next_id += 1
        blocks.append(a_block(trades, watermark_ms=now_ms + rng.choice((0, 0, 3_000))))
        blocks[-1] = replace(blocks[-1], received_ms=now_ms + 3_100)
    return blocks


def candles_by_symbol(stage: Stage) -> dict[str, list[Candle]]:
    candles = [codecs.decode(Candle, raw) for raw in stage.outlet.candles]
    return {symbol: [c for c in candles if c.symbol == symbol] for symbol in SYMBOLS}


def letters(stage: Stage) -> list[tuple[int, int, str]]:
    return sorted((o.partition, o.offset, o.reason) for o in stage.outlet.letters_sent)


def cut(messages: Sequence[Message], cuts: Sequence[int]) -> list[Sequence[Message]]:
    edges = [0, *sorted({c % (len(messages) + 1) for c in cuts}), len(messages)]
    return [messages[start:end] for start, end in pairwise(edges)]


@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_polls_of_many_blocks_give_what_blocks_one_by_one_give(seed: int, cuts: list[int]) -> None:
    messages = a_market(seed)
    single = Stage().take(*messages)
    polled = Stage()
    for poll in cut(messages, cuts):
        polled.take_at_once(*poll)
    polled.save()

    assert candles_by_symbol(polled) == candles_by_symbol(single)
    assert letters(polled) == letters(single)
    assert polled.table == single.table
    assert polled.kept(0, 1) == single.kept(0, 1)
    assert len(polled.outlet.states_sent) <= len(SYMBOLS)


@given(
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.integers(0, 200), min_size=2, max_size=6),
    at_once=st.integers(1, 50),
)
def test_a_worker_killed_in_the_middle_of_a_poll_gives_the_same_candles_again(
    seed: int, cuts: list[int], at_once: int
) -> None:
    messages = a_market(seed, perfect=True)
    truth = Stage().take(*messages)
    first, *others = cut(messages, cuts)
    killed = Stage()
    killed.outlet.takes_candles = at_once % 2 == 0
    killed.take_at_once(*first).save()
    for poll in others[:-1]:  # it dies before the last one, with all these not committed
        killed.take_at_once(*poll)

    start = {partition: kept or 0 for partition, kept in enumerate(killed.kept(0, 1))}
    after = Stage(killed.table)
    asyncio.run(after.worker.start_over())
    after.read(messages, start, at_once=at_once).save()

    sent = [codecs.decode(Candle, raw) for raw in killed.outlet.candles + after.outlet.candles]
    wanted = [candle for those in candles_by_symbol(truth).values() for candle in those]
    assert newest_revisions(sent) == newest_revisions(wanted)
    assert set(sent) == set(wanted)  # each revision has one content, however often it was sent
    assert {key: load_record(raw).state for key, raw in after.table.items()} == {
        key: load_record(raw).state for key, raw in truth.table.items()
    }


def minutes(symbol: str, count: int, *, partition: int = 0) -> list[Message]:
    return [
        a_message(
            a_block([a_trade(i + 1, symbol=symbol, event_ms=START_MS + i * MINUTE_MS)]),
            i,
            partition,
        )
        for i in range(count)
    ]


def test_poison_in_the_middle_of_a_poll_is_buried_once_and_the_rest_goes_on() -> None:
    first, second, third, fourth = minutes("BTCUSDT", 4)
    other = minutes("ETHUSDT", 2, partition=1)
    poison = replace(second, value=b"\0rubbish")
    again = replace(second, offset=2)
    late = [replace(third, offset=3), replace(fourth, offset=4)]
    stage = Stage().take_at_once(first, other[0], poison, again, other[1], *late).save()

    assert [(o.partition, o.offset) for o in stage.outlet.letters_sent] == [(0, 1)]
    assert Counter(c.symbol for c in newest_revisions(decoded(stage)).values()) == {
        "BTCUSDT": 3,
        "ETHUSDT": 1,
    }
    assert stage.kept(0, 1) == [5, 2]


def decoded(stage: Stage) -> list[Candle]:
    return [codecs.decode(Candle, raw) for raw in stage.outlet.candles]


def test_nothing_from_a_record_of_a_newer_version_on_may_be_committed() -> None:
    first, second, third = minutes("BTCUSDT", 3)
    newer = replace(second, value=b"\0\0\0\0\1", headers={"contract": b"trade_block.v99"})
    others = minutes("ETHUSDT", 3, partition=1)
    stage = Stage().take_at_once(first, others[0], newer, others[1], third, others[2]).save()

    assert stage.reader.stopped == [(topics.TRADES.name, 0, 1)]
    assert stage.kept(0, 1) == [1, 3]


def test_nothing_is_committed_past_a_block_that_waits_until_it_is_read_again() -> None:
    bitcoin, ether = minutes("BTCUSDT", 8), minutes("ETHUSDT", 3)
    in_turn = [*bitcoin[:2], ether[0], *bitcoin[2:], *ether[1:]]
    log = [replace(message, offset=offset) for offset, message in enumerate(in_turn)]
    before = Stage().take_at_once(*log[:3]).save()
    stage = Stage(before.table)

    async def seek(_partition: int, _offset: int) -> int:
        return 0

    stage.worker._read_again = seek
    stage.take_at_once(*log[5:]).save()  # more was committed than the state has seen
    assert stage.kept(0) == [2]
    stage.take_at_once(*log[2:5]).save()
    assert stage.kept(0) == [5]
    stage.take_at_once(*log[5:]).save()
    assert stage.kept(0) == [11]
    assert load_record(stage.table[b"BTCUSDT"]).state.next_agg_id == 9


def test_what_kafka_has_not_acknowledged_is_not_committed_and_is_sent_again() -> None:
    messages = minutes("BTCUSDT", 4)
    stage = Stage().take_at_once(*messages[:3])
    stage.outlet.takes_states = False
    stage.save()
    assert stage.kept(0) == [None]
    assert stage.table == {}

    stage.outlet.takes_states = True
    stage.take_at_once(*messages[3:]).save()
    assert stage.kept(0) == [4]
    assert load_record(stage.table[b"BTCUSDT"]).offset == 3


@pytest.mark.parametrize("again", [0, 4])
def test_a_candle_that_is_not_acknowledged_goes_along_and_is_sent_after_a_start(again: int) -> None:
    stage = Stage()
    stage.outlet.takes_candles = not again
    stage.take_at_once(*minutes("BTCUSDT", 5)).save()
    after = Stage(stage.table)
    asyncio.run(after.worker.start_over())

    assert len(after.outlet.candles) == again
    assert after.outlet.candles == stage.outlet.candles[:again]


def test_a_symbol_that_has_not_changed_is_not_stored_again() -> None:
    messages = minutes("BTCUSDT", 2)
    stage = Stage().take_at_once(*messages).save()
    again = [replace(m, offset=m.offset + 2) for m in messages]
    stage.take_at_once(*again).save()

    assert len(stage.outlet.states_sent) == 1
    assert stage.kept(0) == [4]


def test_a_new_assignment_in_the_middle_of_a_commit_takes_nothing_of_the_old_one() -> None:
    stage = Stage()

    async def commit_and_lose() -> None:
        await stage.worker.take(minutes("BTCUSDT", 3))
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        has_sent = asyncio.Event()

        async def states(_records: object) -> list[asyncio.Future[None]]:
            has_sent.set()
            return [answer]

        stage.worker.keeper._send = states
        saving = asyncio.create_task(stage.worker.keeper.save())
        await has_sent.wait()
        await stage.worker.start_over()
        answer.set_result(None)
        await saving

    asyncio.run(commit_and_lose())
    assert stage.kept(0) == [None]
    assert stage.table == {}
