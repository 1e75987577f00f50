"""Faust's Kafka driver with three mends: what it fetches, how long that waits, what it commits.

It can also let a partition stand still.

Stock Faust hands its live set of active partitions to the fetch thread; paused in between it may be
empty there, and empty means "all". It also lets the broker hold a fetch for 1.5 s, and while one
fetch waits aiokafka sends that broker no other. And it commits past a message that is not done when
the next one is, where nothing before it was committed just now. Tests hold the hashes of the
originals.
"""

from math import inf
from typing import Any

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

FETCH_WAIT_MS = 50


class CarefulConsumerThread(AIOKafkaConsumerThread):
    """Consumer thread that fetches only what was active when it was asked."""

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ANN401, ASYNC109 - the base's signature
        """Fetch a batch of the partitions active now, nothing when there are none."""
        if active_partitions is None:
            return await super().getmany(None, timeout)
        if not active_partitions:
            return {}
        return await super().getmany(set(active_partitions), timeout)

    def _create_worker_consumer(self, transport: Transport) -> Any:  # noqa: ANN401 - untyped base
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - the driver has no setting for it
        return consumer


class CarefulConsumer(Consumer):
    """Consumer on the careful thread, which commits nothing that is not done."""

    def _new_consumer_thread(self) -> CarefulConsumerThread:
        return CarefulConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def __post_init__(self) -> None:
        """Set up what the base does not know."""
        super().__post_init__()
        self._standing: dict[TP, int] = {}

    def stand_still(self, topic: str, partition: int, offset: int) -> None:
        """Fetch no more of a partition, and commit nothing from an offset on."""
        tp = TP(topic, partition)
        self._standing.setdefault(tp, offset)
        self.pause_partitions({tp})

    def move_on(self) -> None:
        """Forget what stood still: partitions were assigned anew."""
        self._standing.clear()

    def _new_offset(self, tp: TP) -> int | None:
        """Return up to where a partition may be committed, None for as far as it is."""
        under_way = (m.offset for m in list(self._unacked_messages) if m.tp == tp and not m.acked)
        first = min([*under_way, self._standing.get(tp, inf)])
        later = [offset for offset in self._acked[tp] if offset >= first]
        self._acked[tp] = [offset for offset in self._acked[tp] if offset < first]
        offset: int | None = super()._new_offset(tp)
        self._acked[tp] += later
        return offset


class CarefulTransport(Transport):
    """Transport with the careful consumer."""

    Consumer = CarefulConsumer
