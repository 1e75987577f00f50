"""Candles of archives of trades: proven by ids from file to file, and told where they are not."""

import asyncio
import io
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.offline.proving.folding import Chain, Folded, fold_file
from candlewick.offline.proving.plan import KEPT, files_of, proven_days, whole_days
from candlewick.offline.proving.progress import ProofProgress, SymbolProof
from candlewick.offline.proving.run import LARGEST_MONTH, Proof, WantedProof
from producers.binance.archive_names import Archive
from producers.history.time_ranges import Spans
from schemas.codecs import decode
from schemas.errors import PoisonMessage
from schemas.history import ArchiveFile
from schemas.market import Candle, Trade
from schemas.replayed import PROVEN_REVISION, REPLAYED, ranked
from schemas.timeframe import DAY_MS, MINUTE_MS
from tests.support.builders import a_candle, a_trade

CASES = Path(__file__).parents[2] / "data" / "cases"
DAY = date(2024, 8, 9)
START_MS = 1_723_161_600_000
SEPTEMBER_MS = 1_725_148_800_000
MARK = "\ufeff"  # a byte order mark


def a_file(day: int = 0, symbol: str = "BTCUSDT") -> Archive:
    return Archive(symbol, None, date.fromordinal(DAY.toordinal() + day), 1)


def a_zip(text: str) -> io.BytesIO:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("trades.csv", text)
    return held


def line(agg_id: int, at_ms: int, *, first: int | None = None, fills: int = 1) -> str:
    begun = agg_id * 10 if first is None else first
    return f"{agg_id},100.5,0.25,{begun},{begun + fills - 1},{at_ms},True,True\n"


def nothing(_: int) -> Trade | None:
    return None


def fold(
    text: str, before: Chain | None = None, ask: object = nothing, *, day: int = 0
) -> tuple[Folded, dict[tuple[str, int], Candle]]:
    found = fold_file(a_zip(text), a_file(day), before, ask)  # type: ignore[arg-type]
    candles = [decode(Candle, value) for value in found.values]
    return found, {(candle.interval, candle.open_ms): candle for candle in candles}


def minutes(found: dict[tuple[str, int], Candle]) -> list[Candle]:
    return [found[key] for key in sorted(found) if key[0] == "1m"]


def test_a_day_is_whole_though_nobody_traded_at_its_ends() -> None:
    ids = range(7, 12)
    text = "".join(line(n, START_MS + n * 3_600_000, first=n) for n in ids)
    before = a_trade(6, event_ms=START_MS - 10 * MINUTE_MS, price_e8=99 * 10**8)

    found, candles = fold(text, ask={6: before}.get)

    assert len(candles) == 1440 + 96
    assert found.lacking == set()
    first, *_, last = minutes(candles)
    assert (first.status, first.close_e8, first.open_ms) == ("quiet", 99 * 10**8, START_MS)
    assert (last.status, last.open_ms) == ("quiet", START_MS + DAY_MS - MINUTE_MS)
    assert {c.revision for c in candles.values()} == {PROVEN_REVISION + 1}
    assert [c.trade_count for c in minutes(candles) if c.status == "complete"] == [1] * 5


def test_the_first_candle_is_gapped_where_nothing_proves_its_beginning() -> None:
    text = "".join(line(n, START_MS + n * 1_000, first=n) for n in range(3, 200))

    _, candles = fold(text, ask=nothing)

    first, second, *_ = minutes(candles)
    assert (first.status, first.revision) == ("gapped", 0)
    assert (second.status, second.revision) == ("complete", PROVEN_REVISION + 1)


def test_the_very_first_trade_of_a_symbol_needs_no_proof() -> None:
    text = "".join(line(n, START_MS + n * 1_000, first=n) for n in range(200))

    _, candles = fold(text)

    assert minutes(candles)[0].status == "complete"


def test_ids_go_on_from_file_to_file() -> None:
    days = [
        "".join(line(n, START_MS + n * 3_600_000, first=n) for n in ids)
        for ids in (range(24), range(24, 48))
    ]

    found, first = fold(days[0])
    _, second = fold(days[1], found.chain, day=1)

    assert len(first) == len(second) == 1440 + 96
    assert {c.status for c in (first | second).values()} == {"complete", "quiet"}
    assert minutes(second)[0].first_trade_id == 24


