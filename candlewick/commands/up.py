"""`candlewick up`: starts the pipeline and keeps it running."""

import time
from typing import Annotated

import typer

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
from candlewick.stack.background import start_detached
from candlewick.stack.stack import StackPlan, running_stack
from candlewick.stack.voice import voice
from clients.watching.log import EventLog

_log = EventLog(__name__)
STEP_S = 0.1


def up(
    *,
    live: Live = False,
    workers: Workers = 1,
    detach: Annotated[bool, typer.Option("--detach", help="Run it in the background.")] = False,
    kafka_port: KafkaPort = None,
    clickhouse_port: ClickHousePort = None,
    exchange_port: ExchangePort = None,
    api_port: ApiPort = None,
) -> None:
    """Start the whole pipeline on this machine and keep it running until Ctrl-C."""
    ports = Ports(kafka_port, clickhouse_port, exchange_port, api_port)
    plan = plan_stack(live=live, workers=workers, ports=ports)
    if detach:
        start_detached(plan, live=live)
        typer.echo(f"running; {addresses_line(plan)}; stop it with `candlewick down`")
        return
    keep_running(plan)


def keep_running(plan: StackPlan) -> None:
    """Run the stack until Ctrl-C or SIGTERM."""
    say = voice(plan.settings, typer.echo)
    try:
        with running_stack(plan, say) as supervisor:
            say(
                _log.info(
                    "stack_running",
                    "running; {addresses}; Ctrl-C stops everything",
                    addresses=addresses_line(plan),
                )
            )
            while True:
                supervisor.step()
                time.sleep(STEP_S)
    except KeyboardInterrupt:
        say(_log.info("stack_stopped", "stopped"))


def addresses_line(plan: StackPlan) -> str:
    """Return one line with the addresses of the servers and the file of passwords."""
    return f"{plan.servers_line} · passwords in {plan.folder.credentials}"
