"""What a proof compares, in the real engine: only what it has sent itself, once that is stored."""

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

import pytest

from candlewick.offline.proving.command import is_wrong, refuse_eras
from candlewick.offline.proving.comparing import compare
from candlewick.offline.proving.folding import fold_file
from candlewick.offline.proving.progress import SymbolProof
from candlewick.offline.proving.view import symbol_row
from clients.clickhouse import Client
from clients.clock import steady_ms
from processors.candles.sending import MOST_FLAT
from producers.binance.archive_names import Archive
from producers.history.time_ranges import Spans
from schemas import table_columns
from schemas.codecs import decode
from schemas.errors import ConfigurationError
from schemas.market import Candle, Gap
from schemas.replayed import PROVEN_REVISION
from schemas.timeframe import DAY_MS, HOUR_MS, MINUTE_MS
from sinks.rows import candle_row, gap_row
from tests.support.api_market import put
from tests.support.api_process import migrated
from tests.support.builders import a_candle
from tests.support.servers import running_clickhouse

DAY = 1_723_161_600_000
MINUTES = [a_candle(open_ms=DAY + n * MINUTE_MS) for n in range(10)]
PROVEN = [replace(candle, revision=PROVEN_REVISION + 1) for candle in MINUTES]
WRONG = [replace(candle, high_e8=candle.high_e8 + 1) for candle in MINUTES]
OFFICIAL = [replace(candle, source="rest", status="official") for candle in MINUTES]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_clickhouse(tmp_path_factory.mktemp("store") / "clickhouse") as server:
        migrated(server)
        with server.client(database="candlewick") as client:
            yield client


@pytest.fixture
def store(engine: Client) -> Client:
    for table in ("candles", "klines"):
        engine.command(f"TRUNCATE TABLE {table}")
    put(engine, "klines", table_columns.CANDLE, [candle_row(candle) for candle in OFFICIAL])
    return engine


def keep(store: Client, candles: Sequence[Candle]) -> None:
    put(store, "candles", table_columns.CANDLE, [candle_row(candle) for candle in candles])


def a_proof(**counts: int) -> SymbolProof:
    day = Spans.of([(DAY, DAY + DAY_MS)])
    proof = SymbolProof("BTCUSDT", wanted=day, proven=day, read=day)
    for name, count in counts.items():
        setattr(proof, name, count)
    return proof


def compared(store: Client, proof: SymbolProof, started_ms: int) -> dict[str, object]:
    compare(store, proof, started_ms, patience_s=0.1)
    row = symbol_row(proof)
    return {name: row[name] for name in ("verified", "mismatch", "not_compared")}


def whole_day(**changes: object) -> list[Candle]:
    """Both lengths of candles of a day, as a proof makes them."""
    lengths = (("1m", MINUTE_MS), ("15m", 15 * MINUTE_MS))
    return [
        replace(
            a_candle(open_ms=open_ms, interval=interval, length_ms=length_ms),
            **({"revision": PROVEN_REVISION + 1} | changes),  # type: ignore[arg-type]
        )
        for interval, length_ms in lengths
        for open_ms in range(DAY, DAY + DAY_MS, length_ms)
    ]


def is_fine(store: Client, proof: SymbolProof) -> bool:
    compare(store, proof, steady_ms(), patience_s=0.1)
    return not is_wrong(proof)


@pytest.mark.parametrize(
    "before",
    [WRONG, [replace(candle, revision=PROVEN_REVISION + 1) for candle in WRONG]],
    ids=["live ones", "those of a file that was issued again"],
)
def test_candles_of_before_the_run_are_not_compared_in_the_place_of_its_own(
    store: Client, before: list[Candle]
) -> None:
    keep(store, before)
    started_ms = steady_ms()
    early, late = a_proof(candles=10, standing=10), a_proof(candles=10, standing=10)

    too_early = compared(store, early, started_ms)
    keep(store, PROVEN)
    in_time = compared(store, late, started_ms)

    assert too_early == {"verified": None, "mismatch": None, "not_compared": None}
    assert early.notes == [
        "not all candles are in ClickHouse yet: `candlewick audit` compares them"
    ]
    assert in_time == {"verified": 10, "mismatch": 0, "not_compared": 0}


def test_a_gapped_candle_that_a_live_one_replaces_is_not_waited_for(store: Client) -> None:
    gapped = replace(PROVEN[0], status="gapped", revision=0)
    started_ms = steady_ms()
    keep(store, [MINUTES[0]])
    keep(store, [gapped, *PROVEN[1:]])
    proof = a_proof(candles=10, standing=9, gapped=1)

    assert compared(store, proof, started_ms)["verified"] == 10


