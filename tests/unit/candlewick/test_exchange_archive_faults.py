"""Faulty archive files: what does not apply to a file leaves it as it is."""

import io
import zipfile

import pytest

from candlewick.exchange.faults.archives import damaged

TRADES = (
    "7,1.50000000,0.00100000,70,71,1735689600000123,True,True\n"
    "8,1.60000000,1.25000000,72,72,1735689600001999,False,True\n"
    "9,1.70000000,2.00000000,73,73,1735689600001999,False,True\n"
)
KLINE = "1735689600000000,1.0,2.0,0.5,1.5,10.0,1735689659999999,15.0,4,6.0,9.0,0\n"


def a_zip(text: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("file.csv", text)
    return held.getvalue()


def changed(text: str, how: str) -> list[str]:
    body = damaged(a_zip(text), how, checksum=False)
    return zipfile.ZipFile(io.BytesIO(body)).read("file.csv").decode().splitlines()


def test_trades_that_are_issued_again_have_another_quantity() -> None:
    first, *others = changed(TRADES, "reissued")

    assert first == "7,1.50000000,0.00100001,70,71,1735689600000123,True,True"
    assert others == TRADES.splitlines()[1:]


def test_klines_that_are_issued_again_have_another_number_of_trades() -> None:
    assert changed(KLINE * 2, "reissued") == [KLINE.strip().replace(",4,", ",5,"), KLINE.strip()]


@pytest.mark.parametrize("how", ["ids-back", "trade-twice"])
@pytest.mark.parametrize("text", [KLINE * 3, KLINE, TRADES.splitlines()[0], ""])
def test_klines_and_single_trades_have_no_ids_to_contradict(how: str, text: str) -> None:
    assert changed(text, how) == text.splitlines()


def test_an_empty_file_is_issued_again_as_it_is() -> None:
    assert changed("", "reissued") == []


def test_ids_of_trades_go_back_and_a_trade_is_inside_two_aggregates() -> None:
    one, two, three = TRADES.splitlines()

    assert changed(TRADES, "ids-back") == [one, three, two]
    assert changed(TRADES, "trade-twice") == [one, two.replace(",72,72,", ",71,72,"), three]
