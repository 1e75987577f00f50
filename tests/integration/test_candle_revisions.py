"""What was known then: earlier revisions are kept, and a backtest sees what a reader saw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import orjson
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.queries.candle_pages import Candles
from api.queries.candles import CandleQuery, Order, Origin
from api.queries.clickhouse import Reader
from api.queries.formats import Format
from candlewick.store.admin import apply_migrations
from schemas.dead_letters import Origin as LetterOrigin
from schemas.market import Candle
from schemas.settings import ClickHouseSettings
from schemas.timeframe import Interval
from sinks.batches import Batch
from sinks.clickhouse import ClickHouse
from sinks.delivery import Delivery
from sinks.tables import TABLES
from tests.support.builders import START_MS, a_candle
from tests.support.messages import sent
from tests.support.servers import running_clickhouse

QUARTER_MS = 900_000
SOURCES = ("trades", "stream", "rest", "archive-daily")
_symbols = (f"KNOWN{n}USDT" for n in count())
Seen = dict[Origin, list[dict[str, object]]]


class NoLetters:
    """Takes no dead letter, because no candle is refused here."""

    def send(self, raw: bytes, origin: LetterOrigin) -> None:
        raise AssertionError(f"{origin.reason}: {raw!r}")


@dataclass(slots=True)
class World:
    writer: Client
    store: ClickHouse
    candles: Candles
    _offsets: Iterator[int] = field(default_factory=count)

    def deliver(self, *candles: Candle) -> int:
        """Store candles in one batch, as the sink does; returns the store's time after it."""
        name = "candles" if candles[0].source == "trades" else "klines"
        table, batch = next(t for t in TABLES if t.name == name), Batch()
        for candle in candles:
            message = sent(candle)
            batch.append(next(self._offsets), message, table.read(message))
        Delivery(table, "topic-id", 0, self.store, NoLetters()).deliver(batch)
        return self.moment()

    def moment(self) -> int:
        """The store's time, before anything that is stored from now on."""
        now = "SELECT toUnixTimestamp64Milli(now64(3))"
        first = latest = int(self.writer.query(now).result_rows[0][0])
        while latest == first:
            latest = int(self.writer.query(now).result_rows[0][0])
        return first

    def seen(self, symbol: str, as_of_ms: int | None = None) -> Seen:
        """What a reader of the API sees, now or then."""
        query = CandleQuery((symbol,), Interval.FIFTEEN_MINUTES, 100, as_of_ms=as_of_ms)
        return {origin: self._page(replace(query, origin=origin)) for origin in Origin}

    def page(self, query: CandleQuery) -> list[dict[str, object]]:
        return self._page(query)

    def _page(self, query: CandleQuery) -> list[dict[str, object]]:
        found: list[dict[str, object]] = orjson.loads(self.candles.read(query, Format.JSON).body)[
            "data"
        ]
        return found

    def merge(self) -> None:
        for table in ("candles", "klines", "candle_revisions"):
            self.writer.command(f"OPTIMIZE TABLE {table} FINAL")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_clickhouse(tmp_path_factory.mktemp("revisions")) as server:
        found = ClickHouseSettings.model_validate(
            {
                "url": server.url,
                "user": server.user,
                "password": server.password,
                "reader_user": server.reader,
                "reader_password": server.reader_password,
            }
        )
        apply_migrations(found)
        with server.client(database="candlewick") as writer:
            yield World(writer, ClickHouse(found), Candles(Reader(found)))


def a_quarter(symbol: str, number: int = 0, **changes: object) -> Candle:
    made = a_candle(open_ms=START_MS + number * QUARTER_MS, interval="15m", length_ms=QUARTER_MS)
    return replace(made, **{"symbol": symbol, **changes})  # type: ignore[arg-type]


def closes(seen: Seen, origin: Origin) -> list[object]:
    return [row["close"] for row in seen[origin]]


