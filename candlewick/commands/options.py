"""Options that several commands have."""

from dataclasses import dataclass
from typing import Annotated

import typer

from candlewick.stack.addresses import choose_addresses
from candlewick.stack.local_settings import stack_folder, supervisor_settings
from candlewick.stack.stack import StackPlan
from schemas.settings import load_settings

Live = Annotated[bool, typer.Option("--live", help="The real Binance instead of the simulated.")]
Workers = Annotated[int, typer.Option(min=1, max=32, help="Candle workers; they share the work.")]
KafkaPort = Annotated[int | None, typer.Option(help="Port of Kafka; 9092 where left out.")]
ClickHousePort = Annotated[
    int | None,
    typer.Option("--clickhouse-port", help="Port of ClickHouse; 8123 where left out."),
]
ExchangePort = Annotated[
    int | None, typer.Option(help="Port of the simulated exchange; 9443 where left out.")
]

ApiPort = Annotated[int | None, typer.Option(help="Port of the API; 8000 where left out.")]


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports as given on the command line."""

    kafka: int | None
    clickhouse: int | None
    exchange: int | None
    api: int | None


def plan_stack(*, live: bool, workers: int, ports: Ports) -> StackPlan:
    """Return what to start.

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
    return StackPlan(stack_folder(settings), found, addresses, workers)
