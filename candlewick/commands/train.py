"""`candlewick train`: requests the training of a model."""

import time
from typing import Annotated

import typer

from candlewick.person import person
from candlewick.stack.local_settings import reader_settings
from clients.kafka.writer import write
from processors.training.request import fault_of, version_of
from schemas import topics
from schemas.errors import ConfigurationError
from schemas.predictions import TrainingRequest
from schemas.since import since_ms
from schemas.timeframe import Interval

_QUARTER_MS = Interval.FIFTEEN_MINUTES.ms


def train(
    *,
    symbol: Annotated[str, typer.Option(help="One pair; default: all that are followed.")] = "",
    start: Annotated[
        str, typer.Option("--from", help="First day, or 90d for 90 days back.")
    ] = "90d",
    end: Annotated[
        str | None, typer.Option("--to", help="Day after the last; default: up to now.")
    ] = None,
    model: Annotated[str, typer.Option(help="batch, forest or lstm.")] = "batch",
) -> None:
    """Request the training of a model on stored candles; once ready, it answers within an hour."""
    now_ms = time.time_ns() // 1_000_000
    request = TrainingRequest(
        symbol=symbol.upper(),
        model=model,
        from_ms=_quarter(since_ms(start, now_ms=now_ms)),
        until_ms=_quarter(now_ms if end is None else since_ms(end, now_ms=now_ms)),
        requested_by=person(),
        requested_ms=now_ms,
    )
    if fault := fault_of(request):
        raise ConfigurationError(fault)
    kafka = reader_settings().kafka
    write(kafka, topics.TRAINING_REQUESTS, request)
    version = version_of(request)
    typer.echo(f"requested {model} {version} for {request.symbol or 'all symbols'}")
    typer.echo(f"follow it with `candlewick models show {version}` and `candlewick logs trainer`")


def _quarter(moment_ms: int) -> int:
    return moment_ms - moment_ms % _QUARTER_MS
