"""How `candlewick backfill` ends: by Ctrl-C, with days that are missing, or with no comparison."""

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from candlewick.commands import backfill as backfill_module
from candlewick.offline.proving import command
from candlewick.offline.proving.progress import ProofProgress, SymbolProof
from candlewick.offline.proving.run import Proof, WantedProof
from producers.binance.archive_names import Archive, day_file
from producers.history.time_ranges import Spans
from schemas.errors import ConfigurationError, Transient
from schemas.history import ArchiveFile
from schemas.settings import Settings
from schemas.timeframe import DAY_MS
from tests.support.builders import a_trade

SETTINGS = Settings()
DAY = 1_723_161_600_000
SPAN = (DAY, DAY + DAY_MS)
DAYS = Spans.of([SPAN])


def proven() -> SymbolProof:
    return SymbolProof("BTCUSDT", wanted=DAYS, proven=DAYS, read=DAYS, candles=1536, standing=1536)


def ended(
    monkeypatch: pytest.MonkeyPatch, symbol: SymbolProof, work: Callable[[], None], reader: object
) -> int:
    """Exit code of a proof that leaves a symbol so, and then does `work`."""

    async def shown(*parts: Any) -> None:
        progress: ProofProgress = parts[2]
        progress.symbols = [symbol]
        work()

    monkeypatch.setattr(command, "_shown", shown)
    monkeypatch.setattr(command, "connect_reader", reader)
    with pytest.raises(typer.Exit) as end:
        command.prove(SETTINGS, ("BTCUSDT",), SPAN, keep=False, checks_archives=False, as_json=True)
    return end.value.exit_code


def interrupt() -> None:
    raise KeyboardInterrupt


def unreachable(_: object) -> None:
    raise Transient("ClickHouse does not answer")


def unasked(_: object) -> None:
    raise AssertionError("a proof that was stopped compares nothing")


def test_a_proof_that_is_stopped_shows_what_it_did_and_ends_with_130_without_comparing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = ended(monkeypatch, proven(), interrupt, unasked)

    row = json.loads(capsys.readouterr().out)
    assert (code, row["days"], row["verified"], row["mismatch"]) == (130, 1, None, None)


def test_a_proof_whose_candles_could_not_be_compared_ends_with_1_and_counts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = ended(monkeypatch, proven(), lambda: None, unreachable)

    row = json.loads(capsys.readouterr().out)
    assert (code, row["verified"], row["mismatch"], row["not_compared"]) == (1, None, None, None)


def test_a_backfill_that_is_stopped_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    async def shown(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backfill_module, "_shown", shown)
    monkeypatch.setattr(backfill_module, "reader_settings", lambda: SETTINGS)

    with pytest.raises(typer.Exit) as end:
        backfill_module.backfill(symbols="BTCUSDT", end=None)
    assert end.value.exit_code == 130


class Exchange:
    """Knows its first trade, or nothing; and has issued every file anew, or those of a name."""

    def __init__(self, *, answers: bool = True, anew: str = "") -> None:
        self.answers = answers
        self.anew = anew
        self.asked: list[str] = []

    async def learn_limits(self, _: object) -> None: ...

    async def server_ms(self) -> int:
        return DAY + 100 * DAY_MS

    async def trades_from(self, _symbol: str, _agg_id: int) -> list[object]:
        if not self.answers:
            raise Transient("no answer", retry_after_s=0)
        return [a_trade(0, event_ms=DAY - 100 * DAY_MS)]

    async def checksum(self, file: Archive) -> str:
        self.asked.append(file.name)
        return "new" if self.anew in file.name else "old"


def run(
    monkeypatch: pytest.MonkeyPatch,
    exchange: Exchange,
    span: tuple[int, int] = SPAN,
    archives: list[ArchiveFile] | None = None,
) -> SymbolProof:
    """What a proof says of a symbol; it reads no file."""

    async def at_once(ask: Any) -> object:
        return await ask()

    async def read(*_: object) -> None: ...

    monkeypatch.setattr("candlewick.offline.proving.run.persistently", at_once)
    monkeypatch.setattr(Proof, "_count_partitions", lambda _: 1)
    monkeypatch.setattr(Proof, "read", read)
    held = {file.name: file for file in archives or []}
    ledger = SimpleNamespace(archives=held, refresh=lambda _: None)
    progress = ProofProgress()
    wanted = WantedProof(("BTCUSDT",), *span, checks_archives=True)
    parts: list[Any] = [exchange, exchange, SimpleNamespace(), ledger, wanted, progress, ""]
    asyncio.run(Proof(*parts).run())
    return progress.symbols[0]


def test_the_days_of_a_symbol_that_could_not_be_looked_up_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    symbol = run(monkeypatch, Exchange(answers=False))

    assert symbol.missing == DAYS
    assert symbol.notes == ["no answer"]


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (("2024-01-02", "2024-01-02"), "--to 2024-01-02 is not after --from 2024-01-02"),
        (("2099-01-01", None), "now is not after --from 2099-01-01"),
    ],
)
@pytest.mark.parametrize("trades", [False, True])
def test_a_range_without_time_in_it_is_refused_before_anything_is_asked(
    span: tuple[str, str | None], said: str, *, trades: bool
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        backfill_module.backfill(start=span[0], end=span[1], trades=trades)


@pytest.mark.parametrize(
    "span", [(DAY + 1, DAY + DAY_MS + 1), (DAY + 100 * DAY_MS, DAY + 101 * DAY_MS)]
)
def test_a_range_without_a_whole_day_that_is_over_is_refused(
    monkeypatch: pytest.MonkeyPatch, span: tuple[int, int]
) -> None:
    with pytest.raises(ConfigurationError, match="no whole day"):
        run(monkeypatch, Exchange(), span)


def about(file: Archive) -> ArchiveFile:
    span = file.open_ms, file.close_ms
    return ArchiveFile(file.name, file.symbol, "1m", "daily", *span, "old", 1, "used", 1, "")


def test_only_files_of_the_range_are_looked_at_for_a_new_issue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside, outside = (day_file("BTCUSDT", None, ms) for ms in (DAY, DAY + DAY_MS))
    exchange = Exchange()

    symbol = run(monkeypatch, exchange, archives=[about(inside), about(outside)])

    assert exchange.asked == [inside.name]
    assert symbol.notes == [f"{inside.name} was re-issued and is read again"]


def test_with_a_file_that_was_issued_anew_the_one_behind_it_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [day_file("BTCUSDT", None, DAY + n * DAY_MS) for n in range(4)]
    span = DAY, DAY + 4 * DAY_MS

    symbol = run(monkeypatch, Exchange(anew=files[1].name), span, [about(file) for file in files])

    assert symbol.missing == Spans.of([(DAY + DAY_MS, DAY + 3 * DAY_MS)])
    assert symbol.notes == [f"{files[1].name} was re-issued and is read again"]
