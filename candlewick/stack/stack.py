"""Starts the whole pipeline on one machine, and ends it again."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import REGISTRY, CollectorRegistry

from candlewick.stack.addresses import Addresses
from candlewick.stack.api_address import page_url
from candlewick.stack.environment import environment_of
from candlewick.stack.folder import StackFolder
from candlewick.stack.metrics import StackCollector
from candlewick.stack.orphans import end_leftovers
from candlewick.stack.programs import Program, pipeline, servers
from candlewick.stack.supervisor import Supervisor
from candlewick.stack.voice import NAME
from candlewick.store.admin import apply_lifecycle, apply_migrations
from clients.kafka.topics import create_topics
from clients.process import when_told_to_end
from clients.watching.exporter import serve_metrics
from clients.watching.log import EventLog
from schemas.settings import Settings
from sinks.notify.rules_file import read_plan

_log = EventLog(__name__)
SETTLE_S = 1.5
START_S = 600.0  # a server that reads all of its data after a power cut may take minutes


@dataclass(frozen=True, slots=True)
class StackPlan:
    """A stack to start.

    Attributes:
        settings: Settings that include the addresses and passwords of this stack.
        workers: Number of candle workers.
        fetch: Fetches what the servers need, and says so with what it is called with.
    """

    folder: StackFolder
    settings: Settings
    addresses: Addresses
    workers: int = 1
    fetch: Callable[[Callable[[str], None]], object] | None = None

    @property
    def servers_line(self) -> str:
        """One line with the addresses of the page, ClickHouse and Kafka."""
        return (
            f"page {page_url(self.settings.api)} · ClickHouse {self.addresses.clickhouse_url} · "
            f"Kafka {self.addresses.bootstrap_servers}"
        )


@contextmanager
def running_stack(plan: StackPlan, say: Callable[[str], None]) -> Iterator[Supervisor]:
    """Start the stack, and end it when the block is left, however that happens.

    Args:
        plan: The stack to start.
        say: Called with one line at each step; that it fails ends nothing.

    Raises:
        ConfigurationError: A port is taken, the disk is full, another stack runs in the folder, it
            holds another market's data, the rules of notifications have an error, or a process does
            not come up.
    """
    if plan.settings.notify.rules is not None:
        read_plan(plan.settings)  # a mistake in the rules is told before anything starts
    plan.folder.make()
    with plan.folder.held():
        end_leftovers(plan.folder)
        plan.addresses.check_free(plan.settings.api.host)
        plan.folder.keep_to(plan.addresses.market)
        when_told_to_end(signal.default_int_handler)
        environment = environment_of(plan.settings)
        supervisor = Supervisor(plan.folder, plan.addresses, environment, say)
        _serve_metrics(plan, supervisor)
        try:
            _start(plan, supervisor)
            yield supervisor
        finally:
            supervisor.stop()


def _serve_metrics(plan: StackPlan, supervisor: Supervisor) -> None:
    for told in plan.folder.metrics.glob("*.json"):  # of processes of an earlier run
        told.unlink()
    # A registry of its own: one process may run several stacks, one after the other.
    registry = CollectorRegistry()
    registry.register(REGISTRY)
    registry.register(StackCollector(plan.folder, supervisor.states))
    serve_metrics(plan.settings, NAME, registry)


def _start(plan: StackPlan, supervisor: Supervisor) -> None:
    if plan.fetch is not None:  # before a server starts, as it may take longer than one may
        plan.fetch(supervisor.tell)
    needed = servers(plan.folder, plan.addresses)
    supervisor.tell(_starting(needed))
    for program in needed:
        supervisor.start(program)
    supervisor.wait_until_ready(needed, START_S)
    topics = create_topics(plan.settings.kafka)
    tables = apply_migrations(plan.settings.clickhouse)
    apply_lifecycle(plan.settings.clickhouse, plan.settings.lifecycle)
    supervisor.tell(
        _log.info(
            "stack_prepared",
            "made {topics} topics and applied {migrations} migrations",
            topics=len(topics),
            migrations=len(tables),
        )
    )
    parts = pipeline(
        plan.workers,
        grafana=bool(plan.settings.grafana.url),
        notify=plan.settings.notify.rules is not None,
    )
    supervisor.tell(_starting(parts))
    for program in parts:
        supervisor.start(program)
    _settle(supervisor)
    supervisor.ready = True
    supervisor.step()


def _starting(programs: list[Program]) -> str:
    names = ", ".join(program.name for program in programs)
    return _log.info("stack_starting", "starting {names}", names=names)


def _settle(supervisor: Supervisor) -> None:
    """Wait a moment, to catch processes that die at once."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        supervisor.refuse_deaths()
        time.sleep(0.1)
