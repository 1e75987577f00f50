"""The health report over a feed and a look at the servers, both made up."""

import time

from api.health.checks import Check, State
from api.health.report import Report
from api.health.watch import Look, Watch
from api.live.feed import Feed
from api.live.market import Head
from schemas.settings import Settings

SETTINGS = Settings(symbols=("BTCUSDT", "DOTUSDT", "ETHUSDT"))
LONG_S = 100_000.0


def stream_check(last: Look) -> Check:
    """What is said of the stream when only BTCUSDT moves, and the API has been up for long."""
    feed, now_s = Feed(SETTINGS), time.monotonic()
    watch = Watch(SETTINGS, feed)
    watch.began_s, watch.last = now_s - LONG_S, last
    feed.market.heads = {
        "BTCUSDT": Head(1, 1, now_s),
        "ETHUSDT": Head(1, 1, now_s - LONG_S),
    }
    (found,) = [check for check in Report(SETTINGS, feed, watch).checks() if check.name == "stream"]
    return found


def a_look(**traded_since_s: float) -> Look:
    return Look(
        time.monotonic(),
        Check("database"),
        Check("broker"),
        traded_since_s=traded_since_s,
    )


def test_of_a_symbol_that_was_just_added_or_trades_again_nothing_is_expected_yet() -> None:
    now_s = time.monotonic()
    old = now_s - LONG_S

    starts = stream_check(a_look(BTCUSDT=old, DOTUSDT=now_s, ETHUSDT=now_s))
    added = stream_check(a_look(BTCUSDT=old))  # since the look
    stands = stream_check(a_look(BTCUSDT=old, DOTUSDT=old, ETHUSDT=old))

    assert starts.state is added.state is State.STARTING
    assert stands.state is State.DOWN
    assert "ETHUSDT" in str(stands.reason)
