"""`candlewick symbols`: which symbols are followed; adds and removes some while the stack runs."""

import time
from typing import Annotated

import typer
from rich.table import Table

from candlewick.stack.local_settings import reader_settings
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.whole_tables import print_whole
from candlewick.terminal.wide_console import wide_console
from clients.kafka.followed_symbols import FollowedSymbols
from clients.kafka.writer import Writer
from schemas import topics
from schemas.codecs import message_of
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from schemas.symbol_patterns import check_name, written
from schemas.symbols import TRADING, UNKNOWN, UNLISTED, ChosenBy, SymbolBook, by_hand

symbols = typer.Typer(no_args_is_help=True, help="Followed symbols: list, add, remove.")
Names = Annotated[list[str], typer.Argument(help="Symbols, for example BTCUSDT ETHUSDT.")]


@symbols.command()
def add(names: Names) -> None:
    """Follow symbols, whatever CANDLEWICK_SYMBOLS says; nothing is restarted."""
    _choose(names, is_followed=True)


@symbols.command()
def remove(names: Names) -> None:
    """Follow symbols no more, whatever CANDLEWICK_SYMBOLS says; stored data stays."""
    _choose(names, is_followed=False)


@symbols.command("list")
def list_symbols(*, as_json: AsJson = False) -> None:
    """Show each symbol, who chose it, and how the exchange trades it."""
    book = _book(reader_settings())
    followed = book.names
    others = sorted({*book.by_hand, *book.by_setting} - set(followed))
    rows = [_row(book, symbol) for symbol in (*followed, *others)]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("symbol", "followed", "chosen by", "traded"):
        table.add_column(heading, no_wrap=True)
    table.add_column("why")
    for row in rows:
        symbol, is_followed = str(row["symbol"]), "yes" if row["followed"] else "no"
        chosen_by, why = str(row["chosen_by"]), str(row["reason"])
        table.add_row(symbol, is_followed, chosen_by, _traded(book, symbol), why)
    print_whole(wide_console(), table, spare=("why",))


def _row(book: SymbolBook, symbol: str) -> dict[str, object]:
    chosen = book.by_hand.get(symbol) or book.by_setting.get(symbol)
    told = book.by_setting.get(symbol)
    return {
        "symbol": symbol,
        "followed": symbol in book.names,
        "chosen_by": ChosenBy.HAND if symbol in book.by_hand else ChosenBy.SETTING,
        "status": told.status or None if told else None,
        "not_trading_since_ms": told.since_ms if told else -1,
        "reason": "named in CANDLEWICK_SYMBOLS" if chosen is None else chosen.reason,
    }


def _choose(names: list[str], *, is_followed: bool) -> None:
    settings = reader_settings()
    wanted = written(",".join(names))
    for name in wanted:
        try:
            check_name(name)
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
    now_ms = time.time_ns() // 1_000_000
    reason = f"{'added' if is_followed else 'removed'} by hand"
    writer = Writer(settings.kafka)
    for name in wanted:
        choice = by_hand(name, is_followed=is_followed, now_ms=now_ms, reason=reason)
        writer.put(topics.SYMBOLS.name, message_of(choice))
        typer.echo(f"{name}: {reason}; every process follows within seconds")


def _book(settings: Settings) -> SymbolBook:
    followed = FollowedSymbols(settings, name="candlewick-symbols")
    followed.refresh()
    return followed.book


def _traded(book: SymbolBook, symbol: str) -> str:
    told = book.by_setting.get(symbol)
    if told is None or told.status == UNKNOWN:
        return "not known yet"
    if told.status == TRADING:
        return "yes"
    if told.status == UNLISTED:
        return "unknown to the exchange"
    if told.since_ms < 0:
        return f"no ({told.status})"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(told.since_ms / 1000))
    return f"not trading since {since} UTC ({told.status})"
