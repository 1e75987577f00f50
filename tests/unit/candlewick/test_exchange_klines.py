"""Klines of every interval: the long ones are the sums of the short ones, to the last digit."""

import itertools
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.exchange.market.capture_files import captured_market
from candlewick.exchange.market.coins import coin_of
from candlewick.exchange.market.columns import Candles, Trades
from candlewick.exchange.market.generated import GeneratedSymbol
from candlewick.exchange.market.grouping import candle_of, grouped, seconds_of
from candlewick.exchange.market.intervals import DAY_MS, INTERVALS, MINUTE_MS, Interval, epoch_ms
from candlewick.exchange.market.klines import klines
from candlewick.exchange.market.recorded import recorded_candles
from candlewick.exchange.market.replayed import ReplayedSymbol
from candlewick.exchange.market.restarted import RestartedSymbol
from candlewick.exchange.market.source import Source
from candlewick.exchange.server.history import (
    fills,
    kline_page,
    last_trade,
    next_agg_id,
    page_outside,
)
from candlewick.exchange.server.query_params import Range
from candlewick.exchange.streams.payloads import fill_events, kline_rows, trade_rows

DATA = Path(__file__).parents[2] / "data"
NOW_MS = epoch_ms("2025-03-12T13:37:41.500")
Rows = list[tuple[int, ...]]


@cache
def symbol(name: str) -> GeneratedSymbol:
    laid = recorded_candles()[name].laid_on(20_000) if name == "BTCUSDT" else None
    return GeneratedSymbol(coin_of(name), seed=3, rate=150, recorded=laid)


@cache
def capture() -> ReplayedSymbol:
    days = [DATA / f"btcusdt_2024080{day}_trades.gz" for day in (8, 9)]
    return captured_market(days)["BTCUSDT"]


def rows(candles: Candles) -> Rows:
    columns = (getattr(candles, field.name).tolist() for field in fields(Candles))
    return list(zip(*columns, strict=True))


def summed(minutes: Rows, interval: Interval) -> Rows:
    """The same klines in plain Python; quiet minutes count only where there are no others."""
    groups: dict[int, Rows] = {}
    for row in minutes:
        groups.setdefault(interval.open_of(row[0]), []).append(row)
    found = []
    for open_ms, group in groups.items():
        traded = [row for row in group if row[7]] or group[:1]
        prices = (
            traded[0][1],
            max(row[2] for row in traded),
            min(row[3] for row in traded),
            group[-1][4],
        )
        sums = (sum(row[at] for row in group) for at in range(5, 10))
        found.append((open_ms, *prices, *sums, group[0][10]))
    return found


def some_klines(source: Source, interval: Interval, first_ms: int, last_ms: int, now: int) -> Rows:
    return rows(klines(source, interval, first_ms, last_ms, visible_ms=now))


