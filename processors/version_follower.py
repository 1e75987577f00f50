"""Every model event from the first one on, for each process that predicts; there is no group."""

import asyncio
import logging

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from processors.changes import Changes
from schemas import codecs, topics
from schemas.errors import PoisonMessage
from schemas.predictions import ModelVersion
from schemas.settings import KafkaSettings

log = logging.getLogger(__name__)
_POLL_S = 0.5
_PATIENCE_S = 5.0
_MESSAGES = 500


class VersionFollower:
    """Keeps `Changes` up to date.

    Attributes:
        caught_up: Set once everything that was there has been read.
    """

    def __init__(self, settings: KafkaSettings, changes: Changes) -> None:
        self.caught_up = asyncio.Event()
        self._changes = changes
        self._unread: set[int] = set()
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "group.id": "candlewick-versions",  # never joined, nothing is committed
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "log_level": 0,
            }
        )

    async def follow(self) -> None:
        """Read for ever; where the broker is away, wait for it."""
        await self._begin()
        while True:
            for message in await asyncio.to_thread(self._consumer.consume, _MESSAGES, _POLL_S):
                self._take(message)
            if not self._unread:
                self.caught_up.set()

    async def _begin(self) -> None:
        while True:
            if await asyncio.to_thread(self._assign):
                return
            await asyncio.sleep(_POLL_S)

    def _assign(self) -> bool:
        name = topics.MODEL_VERSIONS.name
        try:
            found = self._consumer.list_topics(name, timeout=_PATIENCE_S).topics[name]
        except KafkaException as error:
            log.warning("the models' events cannot be read yet: %s", error)
            return False
        if found.error is not None:
            log.warning("topic %s does not exist yet: `candlewick topics create`", name)
            return False
        self._unread = set(found.partitions)
        self._consumer.assign([TopicPartition(name, p, 0) for p in sorted(self._unread)])
        return True

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is None:
            self._learn(message)
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - so named
            self._unread.discard(message.partition() or 0)

    def _learn(self, message: Message) -> None:
        try:
            self._changes.add(codecs.record_in(ModelVersion, message))
        except PoisonMessage as error:
            log.warning("passed over a model event: %s", error)
