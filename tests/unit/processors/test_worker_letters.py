"""Dead letters of a worker, over a topic that may refuse them."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
from faust.exceptions import ProducerSendError

from clients.watching.log import event_of
from processors.predictor.agents import Inbox
from processors.runtime import letters as letters_module
from processors.runtime.letters import Letters
from schemas import topics
from schemas.dead_letters import Origin
from schemas.replayed import REPLAYED

ORIGIN = Origin("unreadable", topics.TRADES.name, 0, 7, reader=topics.CANDLE_APP)


class Topic:
    """Answers a letter each time it is sent: takes it, or fails at once or later."""

    def __init__(self, *answers: Exception | None, at_once: bool) -> None:
        self.answers = [*answers]
        self.at_once = at_once
        self.sent: list[bytes] = []

    async def send(
        self, *, key: bytes, value: bytes, headers: Mapping[str, bytes]
    ) -> "asyncio.Future[None]":
        assert key
        assert headers
        self.sent.append(value)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        error = self.answers.pop(0)
        if error is None:
            done.set_result(None)
        elif self.at_once:
            raise error
        else:
            done.set_exception(error)
        return done


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long was slept; no time passes."""
    sleep, found = asyncio.sleep, list[float]()

    async def noted(seconds: float) -> None:
        found.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", noted)
    return found


def sent_to(topic: Topic) -> list[bytes]:
    async def scenario() -> None:
        letters = Letters(cast("Any", topic))
        await asyncio.wait([await letters.send(b"raw", ORIGIN)])
        assert not letters.under_way()

    asyncio.run(scenario())
    return topic.sent


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("error", [KafkaTimeoutError(), ProducerSendError()])
def test_a_letter_that_kafka_gave_up_is_sent_again_until_it_is_there(
    error: Exception, *, at_once: bool
) -> None:
    assert sent_to(Topic(error, error, None, at_once=at_once)) == [b"raw"] * 3


@pytest.mark.parametrize("error", [MessageSizeTooLargeError(), ValueError()])
def test_a_letter_that_can_never_be_taken_is_not_sent_again(error: Exception) -> None:
    assert sent_to(Topic(error, at_once=False)) == [b"raw"]


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(event_of(record), record.levelname) for record in caplog.records]


@pytest.mark.parametrize("at_once", [False, True])
def test_a_missing_right_is_told_once_as_an_error_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture, *, at_once: bool
) -> None:
    caplog.set_level("INFO")
    refusals = [TopicAuthorizationFailedError() for _ in range(50)]

    sent_to(Topic(*refusals, None, at_once=at_once))

    assert told(caplog) == [("dead_letters_not_let", "ERROR"), ("dead_letters_taken", "INFO")]


def test_an_outage_is_told_once_as_a_warning_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")  # another test of this process may have set it

    sent_to(Topic(*[KafkaTimeoutError()] * 50, None, at_once=False))

    assert told(caplog) == [("dead_letter_waits", "WARNING"), ("dead_letters_taken", "INFO")]


def test_a_letter_that_is_never_taken_is_sent_ever_more_rarely_for_days(
    pauses: list[float],
) -> None:
    a_day = 24 * 60 * 2
    sent_to(Topic(*[TopicAuthorizationFailedError()] * a_day, None, at_once=True))

    assert pauses[0] < 2
    assert all(30 <= pause < 40 for pause in pauses[10:])
    assert len(pauses) == a_day


@pytest.mark.parametrize("is_reassigned", [False, True])
def test_an_unreadable_candle_is_acknowledged_once_kafka_has_its_letter_and_holds_up_no_other(
    *, is_reassigned: bool
) -> None:
    acknowledged: list[int] = []

    async def scenario() -> list[list[int]]:
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def send(**_: object) -> "asyncio.Future[None]":
            return taken

        async def arrived(offset: int, *headers: tuple[str, bytes]) -> None:
            async def done() -> None:
                acknowledged.append(offset)

            told = SimpleNamespace(key=b"", value=b"", headers=dict(headers), offset=offset)
            told.topic, told.partition = topics.CANDLES.name, 0
            assert await inbox.candle_in(told, done) is None
            await asyncio.sleep(0)

        inbox = Inbox(cast("Any", SimpleNamespace(send=send)))
        await arrived(7)
        await arrived(8, REPLAYED)
        found = [[*acknowledged]]
        if is_reassigned:
            inbox.start_over(cast("Any", SimpleNamespace(move_on=list)))
        taken.set_result(None)
        for _ in range(5):
            await asyncio.sleep(0)
        return [*found, acknowledged]

    assert asyncio.run(scenario()) == [[8], [8] if is_reassigned else [8, 7]]


def test_a_letter_that_finds_no_topic_holds_up_nobody_and_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(letters_module, "_ROOM_S", 0.0)
    monkeypatch.setattr(letters_module, "_LATE_S", 0.0)

    async def scenario() -> int:
        async def send(**_: object) -> None:
            await asyncio.Event().wait()

        letters = Letters(cast("Any", SimpleNamespace(send=send)))
        async with asyncio.timeout(10):
            for _ in range(3):
                await letters.send(b"raw", ORIGIN)
                await asyncio.sleep(0)
        return len(letters.under_way())

    assert asyncio.run(scenario()) == 3
    assert told(caplog) == [("dead_letter_waits", "WARNING")]
