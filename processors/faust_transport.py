"""Faust's Kafka driver with two mends: its own copy of what to fetch, and a short fetch wait.

Stock Faust hands its live set of active partitions to the fetch thread; paused in between it may be
empty there, and empty means "all". It also lets the broker hold a fetch for 1.5 s, and while one
fetch waits aiokafka sends that broker no other. Tests hold the hashes of the originals.
"""

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
    """Consumer on the careful thread."""

    def _new_consumer_thread(self) -> CarefulConsumerThread:
        return CarefulConsumerThread(self, loop=self.loop, beacon=self.beacon)


class CarefulTransport(Transport):
    """Transport with the careful consumer."""

    Consumer = CarefulConsumer
