"""What is stored of the candle worker's records, and what may be committed."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from processors.candles import keeping
from processors.candles.held_states import Closed, HeldStates, Stored
from processors.candles.keeping import Acknowledgements, StateKeeper
from processors.candles.reducer import fold
from processors.candles.state_record import CandleRecord, load_record
from tests.support.builders import START_MS, a_block, trades_at
from tests.support.candle_stage import RULES

KEY = b"BTCUSDT"


class Changelog:
    """A topic that may refuse records."""

    def __init__(self, refusals: Sequence[BaseException]) -> None:
        self.refusals = [*refusals]
        self.records: list[Stored] = []

    async def send(self, records: list[Stored]) -> Acknowledgements:
        if self.refusals:
            raise self.refusals.pop(0)
        self.records += records
        return ()


def a_record() -> CandleRecord:
    state = fold(None, a_block(trades_at(START_MS)), RULES).state
    return CandleRecord(41, state)


@pytest.mark.parametrize("refusal", [TopicAuthorizationFailedError(), asyncio.CancelledError()])
def test_a_state_that_was_not_sent_is_not_taken_for_stored(refusal: BaseException) -> None:
    states, topic = HeldStates({}), Changelog([refusal])
    keeper = StateKeeper(states, topic.send, candles=list, letters=list)

    async def scenario() -> list[int | None]:
        states.put(KEY, 0, a_record(), [])
        keeper.folded(0, 41)
        found: list[int | None] = []
        with pytest.raises(type(refusal)):
            await keeper.save()
        found.append(keeper.kept(0))
        await keeper.save()
        found.append(keeper.kept(0))
        return found

    assert asyncio.run(scenario()) == [None, 42]
    assert [record.key for record in topic.records] == [KEY]


def test_a_candle_acknowledged_after_its_state_was_stored_leaves_the_stored_outbox() -> None:
    states, topic = HeldStates({}), Changelog([])
    keeper = StateKeeper(states, topic.send, candles=list, letters=list)
    candle = Closed(KEY, "1m", b"candle")

    async def scenario() -> list[int]:
        states.put(KEY, 3, a_record(), [candle])
        await keeper.save()
        states.acknowledged([(KEY, candle.value)])
        await keeper.save()
        await keeper.save()
        return [len(load_record(record.value).outbox) for record in topic.records]

    assert asyncio.run(scenario()) == [1, 0]
    assert {record.partition for record in topic.records} == {3}


def test_a_candle_acknowledged_before_its_state_is_stored_costs_no_record() -> None:
    states, topic = HeldStates({}), Changelog([])
    keeper = StateKeeper(states, topic.send, candles=list, letters=list)
    candle = Closed(KEY, "1m", b"candle")

    async def scenario() -> None:
        states.put(KEY, 3, a_record(), [candle])
        states.acknowledged([(KEY, candle.value)])
        await keeper.save()
        await keeper.save()

    asyncio.run(scenario())
    assert len(topic.records) == 1


def test_no_state_is_stored_before_kafka_has_the_dead_letters_of_what_it_refuses() -> None:
    async def scenario() -> list[tuple[int, int | None]]:
        letter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        states, topic = HeldStates({}), Changelog([])
        keeper = StateKeeper(states, topic.send, candles=list, letters=lambda: [letter])
        states.put(KEY, 0, a_record(), [])
        keeper.folded(0, 41)
        found = []
        for is_taken in (False, True):
            if is_taken:
                letter.set_result(None)
            await keeper.save()
            found.append((len(topic.records), keeper.kept(0)))
        return found

    assert asyncio.run(scenario()) == [(0, None), (1, 42)]


def test_a_halt_is_told_once_and_again_only_after_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keeping, "_PATIENCE_S", 0.0)

    async def scenario() -> list[int]:
        letter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        states, under_way = HeldStates({}), [letter]
        keeper = StateKeeper(states, Changelog([]).send, candles=list, letters=lambda: under_way)
        found = []
        for is_halted in (True, True, False, True):
            under_way[:] = [letter] if is_halted else []
            await keeper.save()
            found.append(len(caplog.records))
        return found

    assert asyncio.run(scenario()) == [1, 1, 1, 2]