def test_a_corrected_candle_is_seen_as_it_was_before(world: World) -> None:
    symbol = next(_symbols)
    kline = {"source": "stream", "status": "official"}
    moments = [
        world.moment(),
        world.deliver(a_quarter(symbol, status="gapped")),
        world.deliver(a_quarter(symbol, close_e8=100 * 10**8, **kline)),
        world.deliver(a_quarter(symbol, close_e8=102 * 10**8, revision=2)),
        world.deliver(
            a_quarter(symbol, close_e8=99 * 10**8, revision=2, event_ms=START_MS + 10**7, **kline)
        ),
    ]
    world.merge()

    then = [world.seen(symbol, moment) for moment in moments]

    assert [closes(one, Origin.BEST) for one in then] == [[], ["101"], ["100"], ["102"], ["102"]]
    assert [closes(one, Origin.TRADES) for one in then] == [
        [],
        ["101"],
        ["101"],
        ["102"],
        ["102"],
    ]
    assert [closes(one, Origin.EXCHANGE) for one in then] == [[], [], ["100"], ["100"], ["99"]]
    assert then[1][Origin.BEST][0]["status"] == "gapped"
    assert then[-1] == world.seen(symbol)


def test_a_candle_that_is_never_corrected_leaves_no_revision(world: World) -> None:
    symbol = next(_symbols)
    for _ in range(2):
        world.deliver(*(a_quarter(symbol, number) for number in range(3)))

    kept = "SELECT count() FROM candle_revisions WHERE symbol = {symbol:String}"
    assert world.writer.query(kept, {"symbol": symbol}).result_rows == [(0,)]


def test_an_insert_that_is_repeated_keeps_the_same_revisions(world: World) -> None:
    symbol = next(_symbols)
    world.deliver(a_quarter(symbol))
    then = world.deliver(a_quarter(symbol, revision=2, close_e8=100 * 10**8))
    world.deliver(a_quarter(symbol, revision=2, close_e8=100 * 10**8))
    world.deliver(a_quarter(symbol, revision=3, close_e8=99 * 10**8))
    world.merge()

    kept = (
        "SELECT DISTINCT revision FROM candle_revisions WHERE symbol = {symbol:String} ORDER BY 1"
    )
    rows = world.writer.query(kept, {"symbol": symbol}).result_rows
    assert rows == [(1,), (2,)]
    assert closes(world.seen(symbol, then), Origin.BEST) == ["100"]


def test_pages_filters_and_both_orders_work_at_a_moment_too(world: World) -> None:
    symbol = next(_symbols)
    world.deliver(*(a_quarter(symbol, n) for n in range(10)))
    then = world.deliver(a_quarter(symbol, 3, status="gapped", revision=2))
    world.deliver(a_quarter(symbol, 3, revision=3), a_quarter(symbol, 10))
    query = CandleQuery((symbol,), Interval.FIFTEEN_MINUTES, 4, as_of_ms=then)

    newest = world.page(replace(query, order=Order.DESCENDING))
    after = replace(query, after=(START_MS + 3 * QUARTER_MS, symbol))
    whole = world.page(replace(query, statuses=("complete",), limit=100))

    assert [row["open_ms"] for row in newest] == [START_MS + n * QUARTER_MS for n in (9, 8, 7, 6)]
    assert [row["open_ms"] for row in world.page(after)] == [
        START_MS + n * QUARTER_MS for n in (4, 5, 6, 7)
    ]
    assert len(whole) == 9


CHANGES = st.lists(
    st.lists(
        st.tuples(st.sampled_from(SOURCES), st.integers(0, 2), st.booleans()),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(CHANGES)
def test_whatever_is_corrected_each_moment_is_seen_later_as_a_reader_saw_it(
    world: World, changes: Sequence[Sequence[tuple[str, int, bool]]]
) -> None:
    symbol, revisions = next(_symbols), dict[tuple[str, int], int]()
    saw: list[tuple[int, Seen]] = [(world.moment(), world.seen(symbol))]
    for batch in changes:
        made: dict[str, list[Candle]] = {}
        for source, number, is_gapped in batch:
            revision = revisions[source, number] = revisions.get((source, number), 0) + 1
            own = {"status": "gapped" if is_gapped else "complete"}
            theirs = {"status": "official", "source": source}
            candle = a_quarter(
                symbol,
                number,
                revision=revision,
                close_e8=(99 + (revision + is_gapped) % 4) * 10**8,
                event_ms=START_MS + (number + 1) * QUARTER_MS + revision,
                **(own if source == "trades" else theirs),
            )
            made.setdefault("own" if source == "trades" else "theirs", []).append(candle)
        for candles in made.values():
            moment = world.deliver(*candles)
            saw.append((moment, world.seen(symbol)))
    world.merge()

    assert [world.seen(symbol, moment) for moment, _ in saw] == [seen for _, seen in saw]
