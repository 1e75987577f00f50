"""`candlewick replay`: turns files of recorded trades into candles."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby, islice
from pathlib import Path
from typing import Annotated

import typer

from candlewick.offline.replay.candles import SymbolReplay
from candlewick.offline.replay.sources import sources_of
from candlewick.terminal.console import quiet_end
from candlewick.terminal.json_lines import AsJson
from candlewick.terminal.record_rows import Row
from candlewick.terminal.row_printer import RowPrinter
from schemas.day_digest import DayDigest, day_digests
from schemas.decimals import plain
from schemas.errors import ConfigurationError
from schemas.market import Candle
from schemas.timeframe import Interval, parse_interval

HEADER = (
    "symbol,open_ms,close_ms,open,high,low,close,volume,quote_volume,trades,taker_buy_volume,"
    "taker_buy_quote_volume,first_trade_id,last_trade_id,status"
)
_AT_ONCE = 100


def replay(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Official aggTrades files (.csv, .csv.gz, .zip) or recorded websocket captures."
        ),
    ],
    *,
    symbol: Annotated[
        str | None,
        typer.Option(help="Only this pair; also the pair of CSV files whose names lack it."),
    ] = None,
    interval: Annotated[str, typer.Option(help=f"One of {', '.join(Interval)}.")] = "15m",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header line.")] = False,
    digest: Annotated[
        bool, typer.Option("--digest", help="Print days: a SHA-256 over the 1m candles of each.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Turn recorded trades into candles, through the same reducer as live.

    Files may be given in any order. Decimals are plain, without trailing zeros. A candle covers
    the half-open interval [open_ms, close_ms). If the recording begins inside the first candle,
    that one is gapped; if it ends inside the last, that one is open. Gaps are reported on
    standard error. With --digest, days are printed instead, as `candlewick completeness --digest`
    does for stored candles.
    """
    if as_csv and as_json:
        raise ConfigurationError("--csv and --json are two formats: choose one")
    printer = RowPrinter(as_json=as_json)
    wanted = Interval.ONE_MINUTE if digest else parse_interval(interval)
    candles = _candles(files, symbol and symbol.upper(), wanted)
    with quiet_end():
        if digest:
            _print_days(candles, printer, as_csv=as_csv)
        elif as_csv:
            _print_csv(candles)
        else:
            _print_rows(candles, printer)


def _candles(files: list[Path], symbol: str | None, interval: Interval) -> Iterator[Candle]:
    sources = [source for path in files for source in sources_of(path, symbol)]
    if not sources:
        raise ConfigurationError(f"there are no trades of {symbol} in these files")
    sources.sort(key=lambda source: source.symbol)
    for name, group in groupby(sources, key=lambda source: source.symbol):
        yield from SymbolReplay(name, interval, list(group), _tell).candles()


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _row(candle: Candle) -> Row:
    return {
        "symbol": candle.symbol,
        "open_ms": candle.open_ms,
        "close_ms": candle.close_ms,
        "open": plain(candle.open_e8),
        "high": plain(candle.high_e8),
        "low": plain(candle.low_e8),
        "close": plain(candle.close_e8),
        "volume": plain(candle.volume_e8),
        "quote_volume": plain(candle.quote_volume_e8),
        "trades": candle.trade_count,
        "taker_buy_volume": plain(candle.taker_buy_volume_e8),
        "taker_buy_quote_volume": plain(candle.taker_buy_quote_volume_e8),
        "first_trade_id": candle.first_trade_id,
        "last_trade_id": candle.last_trade_id,
        "status": candle.status,
    }


def _print_days(candles: Iterator[Candle], printer: RowPrinter, *, as_csv: bool) -> None:
    days = (
        day
        for _, group in groupby(candles, key=lambda candle: candle.symbol)
        for day in day_digests(group)
    )
    if as_csv:
        sys.stdout.write("symbol,day,candles,sha256\n")
        sys.stdout.writelines(map(_day_line, days))
        return
    for day in days:
        printer.print([asdict(day)])


def _day_line(day: DayDigest) -> str:
    return f"{day.symbol},{day.day},{day.candles},{day.sha256 or ''}\n"


def _print_csv(candles: Iterator[Candle]) -> None:
    first = next(candles)  # an error before the first candle leaves nothing on standard output
    sys.stdout.write(f"{HEADER}\n{_line(first)}")
    while some := list(islice(candles, _AT_ONCE)):
        sys.stdout.writelines(map(_line, some))


def _line(candle: Candle) -> str:
    return ",".join(map(str, _row(candle).values())) + "\n"


def _print_rows(candles: Iterator[Candle], printer: RowPrinter) -> None:
    while some := list(islice(candles, _AT_ONCE)):
        printer.print([_row(candle) for candle in some])
