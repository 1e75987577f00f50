"""Whether the silence of a connection means anything: decided without a clock."""

from hypothesis import given
from hypothesis import strategies as st

from producers.binance.signs_of_life import PING_MS, SignsOfLife

SILENCE_MS = 15_000


def heard(*frames_ms: int) -> SignsOfLife:
    life = SignsOfLife(0)
    for at_ms in frames_ms:
        life.frame(at_ms)
    return life


def test_busy_connection_is_dead_after_the_silence_though_pings_come() -> None:
    life = heard(*range(0, 120_000, 100))

    life.ping(125_000)

    assert not life.is_silent(134_000, SILENCE_MS)
    assert life.is_silent(115_000 + 100_000, SILENCE_MS)
    assert life.is_silent(119_900 + SILENCE_MS, SILENCE_MS)


@given(st.integers(30_000, 600_000), st.integers(1, 60))
def test_quiet_pair_keeps_its_connection_as_long_as_pings_come(every_ms: int, hours: int) -> None:
    life, end_ms = SignsOfLife(0), hours * 600_000
    events = sorted(
        [(ms, "frame") for ms in range(every_ms, end_ms, every_ms)]
        + [(ms, "ping") for ms in range(PING_MS, end_ms, PING_MS)]
    )
    for now_ms, kind in events:
        assert not life.is_silent(now_ms, SILENCE_MS)
        (life.frame if kind == "frame" else life.ping)(now_ms)


def test_quiet_connection_without_pings_is_dead() -> None:
    life = heard(60_000, 200_000)
    life.ping(220_000)

    assert not life.is_silent(220_000 + PING_MS, SILENCE_MS)
    assert life.is_silent(220_000 + PING_MS + SILENCE_MS, SILENCE_MS)


def test_new_connection_may_wait_for_its_first_ping() -> None:
    life = SignsOfLife(0)

    assert not life.is_silent(SILENCE_MS, SILENCE_MS)
    assert life.is_silent(PING_MS + SILENCE_MS, SILENCE_MS)


def test_market_that_falls_asleep_is_believed_after_one_silence() -> None:
    life = heard(*range(0, 300_000, 100), 400_000, 500_000, 600_000)
    life.ping(615_000)

    assert not life.is_silent(620_000, SILENCE_MS)
