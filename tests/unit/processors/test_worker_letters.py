"""Dead letters of a worker, over a topic that may refuse them."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from faust.exceptions import ProducerSendError

from processors.runtime.letters import Letters
from schemas import topics
from schemas.dead_letters import Origin

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


def sent_to(topic: Topic) -> list[bytes]:
    async def scenario() -> None:
        letters = Letters(cast("Any", topic), again_s=0.0)
        await letters.send(b"raw", ORIGIN)
        await asyncio.wait(letters.under_way())
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