@pytest.mark.parametrize("resumed", [False, True], ids=["in one run", "after a kill"])
def test_trades_that_are_missing_between_two_files_are_told(*, resumed: bool) -> None:
    days = [
        "".join(line(n, START_MS + n * 3_600_000 + 1, first=n) for n in ids)
        for ids in (range(24), range(26, 48))
    ]
    found, _ = fold(days[0])
    last = a_trade(23, event_ms=START_MS + 23 * 3_600_000 + 1)

    more, candles = fold(days[1], None if resumed else found.chain, {25: last}.get, day=1)

    assert any("2 aggregate trades are missing, ids 24 to 25" in text for text in more.told)
    made = minutes(candles)
    statuses = [candle.status for candle in made if candle.open_ms >= START_MS + DAY_MS]
    assert statuses[:121] == ["gapped"] * 121
    assert set(statuses[121:]) == {"complete", "quiet"}
    taken_back = [candle for candle in made if candle.open_ms < START_MS + DAY_MS]
    # An hour, and the minute before: the last trade came 1 ms behind it, and times may go back.
    assert len(taken_back) == (0 if resumed else 61)
    assert all(c.status == "gapped" and c.revision > PROVEN_REVISION + 1 for c in taken_back)


def test_a_trade_in_two_aggregates_is_told_with_its_line_and_its_candle_is_gapped() -> None:
    file = Archive("BTCUSDT", None, date(2017, 12, 4), 1)
    text = (CASES / "one-trade-twice.csv").read_text()

    found = fold_file(a_zip(text), file, None, nothing)

    assert any("line 4: BTCUSDT: aggregate 1195416" in told for told in found.told)
    assert len(found.lacking) >= 1
    assert all(decode(Candle, v).status != "complete" for v in found.values[:1])


def test_one_id_for_two_trades_at_a_months_end_counts_both() -> None:
    files = [
        Archive("ZILBTC", None, date(2021, 2, 28), 1),
        Archive("ZILBTC", None, date(2021, 3, 1), 1),
    ]
    texts = [(CASES / f"one-id-two-trades-{n}.csv").read_text() for n in (1, 2)]

    first = fold_file(a_zip(texts[0]), files[0], None, nothing)
    second = fold_file(a_zip(texts[1]), files[1], first.chain, nothing)

    midnight = decode(Candle, second.values[0])
    assert (midnight.first_trade_id, midnight.volume_e8) == (20_090_670, 19_332 * 10**8)
    assert (midnight.status, second.told) == ("complete", [])


def hourly(first_id: int, day: int) -> str:
    start_ms = START_MS + day * DAY_MS
    return "".join(
        line(first_id + n, start_ms + n * 3_600_000, first=first_id + n) for n in range(24)
    )


def test_days_after_ids_that_begin_again_are_whole() -> None:
    before = a_trade(99, event_ms=START_MS + DAY_MS - 1, first_trade_id=99)
    found, _ = fold(hourly(5_000, 0), ask=nothing)

    second, candles = fold(hourly(100, 1), found.chain, {99: before}.get, day=1)
    third, later = fold(hourly(124, 2), second.chain, day=2)

    assert second.told == [f"{a_file(1).name}: ids begin again at 100"]
    assert sum(candle.trade_count for candle in minutes(candles)) == 24
    assert (second.lacking, len(candles)) == (set(), 1440 + 96)
    assert (third.lacking, third.told, len(later)) == (set(), [], 1440 + 96)


def test_where_ids_begin_again_from_0_nobody_knows_what_was_traded_before() -> None:
    noon_ms = START_MS + DAY_MS + DAY_MS // 2
    found, _ = fold(hourly(5_000, 0), ask=nothing)
    text = "".join(line(n, noon_ms + n * 10_000, first=n) for n in range(60))

    began_again, _ = fold(text, found.chain, day=1)
    listed, _ = fold(text, day=1)

    assert began_again.lacking == {("1m", noon_ms), ("15m", noon_ms)}
    assert listed.lacking == set()


NOON_MS = START_MS + DAY_MS // 2


@pytest.mark.parametrize(
    ("after", "is_whole"),
    [
        (a_trade(12, event_ms=START_MS + DAY_MS, first_trade_id=12), True),
        (a_trade(12, event_ms=START_MS + DAY_MS - 1, first_trade_id=12), True),  # times jitter
        (a_trade(30, event_ms=START_MS + DAY_MS, first_trade_id=12), True),  # no trade is missing
        (None, True),
        (a_trade(12, event_ms=NOON_MS, first_trade_id=12), False),
        (a_trade(12, event_ms=START_MS + DAY_MS, first_trade_id=14), False),
        (a_trade(30, event_ms=START_MS + DAY_MS, first_trade_id=30), False),
    ],
)
def test_the_end_of_a_file_is_proven_by_the_trade_behind_it(
    after: Trade | None, *, is_whole: bool
) -> None:
    morning = "".join(hourly(0, 0).splitlines(keepends=True)[:12])

    found, candles = fold(morning, ask={12: after}.get)

    last_ms = START_MS + 11 * 3_600_000
    behind = [candle for candle in minutes(candles) if candle.open_ms >= last_ms]
    assert len(candles) == 1440 + 96
    assert ({c.status for c in behind} == {"gapped"}) is not is_whole
    assert ({c.revision for c in behind} == {0}) is not is_whole
    assert (found.told == []) is is_whole
    assert (found.chain is None) is not is_whole


