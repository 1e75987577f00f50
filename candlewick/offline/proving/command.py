"""`candlewick backfill --trades`: opens what a proof needs, shows it, compares what it gave."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import httpx
import typer
from rich.console import Console
from rich.live import Live

from candlewick.offline.proving.comparing import compare
from candlewick.offline.proving.progress import ProofProgress, SymbolProof
from candlewick.offline.proving.run import Proof, WantedProof
from candlewick.offline.proving.view import running_view, summary, symbol_row
from candlewick.store.proofs import first_new_era_ms
from candlewick.terminal.backfill_view import quiet_libraries
from candlewick.terminal.exit_codes import INTERRUPTED, WRONG
from candlewick.terminal.json_lines import print_json
from candlewick.terminal.row_printer import utc
from candlewick.terminal.whole_tables import print_whole
from clients.clickhouse import Client, connect_reader
from producers.binance.archive import ArchiveClient
from producers.binance.rest import TIMEOUT_S, RestClient
from producers.bulk_publisher import BulkPublisher
from producers.history.backfill import CONNECTIONS, alone
from producers.history.inventory import Ledger
from schemas.errors import CandlewickError, ConfigurationError
from schemas.settings import Settings
from sinks.clickhouse import ClickHouse

_REDRAW_S: Final = 0.25


def prove(
    settings: Settings,
    symbols: tuple[str, ...],
    span: tuple[int, int | None],
    *,
    keep: bool,
    checks_archives: bool,
    as_json: bool,
) -> None:
    """Make own candles of whole days from archives of trades, and compare them.

    Args:
        settings: Addresses and passwords.
        symbols: Pairs.
        span: Start and end of the time range; None for now.
        keep: Whether to keep the trades.
        checks_archives: Whether to read re-issued archives again.
        as_json: Whether to print the result as JSON, and nothing else on standard output.

    Raises:
        Exit: With code 1 if a day is missing, a candle is gapped, one differs, one of a proven day
            is not stored, or nothing could be compared; with 130 after Ctrl-C.
        ConfigurationError: A symbol is unknown, Kafka or a topic is missing, no whole day lies in
            the range, or trades of a later era would be kept.
        Transient: The exchange does not answer at all.
    """
    start_ms, end_ms = span
    if end_ms is not None and end_ms <= start_ms:
        raise ConfigurationError("--to is not after --from")
    if keep:
        with connect_reader(settings.clickhouse) as client:
            refuse_eras(client, symbols, end_ms)
    store = ClickHouse(settings.clickhouse) if keep else None
    wanted = WantedProof(symbols, start_ms, end_ms, store, checks_archives)
    console, progress = Console(highlight=False, stderr=as_json), ProofProgress()
    quiet_libraries()
    code = 0
    try:
        asyncio.run(_shown(settings, wanted, progress, console))
        _compare(settings, progress, console)
    except KeyboardInterrupt:
        console.print("stopped; files that were read are done, and the next run goes on from there")
        code = INTERRUPTED
    _tell(progress, console, as_json=as_json)
    if code or any(map(is_wrong, progress.symbols)):
        raise typer.Exit(code or WRONG)


def refuse_eras(client: Client, symbols: Sequence[str], end_ms: int | None) -> None:
    """Check that trades up to a time may be kept: archives do not tell of which era they are.

    Raises:
        ConfigurationError: Ids of a symbol have begun again before ``end_ms``.
    """
    for symbol in symbols:
        began_ms = first_new_era_ms(client, symbol)
        if began_ms is not None and (end_ms is None or end_ms > began_ms):
            raise ConfigurationError(
                f"the ids of {symbol} began again at {utc(began_ms)}, and archives do not tell of "
                "which era a trade is: end the range before that day with --to, or leave out --keep"
            )


def is_wrong(symbol: SymbolProof) -> bool:
    """Return whether something of a symbol's days is not proven, or was not compared."""
    is_faulty = symbol.missing or symbol.gapped or symbol.mismatched or symbol.absent
    is_checked = symbol.is_compared and (symbol.verified + symbol.mismatched or not symbol.proven)
    return bool(is_faulty) or not is_checked


def _tell(progress: ProofProgress, console: Console, *, as_json: bool) -> None:
    if as_json:
        print_json(map(symbol_row, progress.symbols))
    elif progress.symbols:
        print_whole(console, summary(progress), spare=("read before",))
    if any(s.unchecked for s in progress.symbols):
        console.print(
            "not compared: the exchange's candles are not stored; `candlewick backfill` fetches "
            "them, and `candlewick audit` compares",
            soft_wrap=True,
        )


def _compare(settings: Settings, progress: ProofProgress, console: Console) -> None:
    try:
        with connect_reader(settings.clickhouse) as client:
            for symbol in progress.symbols:
                compare(client, symbol, progress.started_ms)
    except CandlewickError as error:
        console.print(f"not compared: {error}", soft_wrap=True)


async def _shown(
    settings: Settings, wanted: WantedProof, progress: ProofProgress, console: Console
) -> None:
    work = asyncio.create_task(_work(settings, wanted, progress))
    if not console.is_terminal:
        await work
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        try:
            while not work.done():
                live.update(running_view(progress, time.monotonic()), refresh=True)
                await asyncio.wait([work], timeout=_REDRAW_S)
        finally:
            work.cancel()
            await asyncio.wait([work])
    if not work.cancelled():
        work.result()


async def _work(settings: Settings, wanted: WantedProof, progress: ProofProgress) -> None:
    async with (
        running(settings, wanted, progress) as proof,
        alone(settings, progress, lock="proof.lock"),
    ):
        progress.says = ""
        await proof.run()


@asynccontextmanager
async def running(
    settings: Settings, wanted: WantedProof, progress: ProofProgress
) -> AsyncIterator[Proof]:
    """Open the clients of a proof, and close them when the block ends."""
    kafka = settings.kafka
    limits = httpx.Limits(max_connections=CONNECTIONS)
    with contextlib.closing(Ledger(kafka)) as ledger:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits) as http,
            BulkPublisher(kafka).serving() as publisher,
        ):
            rest = RestClient(settings.binance.rest_url, http)
            archives = ArchiveClient(settings.binance.archive_url, http)
            yield Proof(archives, rest, publisher, ledger, wanted, progress, kafka)
