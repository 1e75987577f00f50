"""Which symbols are followed: what the setting may say, and who wins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.settings import Settings
from schemas.symbol_patterns import KEPT_MS, Listed, check_part, matched, named_in, written
from schemas.symbols import TRADING, ChosenBy, SymbolBook, SymbolChoice, by_hand
from schemas.timeframe import DAY_MS, Interval
from tests.support.builders import START_MS

COINS = [
    Listed("BTCUSDT", "USDT", 900.0),
    Listed("ETHUSDT", "USDT", 800.0),
    Listed("SOLUSDT", "USDT", 700.0),
    Listed("ETHBTC", "BTC", 5_000.0),
    Listed("币安人生USDT", "USDT", 1.0),
]
NAMES = st.sampled_from(["AUSDT", "BUSDT", "CUSDT", "币安人生USDT"])


def a_choice(symbol: str, by: ChosenBy, *, followed: bool, status: str = TRADING) -> SymbolChoice:
    return SymbolChoice(
        symbol, by.value, followed, status, -1, START_MS, None, None, "", START_MS, ""
    )


@pytest.mark.parametrize(
    "text", ["BTCUSDT", "币安人生usdt", "*USDT", "B??USDT", "top:50:USDT", "*", "1000PEPEUSDT"]
)
def test_parts_that_the_setting_may_have(text: str) -> None:
    for part in written(text):
        check_part(part)


@pytest.mark.parametrize(
    "text", ["BTC-USDT", "top:0:USDT", "top:50", "top:x:USDT", "B", "BTC USDT", "B*T/USDT"]
)
def test_parts_that_say_what_to_write_instead(text: str) -> None:
    with pytest.raises(ValueError, match="BTCUSDT,ETHUSDT"):
        check_part(written(text)[0])


def test_names_are_in_capitals_and_in_one_form_of_unicode() -> None:
    assert written(" btcusdt, BTCUSDT ,e\u0301usdt,top:5:usdt") == (
        "BTCUSDT",
        "\u00c9USDT",
        "TOP:5:USDT",
    )


def test_setting_takes_symbols_of_any_letters_and_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEWICK_SYMBOLS", "BTCUSDT,币安人生USDT,*BTC,top:3:USDT")

    settings = Settings()

    assert settings.named_symbols == ("BTCUSDT", "币安人生USDT")
    assert settings.symbols == ("BTCUSDT", "币安人生USDT", "*BTC", "TOP:3:USDT")


def test_patterns_stand_for_what_the_exchange_lists() -> None:
    found = matched(("*USDT",), COINS, {}, now_ms=START_MS)

    assert set(found) == {"BTCUSDT", "ETHUSDT", "SOLUSDT", "币安人生USDT"}
    assert set(matched(("E??BTC",), COINS, {}, now_ms=START_MS)) == {"ETHBTC"}


def test_the_top_is_by_volume_in_the_quote_asset() -> None:
    assert set(matched(("TOP:2:USDT",), COINS, {}, now_ms=START_MS)) == {"BTCUSDT", "ETHUSDT"}


def test_symbol_that_falls_out_of_the_top_leaves_only_after_a_week() -> None:
    def top(held_ms: dict[str, int]) -> set[str]:
        return set(matched(("TOP:1:USDT",), COINS, held_ms, now_ms=START_MS))

    assert top({"SOLUSDT": START_MS - KEPT_MS + 1}) == {"BTCUSDT", "SOLUSDT"}
    assert top({"SOLUSDT": START_MS - KEPT_MS}) == {"BTCUSDT"}
    assert top({"ETHBTC": START_MS}) == {"BTCUSDT"}


def test_names_of_the_setting_count_until_the_stream_has_written() -> None:
    book = SymbolBook(("BTCUSDT", "ETHUSDT"))

    assert book.names == ("BTCUSDT", "ETHUSDT")
    told = book.with_choices([a_choice("SOLUSDT", ChosenBy.SETTING, followed=True)])
    assert told.names == ("SOLUSDT",)
    assert book.names == ("BTCUSDT", "ETHUSDT")


@given(st.lists(st.tuples(NAMES, st.sampled_from(ChosenBy), st.booleans())))
def test_hand_wins_over_the_setting_in_whatever_order_they_speak(
    told: list[tuple[str, ChosenBy, bool]],
) -> None:
    book = SymbolBook().with_choices(a_choice(s, by, followed=f) for s, by, f in told)

    newest = {(symbol, by): followed for symbol, by, followed in told}
    symbols = {symbol for symbol, _, _ in told}
    wanted = {
        symbol
        for symbol in symbols
        if newest.get((symbol, ChosenBy.HAND), newest.get((symbol, ChosenBy.SETTING)))
    }
    assert set(book.names) == wanted
    assert len(book.names) == len(wanted)


def test_symbol_that_is_halted_is_followed_but_not_traded() -> None:
    halted = a_choice("BUSDT", ChosenBy.SETTING, followed=True, status="BREAK")
    book = SymbolBook(("AUSDT",)).with_choices(
        [
            a_choice("AUSDT", ChosenBy.SETTING, followed=True),
            halted,
            by_hand("CUSDT", is_followed=True, now_ms=START_MS, reason=""),
        ]
    )

    assert book.names == ("AUSDT", "BUSDT", "CUSDT")
    assert book.traded == ("AUSDT", "CUSDT")
    assert book.ended_ms("BUSDT") == halted.since_ms
    assert book.ended_ms("AUSDT") is None


@given(st.integers(1_230_768_000_000, 4_102_444_800_000 - 1))
def test_weeks_open_on_monday_at_midnight_utc(at_ms: int) -> None:
    open_ms = Interval.ONE_WEEK.open_of(at_ms)

    assert 0 <= at_ms - open_ms < 7 * DAY_MS
    assert open_ms % DAY_MS == 0
    assert (open_ms // DAY_MS + 3) % 7 == 0  # 1970-01-01 was a Thursday


def test_named_parts_are_those_without_a_pattern() -> None:
    assert named_in(("A1", "*USDT", "TOP:3:USDT", "B2")) == ("A1", "B2")
