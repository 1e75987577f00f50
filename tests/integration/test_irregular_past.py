"""The past with what the exchange has wrong in it: it is fetched to its end, each hole explained.

After reports on binance-public-data: 14 and 169 (candles off the grid in February 2018), 238
(delisted symbols), 475 (rows that differ).
"""

import asyncio
import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from candlewick.terminal.backfill_view import holes_told, track_row
from clients.kafka.followed_symbols import FollowedSymbols
from producers.history.archive_plan import Choice
from producers.history.backfill import Backfill, Progress, Wanted, running
from producers.history.corrections import Recheck
from producers.history.progress import SeriesProgress
from schemas import topics
from schemas.codecs import decode
from schemas.history import HoleKind, IrregularRow
from schemas.timeframe import Interval
from tests.support.backfilling import DATA, DAY_MS, Past
from tests.support.servers import running_exchange, running_kafka

CASES = DATA / "cases"
DAY = 1_518_134_400_000  # 2018-02-09
FIRST_MS = DAY + 8 * 3_600_000  # of the case's candles
ODD_MS = DAY + (9 * 60 + 58) * 60_000  # the first candle off the grid opens 14.8 s later
MINUTE_MS = 60_000
NOVEMBER = 1_761_955_200_000  # 2025-11-01
NOW_MS = NOVEMBER + 49 * DAY_MS + 37_230_000  # when the generated market begins
HOUR_MS = 3_600_000


def case(interval: str) -> list[list[object]]:
    lines = (CASES / f"off-grid-{interval}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def a_market(folder: Path) -> dict[str, object]:
    """A market whose candles left the grid on 2018-02-09, as the exchange's did.

    Its trades have consecutive ids, one in each minute of the case, and end on the next day.
    """
    klines, trades = [], folder / "trades"
    for interval in ("1m", "15m"):
        file = folder / f"BTCUSDT-{interval}.csv"
        file.write_text("".join(",".join(map(str, row)) + "\n" for row in case(interval)))
        klines.append(str(file))
    trades.mkdir()
    with (trades / "BTCUSDT-aggTrades-2018-02-09.csv").open("w") as written:
        rows = csv.writer(written)
        for n, (open_ms, *_) in enumerate(case("1m")):
            rows.writerow([n, "10.00", "1.0", n, n, int(str(open_ms)) + 1_000, "True", "True"])
    return {"klines": tuple(klines), "aggtrades": str(trades), "start": "2018-02-13T12:00:00Z"}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    folder = tmp_path_factory.mktemp("irregular")
    with running_exchange(**a_market(folder)) as market, running_kafka(folder / "kafka") as kafka:
        found = Past(kafka, market, folder)
        found.create_topics()
        yield found


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory, past: Past) -> Iterator[Past]:
    """A generated market of November 2025 that stands; each test has a symbol of its own."""
    with running_exchange(start="2025-12-20T10:20:30Z", speed=0, recorded=False) as exchange:
        yield Past(past.kafka, exchange, tmp_path_factory.mktemp("now"))


@pytest.fixture
def wrong(now: Past) -> Iterator[Callable[..., None]]:
    """Let the exchange have klines wrong."""

    def arm(**fault: object) -> None:
        now.exchange.admin("POST", "faults", {"kind": "klines"} | fault)

    yield arm
    now.exchange.admin("DELETE", "faults")


def kinds(track: SeriesProgress) -> dict[str, int]:
    found = {kind.value: track.absent_as(kind) for kind in HoleKind}
    return {kind: count for kind, count in found.items() if count}


def opens(past: Past, symbol: str, interval: str = "1m") -> list[int]:
    return sorted(candle.open_ms for candle in past.candles(symbol, interval))


def irregular(past: Past, symbol: str, interval: str = "1m") -> list[IrregularRow]:
    read = past.records(topics.IRREGULAR_ROWS)
    rows = [decode(IrregularRow, message.value() or b"") for message in read]
    return [row for row in rows if (row.symbol, row.interval) == (symbol, interval)]