def test_what_was_proven_by_earlier_runs_is_compared_without_waiting(store: Client) -> None:
    keep(store, PROVEN)

    assert compared(store, a_proof(), steady_ms())["verified"] == 10


def test_a_later_run_over_days_that_were_read_before_is_as_strict_as_the_first(
    store: Client,
) -> None:
    nothing = a_proof()
    assert not is_fine(store, nothing)
    assert (nothing.absent, nothing.notes[0][:40]) == (
        1536,
        "1,536 candles of proven days are not in ",
    )

    day = whole_day()
    keep(store, day)
    assert is_fine(store, a_proof())

    keep(store, [replace(day[700], status="gapped", revision=PROVEN_REVISION + 2)])
    gapped = a_proof()
    assert not is_fine(store, gapped)
    assert (gapped.gapped, gapped.absent) == (1, 0)


def test_a_proof_without_any_candle_of_the_exchange_is_wrong(store: Client) -> None:
    store.command("TRUNCATE TABLE klines")
    keep(store, whole_day())
    alone = a_proof()

    assert not is_fine(store, alone)
    assert (alone.unchecked, alone.absent, alone.gapped) == (1536, 0, 0)


def test_on_the_day_of_a_listing_no_candle_is_due_before_the_first_trade(store: Client) -> None:
    listed_ms = DAY + 5 * MINUTE_MS + 3
    keep(store, [candle for candle in whole_day() if candle.close_ms > listed_ms])

    assert is_fine(store, a_proof(first_ms=listed_ms))
    assert not is_fine(store, a_proof(first_ms=listed_ms - MINUTE_MS))


def folded_week(hours: Iterable[int]) -> tuple[SymbolProof, list[Candle]]:
    """A week of which one file tells, and its candles: one trade in some of its hours."""
    week = Archive("BTCUSDT", None, date(2024, 9, 1), 7)
    text, held = "", io.BytesIO()
    for n, hour in enumerate(hours):
        text += f"{n},100.5,0.25,{n},{n},{week.open_ms + hour * HOUR_MS},True,True\n"
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("trades.csv", text)
    found = fold_file(held, week, None, lambda _: None)
    span = Spans.of([(week.open_ms, week.close_ms)])
    candles = [decode(Candle, value) for value in found.values]
    return SymbolProof("BTCUSDT", wanted=span, proven=span, read=span), candles


WEEK_H = 7 * 24


@pytest.mark.parametrize(
    "hours",
    [[*range(20), *range(92, WEEK_H)], range(60)],
    ids=["a halt of three days", "not traded any more"],
)
@pytest.mark.parametrize("backfilled", [False, True])
def test_candles_that_nobody_makes_in_a_long_silence_are_not_due(
    store: Client, hours: Sequence[int], *, backfilled: bool
) -> None:
    proof, candles = folded_week(hours)
    keep(store, candles)
    official = [replace(c, source="rest", status="official") for c in candles if c.trade_count]
    official = official if backfilled else official[:1]
    put(store, "klines", table_columns.CANDLE, [candle_row(candle) for candle in official])

    assert is_fine(store, proof)
    assert proof.absent == 0


def test_candles_that_were_deleted_are_no_silence(store: Client) -> None:
    proof, candles = folded_week(range(WEEK_H))
    keep(store, [c for c in candles if not 30 < (c.open_ms - candles[0].open_ms) / HOUR_MS < 130])

    assert not is_fine(store, proof)
    assert proof.absent >= MOST_FLAT

    official = [replace(c, source="rest", status="official") for c in candles]
    put(store, "klines", table_columns.CANDLE, [candle_row(candle) for candle in official])
    again, _ = folded_week(range(WEEK_H))
    assert not is_fine(store, again)
    assert again.absent == 6_398


def test_trades_of_an_era_that_archives_do_not_tell_are_not_kept(store: Client) -> None:
    def event(symbol: str, state: str, era: int) -> Gap:
        return Gap(symbol, 0, 0, DAY - 9, DAY, state, DAY, DAY, "", era)

    gaps = [event("BTCUSDT", "new-era", 1), event("ETHUSDT", "repaired", 0)]
    put(store, "gaps", table_columns.GAP, [gap_row(gap) for gap in gaps])

    refuse_eras(store, ("BTCUSDT",), DAY)
    refuse_eras(store, ("ETHUSDT", "ADAUSDT"), None)
    for end_ms in (DAY + 1, None):
        with pytest.raises(ConfigurationError, match="ids of BTCUSDT began again at 2024-08-09"):
            refuse_eras(store, ("ADAUSDT", "BTCUSDT"), end_ms)