def test_a_file_behind_one_whose_end_is_missing_is_whole() -> None:
    shelf = Shelf(september(1, 2))
    name = "BTCUSDT-aggTrades-2024-09-01.zip"
    shelf.files[name] = "".join(shelf.files[name].splitlines(keepends=True)[:12])
    of_hours = [
        a_trade(n, event_ms=SEPTEMBER_MS + n * 3_600_000, first_trade_id=n) for n in range(60)
    ]

    symbol, desk = prove(shelf, count=2, trades=of_hours)

    assert (
        "trades are missing at its end, where aggregate 12 with trade 12 is due" in symbol.notes[0]
    )
    second = [c for c in desk.candles if c.open_ms >= SEPTEMBER_MS + DAY_MS]
    assert {candle.status for candle in second} == {"complete", "quiet"}
    assert len(second) == 1440 + 96


@pytest.mark.parametrize("absurd", [{}, {"first": 10**15}], ids=["both ids", "the trade id only"])
def test_one_absurd_id_at_the_end_of_a_day_spoils_no_later_day(absurd: dict[str, int]) -> None:
    last = line(24 if absurd else 10**12, START_MS + DAY_MS - 5, **({"first": 10**15} | absurd))
    after = a_trade(23, event_ms=START_MS + DAY_MS - 3_600_000, first_trade_id=23)
    spoilt, _ = fold(hourly(0, 0) + last)

    found, candles = fold(hourly(24 + bool(absurd), 1), spoilt.chain, lambda _: after, day=1)

    if not absurd:
        assert found.lacking == set()
    assert sum(candle.trade_count for candle in minutes(candles)) == 24


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ((CASES / "two-sequences.csv").read_text(), "line 3: ids go back from 34284000 to 101"),
        (line(1, START_MS) + line(2, START_MS + 2 * DAY_MS), "it has a trade of 2024-08-11"),
        (line(1, START_MS) + "3,x,1,1,1,1,True,True\n", "line 2"),
        (line(1, START_MS - 5_000), "it has a trade of 2024-08-08"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_with_the_place(text: str, reason: str) -> None:
    with pytest.raises(PoisonMessage, match=reason):
        fold(text, ask=nothing)


@pytest.mark.parametrize("start", ["", "id,price,q,f,l,t,m,b\n", MARK, MARK + "id,p,q,f,l,t,m\n"])
@pytest.mark.parametrize("unit", [1, 1000], ids=["milliseconds", "microseconds"])
def test_both_units_of_time_are_read_and_a_header_costs_no_trade(start: str, unit: int) -> None:
    text = start + line(0, START_MS * unit, fills=3, first=0) + line(1, START_MS * unit, first=3)

    found, candles = fold(text)

    assert (found.trades, minutes(candles)[0].trade_count) == (2, 4)


def test_a_line_without_end_is_refused_with_little_memory() -> None:
    for endless in ("1" * 50_000_000, line(1, START_MS) + "2," + "1" * 50_000_000):
        held = a_zip(endless)
        tracemalloc.start()
        with pytest.raises(PoisonMessage, match="no lines"):
            fold_file(held, a_file(), None, nothing)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5_000_000


def test_a_damaged_zip_is_refused() -> None:
    whole = a_zip("".join(line(n, START_MS + n) for n in range(9))).getvalue()

    with pytest.raises(PoisonMessage):
        fold_file(io.BytesIO(whole[:-30]), a_file(), None, nothing)


def test_a_candle_without_a_missing_trade_stands_above_all_and_a_gapped_one_below() -> None:
    whole, lacking = a_candle(revision=2), replace(a_candle(revision=7), status="gapped")

    assert ranked(whole).revision == PROVEN_REVISION + 2
    assert ranked(lacking).revision == 0
    assert ranked(lacking, takes_back=True).revision == PROVEN_REVISION + 7


def test_whole_months_are_read_at_once_and_the_rest_by_days() -> None:
    july, september = 1_719_792_000_000, 1_725_148_800_000
    days = whole_days(july - 2 * DAY_MS - 1, september + DAY_MS + 5)

    names = [file.name for file in files_of("BTCUSDT", days, now_ms=september + 9 * DAY_MS)]

    assert names == [
        "BTCUSDT-aggTrades-2024-06-29.zip",
        "BTCUSDT-aggTrades-2024-06-30.zip",
        "BTCUSDT-aggTrades-2024-07.zip",
        "BTCUSDT-aggTrades-2024-08.zip",
        "BTCUSDT-aggTrades-2024-09-01.zip",
    ]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 90)), max_size=5))
