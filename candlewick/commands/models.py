"""`candlewick models`: their history, promotion and retirement by hand, checks of one's own."""

import time
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer
from rich.table import Table

from candlewick.person import person
from candlewick.stack.local_settings import reader_settings
from candlewick.store.model_use import KNOWN, ModelUse
from candlewick.store.models import ModelTables
from candlewick.terminal.console import quiet_end
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.record_rows import version_row
from candlewick.terminal.whole_tables import print_whole
from candlewick.terminal.wide_console import wide_console
from clients.clickhouse import connect_reader
from clients.kafka.writer import write
from processors.extra.checking import Finding, findings_of
from processors.extra.specification import Specification, specifications
from processors.versions.schedule import effective_after
from schemas import topics
from schemas.errors import ConfigurationError
from schemas.predictions import ModelEvent, ModelVersion
from schemas.settings import load_settings, model_settings

models = typer.Typer(
    no_args_is_help=True, help="Models: their history, promotion and retirement, and checks."
)
Model = Annotated[str, typer.Argument(help=f"One of {', '.join(KNOWN)}, or your own.")]
Pair = Annotated[str, typer.Option("--symbol", help="One pair; default: all.")]


@models.command("list")
def list_models(*, symbol: Pair = "", as_json: AsJson = False) -> None:
    """Show the newest event of every version."""
    with connect_reader(reader_settings().clickhouse) as client:
        found = ModelTables(client).newest(symbol.upper())
    if not found:
        raise ConfigurationError("no model has an event yet: train one with `candlewick train`")
    _show(found, as_json=as_json)


@models.command()
def show(
    name: Annotated[str, typer.Argument(help="A version, or a kind of model.")],
    *,
    newest: Annotated[int, typer.Option("-n", min=1, help="Show at most this many events.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the events of a version or model, and the evidence of the newest."""
    with connect_reader(reader_settings().clickhouse) as client:
        found = ModelTables(client).events(name, limit=newest)
    if not found:
        raise ConfigurationError(
            f"no event of {name} is stored: it may still be in training (`candlewick logs trainer`)"
            ", or have another name (`candlewick models list`)"
        )
    _show(found, as_json=as_json)
    if not as_json:
        with quiet_end():
            details = version_row(found[0])["details"]
            typer.echo(orjson.dumps(details, option=orjson.OPT_INDENT_2))


@models.command()
def promote(model: Model, *, symbol: Pair = "") -> None:
    """Make a model the champion of a symbol, until the scores clearly favour another.

    It takes back a retirement of the model.
    """
    _decide(ModelEvent.PROMOTED, model, symbol)


@models.command()
def retire(
    model: Model,
    *,
    symbol: Pair = "",
    version: Annotated[str, typer.Option(help="Only this version; default: any.")] = "",
) -> None:
    """Stop a model from answering, until a newer version is trained or it is promoted."""
    if model == "reference":
        raise ConfigurationError("the reference cannot be retired: all others are compared with it")
    _decide(ModelEvent.RETIRED, model, symbol, version)


@models.command()
def check(
    model: Annotated[
        str, typer.Argument(help="The name of your own model, or package.module:factory.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Run River's checks and ours on a model of your own, in a process of its own.

    Ends with 1 if one fails.
    """
    findings = findings_of(_own(model))
    with quiet_end():
        if as_json:
            print_json(asdict(one) | {"passed": one.passed} for one in findings)
        else:
            print_whole(wide_console(), _findings_table(findings))
    if not all(one.passed for one in findings):
        raise typer.Exit(1)


def _own(model: str) -> Specification:
    settings = load_settings().models
    if model in settings.extra:
        return next(one for one in specifications(settings) if one.name == model)
    if ":" not in model:
        known = ", ".join(settings.extra) or "none is set"
        raise ConfigurationError(
            f"{model} is no model of your own ({known}): name one of CANDLEWICK_MODELS__EXTRA, or "
            "write package.module:factory"
        )
    (own,) = specifications(model_settings(f"own={model}"))
    return own


def _findings_table(findings: Iterable[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("suite", "check", "runs", "outcome"):
        table.add_column(name, no_wrap=name != "outcome")
    for one in findings:
        table.add_row(one.suite, one.check, str(one.times), one.reason or "passed")
    return table


def _decide(event: ModelEvent, model: str, symbol: str, version: str = "") -> None:
    settings, name = reader_settings(), symbol.upper()
    with connect_reader(settings.clickhouse) as client:
        tables = ModelTables(client)
        market_ms = tables.market_ms(name)
        if market_ms is None:
            raise ConfigurationError(f"no candle of {name or 'any symbol'} is stored yet")
        use = ModelUse(tables, model, name, market_ms)
        if event == ModelEvent.PROMOTED:
            version = use.promotable()
        else:
            use.check_retirement(version)
    effective_ms, decided_by = effective_after(market_ms), person()
    decided = ModelVersion(
        model=model,
        version=version,
        symbol=name,
        event=event.value,
        event_ms=time.time_ns() // 1_000_000,
        reason=f"decided by {decided_by}",
        details=orjson.dumps({"effective_ms": effective_ms, "decided_by": decided_by}).decode(),
    )
    write(settings.kafka, topics.MODEL_VERSIONS, decided)
    typer.echo(f"{model} {event.value} for {name or 'all symbols'} at {_time(effective_ms)} UTC")


def _show(found: Iterable[ModelVersion], *, as_json: bool) -> None:
    with quiet_end():
        if as_json:
            print_json(map(version_row, found))
        else:
            print_whole(wide_console(), _table(found))


def _table(found: Iterable[ModelVersion]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("time, UTC", "model", "version", "symbol", "event", "why"):
        table.add_column(name, no_wrap=name != "why")
    for e in found:
        table.add_row(_time(e.event_ms), e.model, e.version, e.symbol or "all", e.event, e.reason)
    return table


def _time(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
