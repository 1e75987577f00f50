"""`candlewick demo`: runs the pipeline and shows its live board."""

import time
from typing import Annotated

import typer
from rich.console import Console

from candlewick.commands.options import (
    ApiPort,
    ClickHousePort,
    ExchangePort,
    KafkaPort,
    Live,
    Ports,
    Workers,
    plan_stack,
)
from candlewick.stack.stack import running_stack
from candlewick.terminal.demo_screen import DemoScreen

STEP_S = 0.1


def demo(
    *,
    live: Live = False,
    workers: Workers = 1,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="Stop after this many seconds.")
    ] = None,
    kafka_port: KafkaPort = None,
    clickhouse_port: ClickHousePort = None,
    exchange_port: ExchangePort = None,
    api_port: ApiPort = None,
) -> None:
    """Start the whole pipeline and watch its candles live; Ctrl-C stops every process."""
    ports = Ports(kafka_port, clickhouse_port, exchange_port, api_port)
    plan = plan_stack(live=live, workers=workers, ports=ports)
    console = Console(highlight=False)
    screen = DemoScreen(plan, console)
    try:
        with running_stack(plan, screen.say) as supervisor, screen.shown():
            deadline = time.monotonic() + seconds if seconds is not None else None
            while deadline is None or time.monotonic() < deadline:
                supervisor.step()
                screen.refresh(supervisor.states())
                time.sleep(STEP_S)
    except KeyboardInterrupt:
        pass
    console.print(f"stopped; the data stays in {plan.folder.root}")
