"""What the setting and the exchange together say of each symbol: decided without a clock."""

from dataclasses import replace

import pytest

from producers.binance.exchange_info import SymbolInfo
from producers.binance.urls import LONGEST_STREAMS, SYMBOLS_A_CONNECTION, stream_addresses
from producers.trades.choices import MATCHED_AGAIN_MS, Told, changed
from schemas.symbol_patterns import KEPT_MS
from schemas.symbols import TRADING, UNLISTED, SymbolBook, SymbolChoice, by_hand
from tests.support.builders import START_MS


def an_info(symbol: str, status: str = TRADING, *, is_spot: bool = True) -> SymbolInfo:
    return SymbolInfo(symbol, status, "USDT", 1, 1, ("SPOT",), is_spot)


def told_all(*infos: SymbolInfo, **volumes: float) -> Told:
    return Told({one.symbol: one for one in infos}, frozenset(), True, volumes)  # noqa: FBT003 - in order


def decided(
    parts: tuple[str, ...], told: Told, book: SymbolBook | None = None, *, now_ms: int = START_MS
) -> tuple[SymbolBook, dict[str, SymbolChoice]]:
    before = book or SymbolBook()
    found = changed(parts, told, before, {}, now_ms=now_ms)
    return before.with_choices(found), {one.symbol: one for one in found}


def test_symbol_that_the_exchange_does_not_list_is_told_and_the_others_are_followed() -> None:
    told = Told({"AUSDT": an_info("AUSDT")}, asked=frozenset({"AUSDT", "BUSDT"}))

    book, _ = decided(("AUSDT", "BUSDT"), told)

    assert book.by_setting["BUSDT"].status == UNLISTED
    assert book.traded == ("AUSDT",)


def test_nothing_is_told_twice() -> None:
    told = told_all(an_info("AUSDT"), an_info("BUSDT", "BREAK"))
    book, first = decided(("*USDT", "BUSDT"), told)

    _, again = decided(("*USDT", "BUSDT"), told, book, now_ms=START_MS + MATCHED_AGAIN_MS - 1)

    assert set(first) == {"AUSDT", "BUSDT"}
    assert again == {}


def test_pattern_takes_only_what_is_traded_on_spot_and_keeps_what_is_halted_later() -> None:
    infos = [an_info("AUSDT"), an_info("BUSDT", "BREAK"), an_info("CUSDT", is_spot=False)]
    book, _ = decided(("*USDT",), told_all(*infos))
    assert book.names == ("AUSDT",)

    halted, said = decided(("*USDT",), told_all(an_info("AUSDT", "HALT")), book)

    assert halted.names == ("AUSDT",)
    assert halted.traded == ()
    assert "was TRADING, is HALT" in said["AUSDT"].reason


def test_last_list_is_followed_while_the_exchange_does_not_answer() -> None:
    book, _ = decided(("*USDT",), told_all(an_info("AUSDT"), an_info("BUSDT")))

    silent, said = decided(("*USDT", "CUSDT"), Told(), book)

    assert set(silent.names) == {"AUSDT", "BUSDT", "CUSDT"}
    assert set(said) == {"CUSDT"}


def test_symbol_leaves_when_the_setting_does_not_name_it_any_more() -> None:
    book, _ = decided(("AUSDT", "BUSDT"), told_all(an_info("AUSDT"), an_info("BUSDT")))

    left, _ = decided(("AUSDT",), Told(), book)

    assert left.names == ("AUSDT",)


def test_symbol_of_the_top_stays_a_week_after_it_fell_out() -> None:
    infos = (an_info("AUSDT"), an_info("BUSDT"))
    book, _ = decided(("TOP:1:USDT",), told_all(*infos, AUSDT=2.0, BUSDT=1.0))
    fallen = told_all(*infos, AUSDT=1.0, BUSDT=2.0)

    soon, _ = decided(("TOP:1:USDT",), fallen, book, now_ms=START_MS + KEPT_MS - 1)
    late, _ = decided(("TOP:1:USDT",), fallen, soon, now_ms=START_MS + KEPT_MS)

    assert book.names == ("AUSDT",)
    assert soon.names == ("AUSDT", "BUSDT")
    assert late.names == ("BUSDT",)


