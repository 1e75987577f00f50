"""Dead letters of a worker: each is sent again until Kafka has it."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Final

import faust
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from faust.exceptions import ProducerSendError

from clients.retry import pause_s
from clients.watching.log import EventLog
from clients.watching.metrics import DEAD_LETTERS
from schemas import topics
from schemas.codecs import Message
from schemas.dead_letters import Origin, letter_of

_log: Final = EventLog(__name__)
_AGAIN_S: Final = 1.0
_ROOM_S: Final = 1.0  # the library waits 20 minutes for a topic that is not there
_LATE_S: Final = 30.0
_REFUSED: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
_NOT_LET: Final = (  # until somebody makes the topic, or gives the right to write there
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)


class Letters:
    """Sends unreadable messages to the topic of dead letters.

    Each trouble is logged once, until Kafka takes letters again.

    Args:
        topic: That topic.
    """

    def __init__(self, topic: faust.TopicT) -> None:
        self._topic = topic
        self._under_way: set[asyncio.Future[Any]] = set()
        self._troubles: set[type[BaseException]] = set()

    def under_way(self) -> Collection["asyncio.Future[Any]"]:
        """Return what is done when Kafka has the letters sent so far."""
        return self._under_way

    async def send(self, raw: bytes, origin: Origin) -> "asyncio.Future[Any]":
        """Send an unreadable message.

        Returns:
            Once it is queued, or that lasts too long, what is done when Kafka has it.
        """
        letter, queued = letter_of(raw, origin), asyncio.Event()
        DEAD_LETTERS.labels(origin.reader).inc()
        following = asyncio.ensure_future(self._follow(letter, origin, queued))
        self._under_way.add(following)
        following.add_done_callback(self._under_way.discard)
        with suppress(TimeoutError):
            await asyncio.wait_for(queued.wait(), _ROOM_S)
        return following

    async def _follow(self, letter: Message, origin: Origin, queued: asyncio.Event) -> None:
        failures = 0
        while not await self._is_over(letter, origin, queued):
            failures += 1
            await asyncio.sleep(pause_s(failures, _AGAIN_S))

    async def _try(self, letter: Message, queued: asyncio.Event) -> None:
        try:
            sent: Any = await self._topic.send(
                key=letter.key, value=letter.value, headers=dict(letter.headers)
            )
        finally:
            queued.set()
        await sent

    async def _is_over(self, letter: Message, origin: Origin, queued: asyncio.Event) -> bool:
        """Send a letter and wait for the answer; return whether Kafka has it, or never will."""
        silence = TimeoutError(
            f"no answer in {_LATE_S:.0f} s: is {topics.DEAD_LETTERS.name} there?"
        )
        late = asyncio.get_running_loop().call_later(_LATE_S, self._tell, silence, origin)
        try:
            await self._try(letter, queued)
        except (KafkaError, ProducerSendError) as error:
            trouble = error.__cause__ or error
            if not isinstance(trouble, _REFUSED):
                self._tell(trouble, origin)
                return False
            _log.error(
                "dead_letter_refused", "Kafka does not take a dead letter: {origin}", origin=origin
            )
        except Exception as error:  # noqa: BLE001 - its trace is logged
            _log.exception(
                "dead_letter_refused",
                "a dead letter cannot be sent: {origin}",
                error,
                origin=origin,
            )
        else:
            self._taken()
        finally:
            late.cancel()
        return True

    def _tell(self, trouble: BaseException, origin: Origin) -> None:
        if type(trouble) in self._troubles:
            return
        self._troubles.add(type(trouble))
        if isinstance(trouble, _NOT_LET):
            _log.error(
                "dead_letters_not_let",
                "{topic} cannot be written ({error!r}), and nothing is committed behind a dead "
                "letter: make it with `candlewick topics create`, or let this user write to it",
                topic=topics.DEAD_LETTERS.name,
                error=trouble,
            )
        else:
            _log.warning(
                "dead_letter_waits",
                "Kafka has not taken a dead letter, it is sent again: {origin} ({error!r})",
                origin=origin,
                error=trouble,
            )

    def _taken(self) -> None:
        if self._troubles:
            _log.info("dead_letters_taken", "Kafka takes dead letters again")
        self._troubles.clear()
