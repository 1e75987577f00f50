"""`candlewick demo`: runs the pipeline and shows its live board."""

import time
from typing import Annotated

import typer
from rich.console import Console

from candlewick.client.stack_health import ask_health
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
from candlewick.stack.api_address import page_url
from candlewick.stack.stack import StackPlan, running_stack
from candlewick.terminal.demo_screen import DemoScreen
from candlewick.terminal.page_opener import PageOpener

STEP_S = 0.1


def demo(
    *,
    live: Live = False,
    workers: Workers = 1,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="Stop after this many seconds.")
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser once it answers.")
    ] = False,
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
    opener = _opener(plan, screen) if open_page else None
    try:
        with running_stack(plan, screen.say) as supervisor, screen.shown():
            deadline = time.monotonic() + seconds if seconds is not None else None
            while deadline is None or time.monotonic() < deadline:
                supervisor.step()
                screen.refresh(supervisor.states())
                if opener is not None:
                    opener.step()
                time.sleep(STEP_S)
    except KeyboardInterrupt:
        pass
    console.print(f"stopped; the data stays in {plan.folder.root}")


def _opener(plan: StackPlan, screen: DemoScreen) -> PageOpener:
    api, port = plan.settings.api, plan.addresses.api
    return PageOpener(page_url(api), lambda: ask_health(api, port) is not None, screen.say)
