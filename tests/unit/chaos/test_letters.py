"""A dead letter is good where the exchange has just that trade, or where we can read the record."""

from typing import Any

import orjson
import pytest

from tests.chaos.letters import is_true_frame

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


@pytest.mark.parametrize("raw", [b"", b"no json", b"[]", b"7", b'{"data":7}', b'{"e":"aggTrade"'])
def test_what_is_no_frame_is_not_good(raw: bytes) -> None:
    assert not is_true_frame(raw, ask)
