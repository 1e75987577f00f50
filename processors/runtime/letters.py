"""Dead letters of a worker: each is sent again until Kafka has it."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

import faust
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from faust.exceptions import ProducerSendError

from clients.watching.log import EventLog
from clients.watching.metrics import DEAD_LETTERS
from schemas.codecs import Message
from schemas.dead_letters import Origin, letter_of

_log: Final = EventLog(__name__)
_AGAIN_S: Final = 1.0
_REFUSED: Final = (MessageSizeTooLargeError, RecordListTooLargeError)


class Letters:
    """Sends unreadable messages to the topic of dead letters.

    Args:
        topic: That topic.
        again_s: How long to wait after Kafka has not taken a letter, in seconds.
    """

    def __init__(self, topic: faust.TopicT, *, again_s: float = _AGAIN_S) -> None:
        self._topic = topic
        self._again_s = again_s
        self._under_way: set[asyncio.Future[Any]] = set()

    def under_way(self) -> Collection["asyncio.Future[Any]"]:
        """Return what is done when Kafka has the letters sent so far."""
        return self._under_way

    async def send(self, raw: bytes, origin: Origin) -> None:
        """Send an unreadable message; return once it is queued."""
        letter = letter_of(raw, origin)
        DEAD_LETTERS.labels(origin.reader).inc()
        following = asyncio.ensure_future(self._follow(letter, origin, await self._queued(letter)))
        self._under_way.add(following)
        following.add_done_callback(self._under_way.discard)

    async def _queued(self, letter: Message) -> "asyncio.Future[Any]":
        """Queue a letter; what fails here is the exception of what is returned."""
        sent: Any
        try:
            sent = await self._topic.send(
                key=letter.key, value=letter.value, headers=dict(letter.headers)
            )
        except Exception as error:  # noqa: BLE001 - who waits for it tells it
            sent = asyncio.get_running_loop().create_future()
            sent.set_exception(error)
        queued: asyncio.Future[Any] = sent
        return queued

    async def _follow(self, letter: Message, origin: Origin, queued: "asyncio.Future[Any]") -> None:
        while not await _is_over(queued, origin):
            await asyncio.sleep(self._again_s)
            queued = await self._queued(letter)


async def _is_over(queued: "asyncio.Future[Any]", origin: Origin) -> bool:
    """Wait for the answer to a letter; return whether Kafka has it, or never will."""
    try:
        await queued
    except (KafkaError, ProducerSendError) as error:
        if not isinstance(error.__cause__ or error, _REFUSED):
            _log.warning(
                "dead_letter_waits",
                "Kafka has not taken a dead letter, it is sent again: {origin}",
                origin=origin,
            )
            return False
        _log.error(
            "dead_letter_refused", "Kafka does not take a dead letter: {origin}", origin=origin
        )
    except Exception as error:  # noqa: BLE001 - its trace is logged
        _log.exception(
            "dead_letter_refused", "a dead letter cannot be sent: {origin}", error, origin=origin
        )
    return True