def test_the_files_cover_the_days_that_are_asked_for_once(runs: list[tuple[int, int]]) -> None:
    days = Spans.of((START_MS + a * DAY_MS, START_MS + (a + n) * DAY_MS) for a, n in runs)

    files = files_of("BTCUSDT", days, now_ms=START_MS + 900 * DAY_MS)

    assert Spans.of((file.open_ms, file.close_ms) for file in files) == days
    assert sum(file.days for file in files) * DAY_MS == days.total_ms


def test_only_days_whose_archive_was_used_count_as_proven() -> None:
    def about(name: str, state: str, reason: str = "") -> ArchiveFile:
        return ArchiveFile(
            name,
            "BTCUSDT",
            "1m",
            "archive-daily",
            START_MS,
            START_MS + DAY_MS,
            "",
            1,
            state,
            1,
            reason,
        )

    trades = "BTCUSDT-aggTrades-2024-08-09.zip"
    day = Spans.of([(START_MS, START_MS + DAY_MS)])

    assert proven_days([about(trades, "used")], "BTCUSDT", kept=False) == day
    assert not proven_days([about(trades, "used")], "BTCUSDT", kept=True)
    assert proven_days([about(trades, "used", KEPT)], "BTCUSDT", kept=True) == day
    assert not proven_days([about(trades, "refused")], "BTCUSDT", kept=False)
    assert not proven_days([about(trades, "used")], "ETHUSDT", kept=False)
    assert not proven_days([about("BTCUSDT-1m-2024-08-09.zip", "used")], "BTCUSDT", kept=False)


@dataclass
class Shelf:
    """An archive in memory: files by name, with what was asked for."""

    files: dict[str, str]
    size_of_a_month: int = 1
    read_ones: list[str] = field(default_factory=list)
    checksums: dict[str, str] = field(default_factory=dict)

    async def checksum(self, file: Archive) -> str | None:
        return self.checksums.get(file.name, "0" * 64) if file.name in self.files else None

    async def size(self, _: Archive) -> int:
        return self.size_of_a_month

    async def read(self, file: Archive, _: str, use: Callable[[io.BytesIO], Folded]) -> Folded:
        self.read_ones.append(file.name)
        return await asyncio.to_thread(use, a_zip(self.files[file.name]))


@dataclass
class Desk:
    """Takes what is published."""

    candles: list[Candle] = field(default_factory=list)
    archives: list[ArchiveFile] = field(default_factory=list)

    async def page(self, *page: Any, extra_headers: object) -> "asyncio.Future[int]":
        assert extra_headers == [REPLAYED]
        self.candles += [decode(Candle, value) for value in page[3]]
        done = asyncio.get_running_loop().create_future()
        done.set_result(0)
        return done

    async def record(self, _: object, about: ArchiveFile) -> None:
        self.archives.append(about)


def september(*days: int) -> dict[str, str]:
    """An hourly trade, by days of September 2024 or, without days, in one file."""
    lines = {
        f"BTCUSDT-aggTrades-2024-09-{day:02d}.zip": "".join(
            line(n, SEPTEMBER_MS + n * 3_600_000, first=n) for n in range((day - 1) * 24, day * 24)
        )
        for day in days or range(1, 31)
    }
    return lines if days else {"BTCUSDT-aggTrades-2024-09.zip": "".join(lines.values())}