def test_starts_of_the_stream_do_not_keep_a_symbol_that_fell_out_of_the_top() -> None:
    infos = (an_info("AUSDT"), an_info("BUSDT"))
    book, _ = decided(("TOP:1:USDT",), told_all(*infos, AUSDT=2.0, BUSDT=1.0))
    fallen = told_all(*infos, AUSDT=1.0, BUSDT=2.0)

    for now_ms in range(START_MS, START_MS + KEPT_MS + 1, KEPT_MS // 7):
        book, _ = decided(("TOP:1:USDT",), Told(), book, now_ms=now_ms)
        book, _ = decided(("TOP:1:USDT",), fallen, book, now_ms=now_ms)

    assert book.names == ("BUSDT",)


@pytest.mark.parametrize("wider", ["*USDT", "TOP:2:USDT", "AUSDT,BUSDT"])
def test_a_narrower_setting_counts_at_once(wider: str) -> None:
    told = told_all(an_info("AUSDT"), an_info("BUSDT"), AUSDT=2.0, BUSDT=1.0)
    book, _ = decided(tuple(wider.split(",")), told)

    narrowed, _ = decided(("TOP:1:USDT",), told, book)

    assert book.names == ("AUSDT", "BUSDT")
    assert narrowed.names == ("AUSDT",)


def test_a_halted_symbol_that_is_named_no_more_leaves() -> None:
    told = told_all(an_info("AUSDT"), an_info("BUSDT", "BREAK"), AUSDT=2.0)
    book, _ = decided(("BUSDT", "TOP:1:USDT"), told)

    left, _ = decided(("TOP:1:USDT",), told, book)

    assert left.names == ("AUSDT",)


def test_end_of_trading_is_the_newest_trade_and_is_forgotten_when_it_begins_again() -> None:
    book, _ = decided(("AUSDT",), told_all(an_info("AUSDT")))
    halted = told_all(an_info("AUSDT", "BREAK"))
    ended = changed(("AUSDT",), halted, book, {"AUSDT": START_MS - 5}, now_ms=START_MS)
    book = book.with_choices(ended)

    again, _ = decided(("AUSDT",), told_all(an_info("AUSDT")), book)

    assert book.ended_ms("AUSDT") == START_MS - 5
    assert again.ended_ms("AUSDT") is None
    assert again.by_setting["AUSDT"].since_ms == -1


def test_symbol_that_is_named_is_not_said_to_match() -> None:
    _, said = decided(("AUSDT", "*USDT"), told_all(an_info("AUSDT"), an_info("BUSDT")))

    assert said["AUSDT"].reason == "named in CANDLEWICK_SYMBOLS"
    assert said["BUSDT"].reason == "matches *USDT"


def test_new_symbols_are_named_beside_one_that_ends() -> None:
    book, _ = decided(("NANOUSDT",), told_all(an_info("NANOUSDT")))
    told = replace(
        told_all(an_info("NANOUSDT", "BREAK"), an_info("XNOUSDT")), new=frozenset({"XNOUSDT"})
    )

    _, said = decided(("NANOUSDT",), told, book)

    assert said["NANOUSDT"].reason.endswith("perhaps under another name: XNOUSDT")


def test_status_of_what_is_followed_by_hand_is_told_too() -> None:
    hand = by_hand("AUSDT", is_followed=True, now_ms=START_MS, reason="")

    book, said = decided(("BUSDT",), told_all(an_info("AUSDT")), SymbolBook().with_choices([hand]))

    assert said["AUSDT"].status == TRADING
    assert not said["AUSDT"].is_followed
    assert book.traded == ("AUSDT",)


@pytest.mark.parametrize("name", ["COIN{}USDT", "币安人生币安人生{}USDT"])
def test_lines_keep_their_symbols_and_stay_below_the_limits(name: str) -> None:
    symbols = [name.format(i) for i in range(250)]
    first = stream_addresses("wss://host", symbols)

    left = symbols[:40] + symbols[60:]
    second = stream_addresses("wss://host", left, first)
    third = stream_addresses("wss://host", [*left, "NEWUSDT"], second)

    for addresses, wanted in ((first, symbols), (second, left), (third, [*left, "NEWUSDT"])):
        carried = [s for one in addresses for s in one.symbols]
        assert sorted(carried) == sorted(wanted)
        assert all(len(one.symbols) <= SYMBOLS_A_CONNECTION for one in addresses)
        assert all(len(one.url) < LONGEST_STREAMS + 100 for one in addresses)
        assert all(one.url.isascii() for one in addresses)
    assert sum(a != b for a, b in zip(second, third, strict=True)) == 1
    unchanged = [a for a, b in zip(first, second, strict=True) if a == b]
    assert len(unchanged) >= len(first) - 2
