"""Coins go out one by one: what CoinGecko cannot say of one holds up no other, and no state."""

import asyncio
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

import candlewick.exchange
from producers.bulk_publisher import BulkPublisher
from producers.coingecko import publish
from producers.coingecko.client import CoinGecko
from producers.coingecko.publish import CoinPublisher, Refusals
from schemas.codecs import Record
from schemas.coins import Coin, CoinDay
from schemas.errors import PoisonMessage
from schemas.settings import CoinsSettings
from schemas.timeframe import DAY_MS
from schemas.topics import Topic
from tests.support.builders import START_MS

IDS = ["bitcoin", "ethereum", "litecoin"]
_ANSWER = Path(candlewick.exchange.__file__).parent / "data" / "coins_markets.json"
RECORDED = json.loads(_ANSWER.read_bytes())[0]
MIDNIGHT_MS = START_MS - START_MS % DAY_MS
WHOLE = {name: [[MIDNIGHT_MS, 5]] for name in ("prices", "market_caps", "total_volumes")}
CLOSED = httpx.Response(429, headers={"Retry-After": "1000"})
BROKEN = {
    "a server's error": httpx.Response(500),
    "lists of different length": httpx.Response(200, content=json.dumps(WHOLE | {"prices": []})),
}


class Out(BulkPublisher):
    def __init__(self) -> None:
        self.records: list[Record] = []

    async def record(self, _: Topic, record: Record) -> None:
        self.records.append(record)


class Buried(Refusals):
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def bury(self, refused: list[PoisonMessage]) -> None:
        self.reasons += map(str, refused)
        refused.clear()


class Clock:
    """Time passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    monkeypatch.setattr(publish, "steady_ms", clock)
    monkeypatch.setattr(publish, "wall_ms", clock)
    return clock


def published(
    answers: dict[str, httpx.Response], *, ids: Sequence[str] = IDS, rounds: int = 1
) -> tuple[list[Record], list[str], list[str]]:
    """Publish, and return the records, what is buried and the coins whose history was asked for.

    Answers are by the end of the path, and a whole history where none is given.
    """
    asked_for: list[str] = []

    def answer(asked: httpx.Request) -> httpx.Response:
        path = asked.url.path
        told = [found for end, found in answers.items() if path.endswith(end)]
        if path.endswith("/markets"):
            return told[0] if told else httpx.Response(200, content=b"[]")
        asked_for.append(path.split("/")[-2])
        return told[0] if told else httpx.Response(200, content=json.dumps(WHOLE))

    return *asyncio.run(published_by(answer, ids, rounds)), asked_for


async def published_by(
    answer: Callable[[httpx.Request], httpx.Response], ids: Sequence[str], rounds: int
) -> tuple[list[Record], list[str]]:
    """Publish, and return the records and what is buried."""
    out, buried, settings = Out(), Buried(), CoinsSettings()
    newest: dict[str, int] = {}
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        coins = CoinPublisher(CoinGecko(settings, http), out, buried, newest, settings)
        for _ in range(rounds):
            await coins.publish(ids)
    return out.records, buried.reasons


@pytest.mark.parametrize("count", [1, 250, 251, 600])
def test_the_state_of_more_coins_than_one_answer_may_have_is_asked_for_in_parts(
    clock: Clock, count: int
) -> None:
    ids, asked_ms = [f"coin{number}" for number in range(count)], list[int]()

    def answer(asked: httpx.Request) -> httpx.Response:
        if not asked.url.path.endswith("/markets"):
            return httpx.Response(404)
        asked_ms.append(clock.now_ms)
        wanted, most = asked.url.params["ids"].split(","), int(asked.url.params["per_page"])
        page = [{**RECORDED, "id": coin_id} for coin_id in wanted[: min(most, 250)]]
        return httpx.Response(200, content=json.dumps(page))

    records = asyncio.run(published_by(answer, ids, rounds=1))[0]

    assert [record.coin_id for record in records if isinstance(record, Coin)] == ids
    assert all(after - at >= publish.PAUSE_S * 1000 for at, after in pairwise(asked_ms))
    assert len(asked_ms) == -(-count // 250)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_coin_without_a_history_that_can_be_had_holds_up_no_other(broken: httpx.Response) -> None:
    records, _, _ = published({"/bitcoin/market_chart": broken})

    assert [r.coin_id for r in records if isinstance(r, CoinDay)] == ["ethereum", "litecoin"]


def test_rows_that_are_not_usable_are_buried_where_the_history_of_another_coin_fails() -> None:
    odd = httpx.Response(200, content=json.dumps(WHOLE | {"prices": [[MIDNIGHT_MS, "?"]]}))
    _, buried, _ = published(
        {"/bitcoin/market_chart": odd, "/litecoin/market_chart": BROKEN["a server's error"]}
    )

    assert len(buried) == 1


def test_histories_that_all_fail_are_asked_for_once_a_round_and_hold_up_no_state(
    clock: Clock,
) -> None:
    ids = [f"coin{number}" for number in range(50)]
    _, _, asked_for = published({"/market_chart": BROKEN["a server's error"]}, ids=ids)

    assert asked_for == ids
    assert clock.now_ms - START_MS <= CoinsSettings().every_s * 1000


def test_histories_that_take_longer_than_a_round_go_on_in_the_next_one(clock: Clock) -> None:
    ids = [f"coin{number}" for number in range(300)]
    _, _, first = published({}, ids=ids)
    took_s = (clock.now_ms - START_MS) / 1000
    _, _, both = published({}, ids=ids, rounds=3)

    assert 100 < len(first) < 300
    assert took_s <= CoinsSettings().every_s + publish.PAUSE_S
    assert both == ids


def test_a_wait_that_is_told_for_one_history_ends_them_all_for_as_long_as_it_says() -> None:
    answers = {"/bitcoin/market_chart": CLOSED}
    _, _, within = published(answers, rounds=3)

    assert within == ["bitcoin"]


def test_a_coin_whose_history_is_refused_each_time_comes_behind_the_others(clock: Clock) -> None:
    refused = httpx.Response(429, headers={"Retry-After": "2"})
    records, _, asked_for = published({"/bitcoin/market_chart": refused}, rounds=2)

    assert asked_for == ["bitcoin", "ethereum", "litecoin", "bitcoin"]
    assert [r.coin_id for r in records if isinstance(r, CoinDay)] == ["ethereum", "litecoin"]
    assert clock.now_ms - START_MS < CoinsSettings().every_s * 1000
