"""Options shared by `demo` and `up`, and the plan of the stack that they describe."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from candlewick.kafka_server.jars import ensure_jars, kafka_home
from candlewick.stack.addresses import choose_addresses
from candlewick.stack.local_settings import stack_folder, supervisor_settings
from candlewick.stack.stack import StackPlan
from schemas.settings import load_settings

Live = Annotated[bool, typer.Option("--live", help="Use the real Binance, not the simulated.")]
Workers = Annotated[int, typer.Option(min=1, max=32, help="Number of candle workers.")]
KafkaPort = Annotated[int | None, typer.Option(help="Port of Kafka; default: 9092.")]
ClickHousePort = Annotated[
    int | None,
    typer.Option("--clickhouse-port", help="Port of ClickHouse; default: 8123."),
]
ExchangePort = Annotated[
    int | None, typer.Option(help="Port of the simulated exchange; default: 9443.")
]

ApiPort = Annotated[int | None, typer.Option(help="Port of the API; default: 8000.")]


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports given on the command line; None where the option was left out."""

    kafka: int | None
    clickhouse: int | None
    exchange: int | None
    api: int | None


def plan_stack(*, live: bool, workers: int, ports: Ports) -> StackPlan:
    """Build the plan of a stack from the settings and the options.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    settings = load_settings()
    addresses = choose_addresses(
        settings,
        live=live,
        kafka=ports.kafka,
        clickhouse=ports.clickhouse,
        exchange=ports.exchange,
        api=ports.api,
    )
    found = supervisor_settings(settings, addresses)
    fetch = partial(ensure_jars, kafka_home())
    return StackPlan(stack_folder(settings), found, addresses, workers, fetch)