@pytest.mark.parametrize("interval_name", [name for name in INTERVALS if name != "1s"])
@settings(max_examples=4, deadline=None)
@given(
    st.sampled_from(["BTCUSDT", "DOTUSDT", "SIM3USDT"]),
    st.integers(0, 20 * DAY_MS),
    st.integers(0, 1),
)
def test_long_klines_are_the_sums_of_the_minutes(
    interval_name: str, name: str, ago_ms: int, more: int
) -> None:
    source, interval = symbol(name), INTERVALS[interval_name]
    now = NOW_MS - ago_ms
    first_ms = interval.start_of(interval.number_of(now) - more)
    minutes = some_klines(source, INTERVALS["1m"], first_ms, now, now)

    found = some_klines(source, interval, first_ms, now, now)

    assert found == summed(minutes, interval)
    assert len(found) == more + 1


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["BTCUSDT", "DOTUSDT"]), st.integers(0, 30 * DAY_MS))
def test_the_seconds_of_a_minute_add_up_to_it_and_are_made_of_its_trades(
    name: str, ago_ms: int
) -> None:
    source, now = symbol(name), NOW_MS - ago_ms
    first_ms = now // MINUTE_MS * MINUTE_MS - MINUTE_MS
    seconds = some_klines(source, INTERVALS["1s"], first_ms, now, now)

    minutes = some_klines(source, INTERVALS["1m"], first_ms, now, now)
    assert summed(seconds, INTERVALS["1m"]) == minutes
    assert [row[0] for row in seconds] == list(range(first_ms, now + 1, 1_000))
    last = seconds[-1]
    parts = source.trades(now // MINUTE_MS).until(now)
    start = int(np.searchsorted(parts.time_ms, last[0], side="left"))
    so_far = parts.span(start, len(parts))
    assert rows(candle_of(so_far, last[0], seconds[-2][4], source.tick_e8)) == [last]


@pytest.mark.parametrize("name", ["1s", "3m", "2h", "1d", "1w", "1M"])
def test_recorded_trades_have_klines_of_every_interval(name: str) -> None:
    source, interval = capture(), INTERVALS[name]
    now = source.first_ms + 3_600_000
    short = INTERVALS["1m" if interval.length_ms != 1_000 else "1s"]
    pieces = some_klines(source, short, 0, now, now)

    found = some_klines(source, interval, 0, now, now)

    assert found == summed(pieces, interval)[-len(found) :]
    assert sum(row[7] for row in found) > 1_000


def test_months_are_those_of_the_calendar() -> None:
    month = INTERVALS["1M"]
    opens = [month.start_of(month.number_of(epoch_ms("2024-02-29")) + at) for at in range(-1, 12)]
    expected = [(2024, 1 + at) for at in range(12)] + [(2025, 1)]

    dates = [datetime.fromtimestamp(at / 1000, UTC) for at in opens]
    assert [(date.year, date.month) for date in dates] == expected
    assert {(date.day, date.hour) for date in dates} == {(1, 0)}
    assert month.end_of(epoch_ms("2024-02-29T23:59:59.999")) == epoch_ms("2024-03-01")
    assert month.next_open(epoch_ms("2024-03-01")) == epoch_ms("2024-03-01")
    several = np.array([opens[0], opens[1] - 1, opens[1]])
    assert month.opens(several).tolist() == [opens[0], opens[0], opens[1]]
    assert month.ends(several).tolist() == [opens[1], opens[1], opens[2]]


def test_a_kline_off_the_grid_has_its_length_too() -> None:
    quarter = INTERVALS["15m"]
    off = epoch_ms("2018-02-09T09:58:14.800")

    assert quarter.ends(np.array([off])).tolist() == [off + 900_000]


def test_the_sums_of_a_busy_month_do_not_overflow() -> None:
    # Ten days of 2^62 each.
    volume = np.full(10, 1 << 62)
    opens = epoch_ms("2025-03-01") + np.arange(10) * DAY_MS
    flat = np.ones(10, np.int64)
    days = Candles(opens, flat, flat, flat, flat, volume, volume, flat, volume, volume, flat)
    whole = grouped(days, INTERVALS["1M"])

    assert whole.quote_e8.tolist() == [10 << 62]
    assert f'"{(10 << 62) // 10**8}.' in kline_rows(whole, INTERVALS["1M"])


def page(source: Source, name: str, limit: int, **times: int) -> list[int]:
    wanted = Range("", times.get("start_ms"), times.get("end_ms"), limit)
    found = kline_page(source, wanted, INTERVALS[name], visible_ms=NOW_MS, go_on=lambda: None)
    return [int(at) for at in found.open_ms]


def test_pages_of_months_begin_and_end_where_they_were_asked_to() -> None:
    source, month = symbol("SIM3USDT"), INTERVALS["1M"]
    march, january = epoch_ms("2025-03-01"), epoch_ms("2025-01-01")

    assert page(source, "1M", 3) == [january, epoch_ms("2025-02-01"), march]
    assert page(source, "1M", 1, start_ms=january - 1) == [january]
    assert page(source, "1M", 9, start_ms=january + 1, end_ms=march - 1) == [month.end_of(january)]
    assert page(source, "1M", 1_000, end_ms=epoch_ms("2024-01-31")) == [epoch_ms("2024-01-01")]
    assert page(source, "1M", 5, start_ms=10**20) == []


@pytest.mark.parametrize(
    ("limit", "times", "first", "last"),
    [
        (5, {}, -5, -1),
        (5, {"end_ms": 1_502}, -2, 1_502),
        (3, {"start_ms": -2}, -2, 1_500),
        (2, {"start_ms": 0}, 1_500, 1_501),
        (2, {"start_ms": 3, "end_ms": 1_000}, None, None),
        (1_000, {"start_ms": -2}, -2, 2_497),
    ],
)
def test_a_page_over_a_halt_is_filled_from_beyond_it(
    limit: int, times: dict[str, int], first: int | None, last: int | None
) -> None:
    source, minute = symbol("SIM3USDT"), INTERVALS["1m"]
    halt_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 3 * DAY_MS
    stops = [(halt_ms, halt_ms + 1_500 * MINUTE_MS)]
    asked = {name: halt_ms + at * MINUTE_MS for name, at in times.items()}
    visible_ms = halt_ms + 1_500 * MINUTE_MS - 1 if not times else NOW_MS
    wanted = Range("", asked.get("start_ms"), asked.get("end_ms"), limit)

    def all_of(part: Range) -> Candles:
        return kline_page(source, part, minute, visible_ms=visible_ms, go_on=lambda: None)

    opens = page_outside(all_of, wanted, minute, stops).open_ms
    found = [(at - halt_ms) // MINUTE_MS for at in opens.tolist()]

    assert found[:1] + found[-1:] == [at for at in (first, last) if at is not None]
    assert len(found) == (0 if first is None else limit)
    assert not [at for at in found if 0 <= at < 1_500]


def test_a_page_ends_its_work_when_it_is_told_to() -> None:
    source = GeneratedSymbol(coin_of("ADAUSDT"), seed=5, rate=150, recorded=None)
    asked = []

    def go_on() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        kline_page(
            source, Range("", None, None, 1_000), INTERVALS["1d"], visible_ms=NOW_MS, go_on=go_on
        )
    assert len(asked) == 3


def test_a_halt_is_seen_in_klines_that_were_asked_for_before() -> None:
    source = GeneratedSymbol(coin_of("SOLUSDT"), seed=5, rate=150, recorded=None)
    first_ms = epoch_ms("2025-03-12T14:00")
    now = first_ms + DAY_MS - 1
    hour, day = INTERVALS["1h"], INTERVALS["1d"]

    def asked() -> list[Rows]:
        return [some_klines(source, held, first_ms - DAY_MS, now, now) for held in (hour, day)]

    old_hours, old_days = asked()
    source.halt(first_ms // MINUTE_MS, first_ms // MINUTE_MS + 60)
    hours, days = asked()

    assert all(row[7] for row in old_hours)
    assert [row[0] for row in hours if not row[7]] == [first_ms]
    assert [new[7] < old[7] for new, old in zip(days, old_days, strict=True)] == [True, False]


def test_ids_of_a_restarted_symbol_begin_again_in_long_klines_too() -> None:
    source = symbol("DOTUSDT")
    minute = epoch_ms("2025-03-10T12:00") // MINUTE_MS
    again = RestartedSymbol(source, minute, lambda: NOW_MS)

    week_ms = NOW_MS - 7 * DAY_MS
    for name in ("1h", "1d"):
        was, became = (
            some_klines(held, INTERVALS[name], week_ms, NOW_MS, NOW_MS) for held in (source, again)
        )
        assert [row[:10] for row in was[-2:]] == [row[:10] for row in became[-2:]]
        assert all(new[10] < old[10] for old, new in zip(was[-2:], became[-2:], strict=True))
    first = again.trades(minute)
    assert again.agg_id_of(int(first.trade_id_edges[1])) == 1
    assert again.agg_id_of(-1) is None


def test_a_halt_before_ids_begin_again_leaves_them_at_zero() -> None:
    minute = NOW_MS // MINUTE_MS + 60
    source = GeneratedSymbol(coin_of("SOLUSDT"), seed=5, rate=150, recorded=None)
    again = RestartedSymbol(source, minute, lambda: NOW_MS + 2 * 3_600_000)
    again.halt(minute - 30, minute - 20)

    first = again.trades(minute)
    assert (first.first_agg_id, int(first.trade_id_edges[0])) == (0, 0)
    assert again.minute_of(0) == minute
    assert again.agg_id_of(0) == 0


def a_busy_minute(quantity: int) -> Trades:
    price = np.array([23_000, 23_001, 23_002] * 20) * 1_000
    return Trades(
        first_agg_id=0,
        time_ms=NOW_MS // MINUTE_MS * MINUTE_MS + np.arange(60) * 1_000,
        price_e8=price,
        quantity_e8=np.full(60, quantity),
        trade_id_edges=np.arange(61),
        buyer_maker=np.arange(60) % 3 == 0,
    )


@pytest.mark.parametrize("quantity", [10**8, 10**14, 10**16])
def test_the_value_of_a_busy_minute_of_a_cheap_coin_does_not_overflow(quantity: int) -> None:
    trades, minute = a_busy_minute(quantity), NOW_MS // MINUTE_MS
    worth = [price * quantity for price in trades.price_e8.tolist()]
    taken = [w for w, maker in zip(worth, trades.buyer_maker.tolist(), strict=True) if not maker]

    whole = candle_of(trades, minute * MINUTE_MS, 1, 1_000)
    seconds = seconds_of(trades, minute, 1, 1_000)

    assert whole.quote_e8.tolist() == [sum(worth) // 10**8]
    assert whole.taker_quote_e8.tolist() == [sum(taken) // 10**8]
    assert seconds.quote_e8.tolist() == [value // 10**8 for value in worth]
    assert seconds.taker_quote_e8.dtype == np.int64


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["BTCUSDT", "DOTUSDT"]), st.integers(0, DAY_MS), st.integers(1, 400))
def test_the_newest_trades_are_those_of_the_stream(name: str, ago_ms: int, limit: int) -> None:
    source, now = symbol(name), NOW_MS - ago_ms
    head = next_agg_id(source, now + 1)
    parts = fills(source, None, limit, head)
    ids = [
        number
        for trades, first, end in parts
        for number in range(*trades.trade_id_edges[[0, -1]].tolist())
        if first <= number < end
    ]

    last = last_trade(source, head)
    assert last is not None
    assert ids == list(range(int(last.trade_id_edges[-1]) - limit, int(last.trade_id_edges[-1])))
    (trades, first, end), *_ = parts
    streamed = [
        fill_events(name, trades, row, step_e8=source.step_e8, delay_ms=0, unit=1)
        for row in range(len(trades))
    ]
    made = trade_rows([(trades, first, end)], source.step_e8)
    for body in itertools.chain.from_iterable(streamed):
        number, quantity = body.split('"t":')[1].split(",")[0], body.split('"q":"')[1].split('"')[0]
        assert (f'"id":{number},' in made) == (first <= int(number) < end)
        if first <= int(number) < end:
            assert f'"qty":"{quantity}"' in made.split(f'"id":{number},')[1].split("}")[0]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["BTCUSDT", "DOTUSDT"]), st.integers(0, 40 * DAY_MS), st.integers(0, 50))
def test_an_aggregate_is_found_by_the_id_of_any_of_its_trades(
    name: str, ago_ms: int, row: int
) -> None:
    source = symbol(name)
    trades = source.trades((NOW_MS - ago_ms) // MINUTE_MS)
    if row < len(trades):
        first, end = trades.trade_id_edges[row : row + 2].tolist()
        found = {source.agg_id_of(number) for number in range(first, end)}
        assert found == {trades.first_agg_id + row}