@pytest.mark.parametrize(
    ("interval", "length_ms", "absent", "unproven"),
    [
        # Until 08:00, from 08:03 to 09:58 and 10:04 to 05:58; the five odd ones are in six minutes.
        ("1m", MINUTE_MS, {"unlisted": 1920, "official": 1309, "irregular": 6, "ended": 2519}, 0),
        # At 05:58 is a trade of which no 15m candle is: one of them stays without an explanation.
        ("15m", 15 * MINUTE_MS, {"unlisted": 127, "official": 82, "irregular": 4, "ended": 165}, 1),
    ],
)
def test_rows_off_the_grid_are_kept_aside_and_all_others_fetched(
    past: Past, interval: str, length_ms: int, absent: dict[str, int], unproven: int
) -> None:
    start_ms, end_ms = DAY - DAY_MS, DAY + 3 * DAY_MS
    rows = case(interval)

    (track,) = (progress := past.fill("BTCUSDT", interval, start_ms, end_ms)).tracks
    (again,) = past.fill("BTCUSDT", interval, start_ms, end_ms).tracks

    on_grid = [row[0] for row in rows if int(str(row[0])) % length_ms == 0]
    odd = [row for row in rows if row[0] not in on_grid]
    assert opens(past, "BTCUSDT", interval) == on_grid
    assert (track.rows, again.rows) == (len(on_grid), 0)
    assert track.missing_rows == again.missing_rows == unproven
    assert kinds(track) == kinds(again) == absent
    kept = [row for row in irregular(past, "BTCUSDT", interval) if row.source == "rest"]
    assert [row.row for row in kept] == [",".join(map(str, row)) for row in odd]
    assert {row.open_ms % length_ms for row in kept} == {
        int(str(row[0])) % length_ms for row in odd
    }
    told = holes_told(progress)
    assert len(told) == 5
    assert f"{len(odd)}, the first opens" in told[2]
    assert "not trading since 2018-02-10 06:00" in told[4]
    holes = track_row(track)["holes"]
    assert isinstance(holes, list)
    assert [f"{hole['candles']:,}, {hole['why']}" for hole in holes] == [
        line.split(": ", 1)[1] for line in told
    ]
    assert {hole["open_time"][-1] + hole["close_time"][-1] for hole in holes} == {"ZZ"}


@pytest.mark.parametrize("where", ["daily", "everywhere"])
def test_impossible_row_costs_itself_and_comes_by_rest_if_that_has_it(
    now: Past, wrong: Callable[..., None], where: str
) -> None:
    symbol = {"daily": "LTCUSDT", "everywhere": "ETHUSDT"}[where]
    at_ms = NOVEMBER + 600 * MINUTE_MS
    wrong(symbol=symbol, where=where, how="impossible", first_ms=at_ms, last_ms=at_ms)

    (track,) = now.fill(symbol, "1m", NOVEMBER, NOVEMBER + DAY_MS).tracks

    everywhere = where == "everywhere"
    assert (track.rows, track.missing_rows) == (1440 - everywhere, 0)
    assert kinds(track) == ({"irregular": 1} if everywhere else {})
    assert [row.open_ms for row in irregular(now, symbol)] == [at_ms] * (1 + everywhere)
    (file,) = now.archives(symbol, "1m")
    assert (file.state, file.rows, file.reason) == ("used", 1439, "1 irregular rows left out")
    mended = "1 candles that archive files lack or have wrong came by REST"
    assert track.notes == ([] if everywhere else [mended])


def test_minutes_that_a_daily_file_lacks_come_by_rest(
    now: Past, wrong: Callable[..., None]
) -> None:
    first_ms = NOVEMBER + 700 * MINUTE_MS
    wrong(
        symbol="SOLUSDT",
        where="daily",
        how="lacking",
        first_ms=first_ms,
        last_ms=first_ms + MINUTE_MS,
    )

    (track,) = now.fill("SOLUSDT", "1m", NOVEMBER, NOVEMBER + DAY_MS).tracks

    assert opens(now, "SOLUSDT") == [*range(NOVEMBER, NOVEMBER + DAY_MS, MINUTE_MS)]
    assert track.mended == 2


@pytest.mark.parametrize(
    ("choice", "symbol"), [(Choice.ARCHIVE, "ADAUSDT"), (Choice.AUTO, "XRPUSDT")]
)
def test_month_that_is_cut_short_is_completed(
    now: Past, wrong: Callable[..., None], choice: Choice, symbol: str
) -> None:
    """By the daily files of the days that are missing; a part of a day by REST."""
    half_ms = NOVEMBER + 27 * DAY_MS + 18 * 3_600_000
    wrong(symbol=symbol, interval="5m", where="monthly", how="lacking", first_ms=half_ms)
    # Five-minute candles of a month are too few for files unless only they are wanted.
    interval = "5m" if choice is Choice.ARCHIVE else "1m"
    wrong(symbol=symbol, interval="1m", where="monthly", how="lacking", first_ms=half_ms)

    (track,) = now.fill(symbol, interval, NOVEMBER, NOVEMBER + 30 * DAY_MS, choice).tracks

    found = now.candles(symbol, interval)
    count = {name: [c.source for c in found].count(name) for name in {c.source for c in found}}
    hours = {"archive-monthly": 27 * 24 + 18, "archive-daily": 2 * 24}
    if choice is Choice.ARCHIVE:
        hours["archive-daily"] += 6
    else:
        hours["rest"] = 6
    assert count == {name: n * (60 if interval == "1m" else 12) for name, n in hours.items()}
    assert track.missing_rows == 0


