"""The list of known symbols, while ClickHouse is slow."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, cast

from api.queries.symbols import Symbols

if TYPE_CHECKING:
    from api.queries.clickhouse import Reader


class Slow:
    """A store that answers nobody before two have asked."""

    def __init__(self) -> None:
        self.asked = Barrier(2)

    def rows(self, _query: str) -> list[dict[str, object]]:
        self.asked.wait(10)
        return [{"symbol": "BTCUSDT"}]


def test_who_asks_for_the_symbols_does_not_wait_until_another_is_answered() -> None:
    symbols = Symbols(cast("Reader", Slow()), {"ETHUSDT"})
    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(symbols.all) for _ in range(2)]

    assert [answer.result() for answer in answers] == [["BTCUSDT", "ETHUSDT"]] * 2


def test_a_store_that_has_answered_is_not_asked_again_at_once() -> None:
    store = Slow()
    symbols = Symbols(cast("Reader", store), set())
    with ThreadPoolExecutor(2) as threads:
        for _ in range(2):
            threads.submit(symbols.all)

    assert symbols.all() == ["BTCUSDT"]
    assert store.asked.n_waiting == 0
