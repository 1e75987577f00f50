"""The supervisor's metrics: its processes, the servers among them, and the disk."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from candlewick.stack.folder import StackFolder
from candlewick.stack.state import Phase, ProcessState


class StackCollector(Collector):
    """Figures of a stack's processes, taken at each scrape."""

    def __init__(self, folder: StackFolder, states: Callable[[], tuple[ProcessState, ...]]) -> None:
        """Set it up.

        Args:
            folder: Folder of the stack.
            states: Returns the present state of every process.
        """
        self._folder = folder
        self._states = states

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        running = GaugeMetricFamily(
            "candlewick_process_running", "1 while a process of the stack runs.", labels=["of"]
        )
        restarts = CounterMetricFamily(
            "candlewick_process_restarts",
            "How often the supervisor has started a process again.",
            labels=["of"],
        )
        memory = GaugeMetricFamily(
            "candlewick_process_resident_memory_bytes",
            "Resident memory of a process of the stack, the servers included.",
            labels=["of"],
        )
        for process in self._states():
            live = process.find()  # who supervises may stand still, and this thread goes on
            runs = process.phase is Phase.RUNNING and live is not None
            running.add_metric([process.name], float(runs))
            restarts.add_metric([process.name], process.restarts)
            if live is not None:
                with suppress(psutil.Error):  # it has just ended
                    memory.add_metric([process.name], live.memory_info().rss)
        yield from (running, restarts, memory)
        yield from self._disk()

    def _disk(self) -> Iterator[Metric]:
        """Yield the figure of the disk; none if it cannot be looked at."""
        with suppress(OSError):
            free_mb = self._folder.room().free_mb()
            yield GaugeMetricFamily(
                "candlewick_disk_free_bytes",
                "Free bytes of the disk with the stack's folder, of the fullest if several.",
                value=1e6 * free_mb,
            )
