"""`candlewick doctor`: looks for what is in the way, and says what to do."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

import typer
from rich.console import Console
from rich.markup import escape

from candlewick.doctor import machine, outside, servers
from candlewick.doctor.finding import Check, Finding, State, findings_of, unread
from candlewick.doctor.kafka_files import kafka_files
from candlewick.doctor.room import lasting
from candlewick.stack.addresses import Addresses, Market, choose_addresses
from candlewick.stack.api_address import reached_at
from candlewick.stack.credentials import load
from candlewick.stack.folder import StackFolder
from candlewick.stack.local_settings import reader_settings, stack_folder, with_credentials
from candlewick.stack.ports import answers
from candlewick.stack.state import StackState
from candlewick.terminal.exit_codes import WRONG
from candlewick.terminal.json_lines import AsJson, print_json
from schemas.errors import ConfigurationError
from schemas.settings import Settings, load_settings

COLOURS = {State.OK: "green", State.NOTE: "yellow", State.WRONG: "red"}


def doctor(
    *,
    as_json: AsJson = False,
) -> None:
    """Look at the machine, the servers and the network, and say what to do.

    The exit code is 1 if something is in the way.
    """
    console, is_wrong = Console(highlight=False), False
    for found in _look(load_settings()):
        is_wrong |= found.state is State.WRONG
        if as_json:
            print_json([asdict(found)])
        else:
            _print(console, found)
    if is_wrong:
        raise typer.Exit(WRONG)


def _look(settings: Settings) -> Iterator[Finding]:
    folder, state, market = stack_folder(settings), None, None
    try:
        market, state = folder.market, folder.running()
        settings = _found(settings, folder, runs=state is not None)
    except OSError as error:  # another user's folder, or a broken disk: what doctor is for
        yield unread("data folder", error)
    for name, check in _checks(settings, folder, state, market):
        yield from findings_of(name, check)


def _checks(
    settings: Settings, folder: StackFolder, state: StackState | None, market: str | None
) -> Iterator[tuple[str, Check]]:
    runs = state is not None
    yield "Python", machine.python
    yield "Java", machine.java
    yield "data folder", partial(machine.writable, folder)
    yield "disk", partial(machine.disk, folder)
    yield "Kafka's files", partial(kafka_files, folder)
    yield "memory", partial(machine.memory, runs=runs)
    yield "open files", machine.open_files
    addresses = state.addresses if state is not None else _chosen(settings, market)
    is_there = runs or addresses is None or (_are_named(settings) and answers(addresses.kafka))
    if addresses is not None and (runs or not is_there):
        host = reached_at(settings.api) if runs else settings.api.host
        yield "ports", partial(machine.ports, addresses, runs=runs, api_host=host)
    if not is_there:
        yield "stack", partial(_nothing_runs, folder)
    else:
        yield "Kafka", partial(servers.broker_and_topics, settings.kafka)
        yield "ClickHouse", partial(servers.store, settings.clickhouse)
        yield "parts", partial(servers.parts, settings.clickhouse)
        yield "users", partial(servers.users, settings, folder)
        yield "disk lasts", partial(lasting, settings.clickhouse, folder)
    yield "proxies", outside.proxies
    if is_there or market != Market.SIMULATED:
        yield "exchange", partial(outside.exchange, settings.binance)
        yield "CoinGecko", partial(outside.coins, settings.coins)
    else:
        yield "exchange", _starts_with_the_stack


def _found(settings: Settings, folder: StackFolder, *, runs: bool) -> Settings:
    """Return the settings with what the folder knows: of a stack that has ended, its passwords."""
    if runs:
        return reader_settings(settings)
    if folder.credentials.exists():
        settings = with_credentials(settings, load(folder.credentials))
    return settings.model_copy(update={"data_dir": folder.root})


def _chosen(settings: Settings, market: str | None) -> Addresses | None:
    """Return the ports that a stack would take; None if the servers are on other machines."""
    try:
        return choose_addresses(settings, live=market == Market.REAL)
    except ConfigurationError:
        return None


def _are_named(settings: Settings) -> bool:
    """Return whether somebody set where the servers are: else those at our ports are a stranger's.

    A stack of another folder is one, and `candlewick up` cannot start beside it.
    """
    kafka, clickhouse = settings.kafka.model_fields_set, settings.clickhouse.model_fields_set
    return "bootstrap_servers" in kafka or "url" in clickhouse


def _nothing_runs(folder: StackFolder) -> Iterator[Finding]:
    unseen, advice = folder.held_unseen(), f"start it with `{folder.starter}`"
    said = unseen or f"nothing runs in {folder.root}: Kafka and ClickHouse are not looked at"
    yield Finding("stack", State.NOTE, said, "" if unseen else advice)


def _starts_with_the_stack() -> Iterator[Finding]:
    yield Finding("exchange", State.OK, "the simulated one of this folder starts with the stack")


def _print(console: Console, found: Finding) -> None:
    advice = f"\n      → {escape(found.advice)}" if found.advice else ""
    colour, words = COLOURS[found.state], escape(found.said)
    console.print(f"[{colour}]{found.state:5}[/] {found.check}: {words}{advice}", soft_wrap=True)