def test_symbol_that_is_not_traded_any_more_has_an_end(past: Past) -> None:
    """Up to the exchange's now, and again later: no candle is waited for."""
    (track,) = past.fill("BTCUSDT", "15m", DAY + 2 * DAY_MS, None).tracks

    assert (track.missing_rows, track.notes) == (0, [])
    assert set(kinds(track)) == {"ended"}


@pytest.mark.parametrize(("symbol", "is_restarted"), [("DOTUSDT", False), ("BNBUSDT", True)])
def test_candle_that_grows_after_its_close_is_published_again_as_a_revision(
    now: Past, wrong: Callable[..., None], symbol: str, *, is_restarted: bool
) -> None:
    """By the process that published it, and by the next one."""
    settings = now.settings.model_copy(update={"symbols": (symbol,)})
    wanted = Wanted((symbol,), (Interval.ONE_MINUTE,), NOW_MS - HOUR_MS, None, Choice.REST)

    async def publish(backfill: Backfill) -> None:
        await backfill.run(wanted, Progress())
        now.exchange.admin("DELETE", "faults")

    async def look_twice(backfill: Backfill) -> None:
        if is_restarted:
            await backfill.run(wanted, Progress())
        recheck = Recheck(backfill, settings, FollowedSymbols(settings, name="test"))
        await recheck.when_due(0)
        await recheck.when_due(settings.backfill.check_minutes * MINUTE_MS)

    async def run() -> None:
        async with running(settings) as first:
            await publish(first)
            if not is_restarted:
                await look_twice(first)
        if is_restarted:
            async with running(settings) as second:
                await look_twice(second)

    wrong(symbol=symbol, interval="1m", where="rest", how="early", by=10 * MINUTE_MS)
    asyncio.run(run())

    candles = now.candles(symbol, "1m")
    whole = {row[0]: str(row[5]) for row in now.klines(symbol, "1m", NOW_MS - HOUR_MS, NOW_MS)}
    last = {c.open_ms: c for c in candles}
    assert all(f"{c.volume_e8 / 10**8:.8f}" == whole[c.open_ms] for c in last.values())
    first = {c.open_ms: c for c in candles if c.revision == 1}
    revised = [c for c in candles if c.revision > 1]
    assert 8 <= len(revised) <= 11
    assert all(c.revision == 2 and c.event_ms > first[c.open_ms].event_ms for c in revised)
    assert all(c.volume_e8 // 2 == first[c.open_ms].volume_e8 for c in revised)


def test_candle_that_the_exchange_lacked_for_a_moment_is_fetched_once_it_is_there(
    now: Past, wrong: Callable[..., None]
) -> None:
    settings = now.settings.model_copy(update={"symbols": ("DOGEUSDT",)})
    start_ms = NOW_MS - NOW_MS % HOUR_MS - HOUR_MS
    wanted = Wanted(("DOGEUSDT",), (Interval.ONE_MINUTE,), start_ms, None, Choice.REST)
    missing: list[int] = []

    async def run() -> None:
        async with running(settings) as backfill:
            recheck = Recheck(backfill, settings, FollowedSymbols(settings, name="test"))
            for n in range(3):
                progress = Progress()
                await backfill.run(wanted, progress)
                missing.append(progress.tracks[0].missing_rows)
                await recheck.when_due(n * settings.backfill.check_minutes * MINUTE_MS)
                if n == 0:
                    now.exchange.admin("DELETE", "faults")

    first_ms = start_ms + 10 * MINUTE_MS
    place = {"first_ms": first_ms, "last_ms": first_ms + MINUTE_MS}
    wrong(symbol="DOGEUSDT", interval="1m", where="rest", how="lacking", **place)
    asyncio.run(run())

    found = opens(now, "DOGEUSDT")
    assert missing == [2, 2, 0]
    assert found == [*range(start_ms, found[-1] + MINUTE_MS, MINUTE_MS)]


def test_only_candles_that_are_checked_again_are_remembered(now: Past) -> None:
    """Those of a day took more than a gigabyte with all symbols of the exchange."""
    wanted = Wanted(("LINKUSDT",), (Interval.ONE_MINUTE,), NOW_MS - 12 * HOUR_MS, None, Choice.REST)

    async def remembered() -> list[int]:
        async with running(now.settings) as backfill:
            await backfill.run(wanted, Progress())
            return sorted(candle.open_ms for candle in backfill.recent.values())

    hours = 2 * now.settings.backfill.check_hours
    assert asyncio.run(remembered())[0] // MINUTE_MS == NOW_MS // MINUTE_MS - hours * 60 + 1