@dataclass
class Cupboard:
    """Takes what is kept: rows by token."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def insert(self, _: object, rows: bytes, *, token: str) -> None:
        self.kept[token] = rows


def prove(
    shelf: Shelf,
    store: Any = None,
    *,
    count: int = 30,
    before: Sequence[ArchiveFile] = (),
    trades: Sequence[Trade] = (),
) -> tuple[SymbolProof, Desk]:
    desk, symbol = Desk(), SymbolProof("BTCUSDT")
    days = whole_days(SEPTEMBER_MS, SEPTEMBER_MS + count * DAY_MS)
    wanted = WantedProof(("BTCUSDT",), *days.runs[0], store)
    ledger = SimpleNamespace(archives={about.name: about for about in before})

    async def trades_from(_symbol: str, agg_id: int) -> list[Trade]:
        return [trade for trade in trades if trade.agg_id >= agg_id]

    rest = SimpleNamespace(trades_from=trades_from)
    parts: list[Any] = [shelf, rest, desk, ledger, wanted, ProofProgress([symbol]), ""]
    symbol.wanted = days
    proof = Proof(*parts, 1)
    files = files_of("BTCUSDT", days, now_ms=1_727_740_800_000)
    asyncio.run(proof.read(symbol, files))
    return symbol, desk


def test_a_month_that_is_not_there_is_read_by_its_days_and_one_chain() -> None:
    by_days, whole = prove(Shelf(september(*range(1, 31)))), prove(Shelf(september()))

    assert not by_days[0].missing
    assert not whole[0].missing
    assert set(by_days[1].candles) == set(whole[1].candles)
    assert len(whole[1].candles) == 30 * (1440 + 96)
    assert len(by_days[1].archives) == 30
    assert len(whole[1].archives) == 1


def test_a_month_that_is_too_large_for_the_disk_is_read_by_its_days() -> None:
    shelf = Shelf(september() | september(1, 2), size_of_a_month=LARGEST_MONTH + 1)

    symbol, _ = prove(shelf)

    assert shelf.read_ones == [f"BTCUSDT-aggTrades-2024-09-0{day}.zip" for day in (1, 2)]
    assert symbol.done_days == 2
    assert symbol.notes[0] == "there is no BTCUSDT-aggTrades-2024-09-03.zip yet"
    assert symbol.notes[-1] == "and so on"


def test_a_month_that_is_wrong_is_told_and_read_by_its_days() -> None:
    wrong = {"BTCUSDT-aggTrades-2024-09.zip": line(5, 1_725_148_800_000) + line(4, START_MS)}

    symbol, desk = prove(Shelf(wrong | september(1, 2)))

    assert symbol.done_days == 2
    assert symbol.notes[1] == "its days are read one by one"
    assert [about.state for about in desk.archives] == ["refused", "used", "used"]


def test_of_a_file_that_is_refused_no_trade_is_kept_and_of_one_that_is_used_all() -> None:
    days = september(1, 2)
    wrong = "BTCUSDT-aggTrades-2024-09-02.zip"
    # More trades than one insert takes, before the line that is wrong.
    start_ms = 1_725_235_200_000
    days[wrong] = "".join(line(n, start_ms + n, first=n) for n in range(24, 112_024)) + "1,x\n"
    whole, refused = Cupboard(), Cupboard()

    prove(Shelf({name: text for name, text in days.items() if name != wrong}), whole)
    symbol, _ = prove(Shelf(days), refused)

    assert len(whole.kept) == 1
    assert refused.kept == whole.kept
    assert symbol.trades == 24


def standing(*runs: Desk) -> dict[tuple[str, int], Candle]:
    """The candle of each time that the store keeps, of what several runs sent."""
    found: dict[tuple[str, int], Candle] = {}
    for candle in (candle for desk in runs for candle in desk.candles):
        key = candle.interval, candle.open_ms
        if key not in found or candle.revision >= found[key].revision:
            found[key] = candle
    return found


def test_a_file_that_is_issued_anew_makes_candles_whole_that_were_taken_back() -> None:
    days = september(1, 2)
    name = "BTCUSDT-aggTrades-2024-09-01.zip"
    cut = "".join(days[name].splitlines(keepends=True)[:12])
    _, first = prove(Shelf(days | {name: cut}), count=2)
    assert {candle.status for candle in standing(first).values()} > {"gapped"}

    anew = Shelf(days, checksums={name: "1" * 64})
    _, second = prove(anew, count=2, before=first.archives)
    _, third = prove(
        Shelf(days, checksums={name: "2" * 64}),
        count=2,
        before=[replace(about, changed_ms=about.changed_ms + 900_000) for about in second.archives],
    )

    for runs in ((first, second), (first, second, third)):
        assert {candle.status for candle in standing(*runs).values()} == {"complete", "quiet"}
    lowest = [min(candle.revision for candle in desk.candles) for desk in (second, third)]
    assert max(candle.revision for candle in first.candles) < lowest[0]
    assert max(candle.revision for candle in second.candles) < lowest[1]
    assert lowest[1] < 2**31


def test_a_file_that_is_read_again_as_it_was_gives_the_same_revisions() -> None:
    days = september(1, 2)
    _, first = prove(Shelf(days), count=2)

    _, second = prove(Shelf(days), count=2, before=first.archives)

    assert second.candles == first.candles
