"""A dead letter is good where the exchange has just that trade, or where we can read the record."""

from typing import Any

import orjson
import pytest

from candlewick.dead_letters import Buried
from schemas import codecs, topics
from schemas.dead_letters import Origin, letter_of, read_letter
from tests.chaos.letters import is_good, is_true_frame
from tests.support.builders import MINUTE_MS, START_MS, a_block, a_trade

FRAME: dict[str, Any] = {
    "e": "aggTrade", "E": 1_740_830_400_050, "s": "DOTUSDT", "a": 7, "p": "4.10000000",
    "q": "2.00000000", "f": 9, "l": 10, "T": 1_740_830_400_000, "m": True, "M": True,
}  # fmt: skip


def ask(symbol: str, agg_id: int) -> dict[str, Any] | None:
    is_there = (symbol, agg_id) == ("DOTUSDT", 7)
    return {name: FRAME[name] for name in "apqflTmM"} | {"p": "4.1"} if is_there else None


def test_a_frame_of_a_true_trade_is_good_alone_and_in_a_combined_stream() -> None:
    assert is_true_frame(orjson.dumps(FRAME), ask)
    assert is_true_frame(orjson.dumps({"stream": "dotusdt@aggTrade", "data": FRAME}), ask)


@pytest.mark.parametrize("name", ["e", "E", "s", "a", "p", "q", "f", "l", "T", "m"])
def test_a_frame_that_is_wrong_in_any_field_is_not_good(name: str) -> None:
    false = {"e": "trade", "s": "ETHUSDT", "p": "4.2", "q": "3", "m": False}
    moved = FRAME[name] + 7_200_000 if name not in false else false[name]

    assert not is_true_frame(orjson.dumps(FRAME | {name: moved}), ask)
    assert not is_true_frame(orjson.dumps({k: v for k, v in FRAME.items() if k != name}), ask)


def buried(value: bytes) -> Buried:
    record = codecs.message_of(a_block([a_trade(1)]))
    origin = Origin("why", topics.TRADES.name, 0, 7, key=record.key, headers=record.headers)
    letter = read_letter(value or record.value, letter_of(value or record.value, origin).headers)
    return Buried(letter, ("candles",), 0, -1)


def test_a_record_that_can_be_read_is_good_unless_its_trades_contradicted_others() -> None:
    minute = "BTCUSDT", START_MS // MINUTE_MS * MINUTE_MS

    assert is_good(buried(b""), ask, set())
    assert not is_good(buried(b""), ask, {minute})
    assert is_good(buried(b""), ask, {("BTCUSDT", minute[1] + MINUTE_MS)})
    assert not is_good(buried(b"no record"), ask, set())


@pytest.mark.parametrize("raw", [b"", b"no json", b"[]", b"7", b'{"data":7}', b'{"e":"aggTrade"'])
def test_what_is_no_frame_is_not_good(raw: bytes) -> None:
    assert not is_true_frame(raw, ask)
