"""Whatever the exchange does to us, the candles are the exchange's, or say what is missing."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.pipeline import Pipeline, running_pipeline

SYMBOLS = ("BTCUSDT", "ETHUSDT", "DOTUSDT")
MINUTE_MS = 60_000
SPEED = 10.0
Key = tuple[str, int]
NO_SEAM: frozenset[Key] = frozenset()
STREAMS = st.sampled_from(["aggTrade", "kline", "*"])
SHARES = st.floats(0.01, 0.4)
# An outage (5xx) is waited for; this is an answer, and nothing is in it.
REFUSED = {"kind": "rest-error", "path": "aggTrades", "status": 404}


def on_frames(kind: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "kind": st.just(kind),
            "seed": st.integers(0, 99),
            "stream": STREAMS,
            "probability": SHARES,
            "per_connection": st.booleans(),
            **more,
        }
    )


def whole(kind: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"kind": st.just(kind), **more})


FAULTS = st.one_of(
    on_frames("drop"),
    on_frames("duplicate"),
    on_frames("delay", delay_ms=st.integers(10, 20_000)),
    on_frames("reorder"),
    on_frames("contradict", how=st.just("same-id")),
    on_frames("malformed", how=st.sampled_from(["truncated", "not-json", "missing-field"])),
    whole("cut", every_ms=st.integers(5_000, 60_000)),
    whole("silence"),
    whole("shutdown", grace_ms=st.integers(0, 10_000)),
    whole("rest-lag", lag_ms=st.integers(0, 30_000), lag_ids=st.integers(0, 200)),
    whole("rest-error", status=st.sampled_from([429, 500, 503]), probability=SHARES),
    whole("rest-delay", delay_ms=st.integers(0, 500)),
    whole(
        "ahead",
        what=st.sampled_from(["event", "trade", "id", "candle", "unknown"]),
        by=st.integers(200_000, 10**10),
        symbol=st.sampled_from(SYMBOLS),
        count=st.integers(1, 9),
    ),
    whole("reset-ids", symbol=st.just("DOTUSDT")),
)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("faults")
    hasty = {"CANDLEWICK_STREAM__SILENCE_S": "2", "CANDLEWICK_STREAM__GIVE_UP_S": "4"}
    with running_pipeline(folder, symbols=SYMBOLS, more=hasty, speed=SPEED, rate=60.0) as running:
        running.wait_for_candles("1m", until_ms=1, within_s=60)
        yield running


def wait_for_market(pipeline: Pipeline, ms: int) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and pipeline.market_ms() < ms:
        pipeline.wait_for("SELECT 1", at_least=1, within_s=1)


def begin_within_a_minute(pipeline: Pipeline, fault: dict[str, Any]) -> int:
    """Begin a fault in the middle of a minute, however slow this machine is, and return the minute.

    One that begins at a minute's end spoils two, or another than is looked at.
    """
    pipeline.exchange.admin("POST", "market", {"speed": 1})
    now_ms = pipeline.market_ms()
    since_ms = (now_ms // MINUTE_MS + 1) * MINUTE_MS
    pipeline.exchange.admin("POST", "market", {"advance_ms": since_ms + 5_000 - now_ms})
    pipeline.exchange.admin("POST", "faults", fault)
    pipeline.exchange.admin("POST", "market", {"speed": SPEED})
    return since_ms


def wait_until_nothing_is_gapped(
    pipeline: Pipeline, since_ms: int, seam: frozenset[Key] = NO_SEAM
) -> int:
    """The number of gapped minutes since then, once it no longer falls or is zero."""
    told = [f"('{symbol}', {ms})" for symbol, ms in seam] or ["('', 0)"]
    gapped = (
        "SELECT -toInt64(count()) FROM candles FINAL WHERE interval = '1m' AND status = 'gapped' "  # noqa: S608 - our own words
        f"AND open_time >= fromUnixTimestamp64Milli({since_ms}, 'UTC') "
        f"AND (symbol, toUnixTimestamp64Milli(open_time)) NOT IN ({', '.join(told)})"
    )
    return -pipeline.wait_for(gapped, at_least=0, within_s=60)


def holds_what_the_exchange_says(
    pipeline: Pipeline, since_ms: int, until_ms: int, seam: frozenset[Key] = NO_SEAM
) -> None:
    ours = {
        key: kline
        for key, kline in pipeline.candles("1m", before_ms=until_ms).items()
        if key[1] >= since_ms and key not in seam
    }
    theirs = pipeline.exchange_klines("1m", sorted(ours))
    opens = range(since_ms, until_ms, MINUTE_MS)
    assert set(ours) == {(symbol, ms) for symbol in SYMBOLS for ms in opens} - seam
    assert ours == theirs


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(faults=st.lists(FAULTS, min_size=1, max_size=4), minutes=st.integers(1, 2))
def test_any_schedule_of_faults_ends_with_the_exchanges_candles(
    pipeline: Pipeline, faults: list[dict[str, Any]], minutes: int
) -> None:
    since_ms = (pipeline.market_ms() // MINUTE_MS + 1) * MINUTE_MS
    for fault in faults:
        pipeline.exchange.admin("POST", "faults", fault)
    seam = NO_SEAM
    if any(fault["kind"] == "reset-ids" for fault in faults):
        # Nothing proves the minute in which ids begin again, nor the one before it.
        seam = frozenset(("DOTUSDT", since_ms + n * MINUTE_MS) for n in (0, 1))
        minutes += 2
    until_ms = since_ms + minutes * MINUTE_MS
    wait_for_market(pipeline, until_ms)
    pipeline.exchange.admin("DELETE", "faults")
    pipeline.wait_for_candles("1m", until_ms=until_ms, within_s=60)

    assert wait_until_nothing_is_gapped(pipeline, since_ms, seam) == 0, pipeline.tail()
    holds_what_the_exchange_says(pipeline, since_ms, until_ms, seam)


def test_a_hole_that_cannot_be_repaired_says_gapped_until_it_can(pipeline: Pipeline) -> None:
    pipeline.exchange.admin("POST", "faults", REFUSED)
    dropped = {"kind": "drop", "symbol": "BTCUSDT", "stream": "aggTrade", "for_ms": 20_000}
    since_ms = begin_within_a_minute(pipeline, dropped)
    given_up = (
        "SELECT count() FROM gaps FINAL WHERE symbol = 'BTCUSDT' AND state = 'given-up' "  # noqa: S608 - our own words
        f"AND before_time >= fromUnixTimestamp64Milli({since_ms}, 'UTC')"
    )
    assert pipeline.wait_for(given_up, at_least=1, within_s=60) >= 1, pipeline.tail()
    pipeline.wait_for_candles("1m", until_ms=since_ms + MINUTE_MS, within_s=60)
    holed = pipeline.statuses("1m")["BTCUSDT", since_ms]

    pipeline.exchange.admin("DELETE", "faults")

    assert holed == "gapped"
    assert wait_until_nothing_is_gapped(pipeline, since_ms) == 0, pipeline.tail()
    holds_what_the_exchange_says(pipeline, since_ms, since_ms + MINUTE_MS)


def test_a_trade_in_two_aggregates_is_told_and_its_minute_is_not_complete(
    pipeline: Pipeline,
) -> None:
    which = {"symbol": "DOTUSDT", "stream": "aggTrade", "count": 1}
    clash = {"kind": "contradict", "how": "same-trade", **which}
    since_ms = begin_within_a_minute(pipeline, clash)
    pipeline.wait_for_candles("1m", until_ms=since_ms + 2 * MINUTE_MS, within_s=60)
    pipeline.exchange.admin("DELETE", "faults")
    clashed = frozenset({("DOTUSDT", since_ms)})

    # On a busy machine an answer of REST comes after `GIVE_UP_S`: such a hole is filled late.
    assert wait_until_nothing_is_gapped(pipeline, since_ms, clashed) == 0, pipeline.tail()
    minutes = [(symbol, since_ms + n * MINUTE_MS) for symbol in SYMBOLS for n in (0, 1)]
    said = {key: status for key, status in pipeline.statuses("1m").items() if key in minutes}
    assert [symbol for (symbol, _), status in said.items() if status == "gapped"] == ["DOTUSDT"]
    ours = pipeline.candles("1m", before_ms=since_ms + 2 * MINUTE_MS)
    true = [key for key in minutes if said[key] == "complete"]
    assert {key: ours[key] for key in true} == pipeline.exchange_klines("1m", true)


@pytest.mark.slow  # test_eras looks at the same in less time
def test_ids_that_begin_again_while_it_runs_are_a_new_era_and_never_a_quiet_market(
    pipeline: Pipeline,
) -> None:
    pipeline.exchange.admin("POST", "faults", {"kind": "reset-ids", "symbol": "DOTUSDT"})
    reset_ms = (pipeline.market_ms() // MINUTE_MS + 1) * MINUTE_MS
    told = "SELECT count() FROM gaps WHERE symbol = 'DOTUSDT' AND state = 'new-era' AND era = 1"
    assert pipeline.wait_for(told, at_least=1, within_s=60) == 1, pipeline.tail()
    until_ms = reset_ms + 4 * MINUTE_MS
    pipeline.wait_for_candles("1m", until_ms=until_ms, within_s=60)

    said = pipeline.statuses("1m")
    seam = [said["DOTUSDT", reset_ms + n * MINUTE_MS] for n in range(-1, 4)]
    assert seam[0] != "quiet"  # complete, if the minute had ended before it was seen
    assert seam[1:] == ["gapped", "complete", "complete", "complete"]
    ours = pipeline.candles("1m", before_ms=until_ms)
    whole = [(symbol, reset_ms + n * MINUTE_MS) for symbol in SYMBOLS for n in (1, 2, 3)]
    assert {key: ours.get(key) for key in whole} == pipeline.exchange_klines("1m", whole)
    eras = "SELECT era, min(agg_id) FROM trades FINAL WHERE symbol = 'DOTUSDT' GROUP BY era"
    assert [row[0] for row in pipeline.rows(f"{eras} ORDER BY era")] == [0, 1]


@pytest.mark.slow
def test_a_symbol_that_is_halted_has_quiet_minutes(pipeline: Pipeline) -> None:
    since_ms = (pipeline.market_ms() // MINUTE_MS + 2) * MINUTE_MS
    pipeline.exchange.admin("POST", "faults", {"kind": "halt", "symbol": "ETHUSDT", "minutes": 3})
    pipeline.wait_for_candles("1m", until_ms=since_ms + 2 * MINUTE_MS, within_s=60)

    quiet = [
        ms
        for (symbol, ms), status in pipeline.statuses("1m").items()
        if symbol == "ETHUSDT" and ms >= since_ms and status == "quiet"
    ]
    assert len(quiet) >= 1
    pipeline.exchange.admin("DELETE", "faults")
