"""The processes of a local stack, in the order in which they start."""

import sys
from dataclasses import dataclass

from candlewick.stack.addresses import Addresses
from candlewick.stack.folder import StackFolder

PYTHON = (sys.executable, "-P", "-m")  # -P: ignore a folder `schemas` in the working directory


@dataclass(frozen=True, slots=True)
class Program:
    """The command of one process, and how to see that it is ready.

    Attributes:
        port: Port it listens on; None if it only connects to others.
        ping: HTTP path that answers 200 once it is ready; None if an open port is enough.
    """

    name: str
    command: tuple[str, ...]
    port: int | None = None
    ping: str | None = None


def servers(folder: StackFolder, addresses: Addresses) -> list[Program]:
    """Return the servers that the pipeline needs: Kafka, ClickHouse and any simulated exchange."""
    found = [_kafka(folder, addresses.kafka), _clickhouse(folder, addresses.clickhouse)]
    if addresses.exchange is not None:
        found.append(_exchange(folder, addresses.exchange))
    return found


NOTIFY = Program("notify", (*PYTHON, "sinks.notify"))


def pipeline(workers: int, *, grafana: bool = False, notify: bool = False) -> list[Program]:
    """Return the processes of the pipeline, those that the first predictions wait for first.

    With `grafana`, include those that feed its dashboards of the pipeline; with `notify`, the one
    that sends notifications.
    """
    beside = ("measure", "annotate") if grafana else ()
    candles = ["candles", *(f"candles-{n}" for n in range(2, workers + 1))]
    return [
        Program("predictor", (*PYTHON, "processors", "predictor", "--name", "predictor")),
        Program("backfill", (*PYTHON, "producers", "backfill")),
        Program(
            "sink-history",
            (*PYTHON, "sinks", "--instance", "sink-history", "--part", "history"),
        ),
        *(Program(name, (*PYTHON, "processors", "worker", "--name", name)) for name in candles),
        Program("stream", (*PYTHON, "producers", "stream")),
        Program("sink", (*PYTHON, "sinks", "--instance", "sink", "--part", "live")),
        Program("api", (*PYTHON, "api")),
        Program("coins", (*PYTHON, "producers", "coins")),
        Program("trainer", (*PYTHON, "processors", "trainer", "--name", "trainer")),
        *(Program(job, (*PYTHON, "grafana", job)) for job in beside),
        *([NOTIFY] if notify else []),
    ]


def _kafka(folder: StackFolder, port: int) -> Program:
    command = (*PYTHON, "candlewick.kafka_server", "--data", str(folder.kafka))
    return Program("kafka", (*command, "--port", str(port)), port)


def _clickhouse(folder: StackFolder, port: int) -> Program:
    command = (*PYTHON, "candlewick.clickhouse_server", "--path", str(folder.clickhouse))
    return Program("clickhouse", (*command, "--port", str(port)), port, ping="/ping")


def _exchange(folder: StackFolder, port: int) -> Program:
    place = str(folder.exchange)  # keeps the market's past the same after a restart
    command = (*PYTHON, "candlewick.exchange", "--port", str(port), "--state", place)
    return Program("exchange", command, port, ping="/api/v3/ping")
