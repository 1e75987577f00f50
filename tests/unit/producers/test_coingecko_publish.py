"""Coins go out one by one: what CoinGecko cannot say of one holds up no other."""

import asyncio
import json

import httpx
import pytest

from producers.bulk_publisher import BulkPublisher
from producers.coingecko import publish
from producers.coingecko.client import CoinGecko
from producers.coingecko.publish import CoinPublisher, Refusals
from schemas.codecs import Record
from schemas.coins import CoinDay
from schemas.errors import PoisonMessage
from schemas.settings import CoinsSettings
from schemas.timeframe import DAY_MS
from schemas.topics import Topic
from tests.support.builders import START_MS

IDS = ["bitcoin", "ethereum", "litecoin"]
MIDNIGHT_MS = START_MS - START_MS % DAY_MS
WHOLE = {name: [[MIDNIGHT_MS, 5]] for name in ("prices", "market_caps", "total_volumes")}
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


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "persistently", lambda ask: ask())
    monkeypatch.setattr(publish, "PAUSE_S", 0.0)


def published(answers: dict[str, httpx.Response]) -> tuple[list[Record], list[str]]:
    """Publish once; answers are by the end of the path, and a whole history where none is given."""

    def answer(asked: httpx.Request) -> httpx.Response:
        told = [found for end, found in answers.items() if asked.url.path.endswith(end)]
        usual = [] if asked.url.path.endswith("/markets") else WHOLE
        return told[0] if told else httpx.Response(200, content=json.dumps(usual))

    async def run() -> tuple[list[Record], list[str]]:
        out, buried, settings = Out(), Buried(), CoinsSettings()
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            gecko = CoinGecko(settings, http)
            await CoinPublisher(gecko, out, buried, {}, settings).publish(IDS)
        return out.records, buried.reasons

    return asyncio.run(run())


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_coin_without_a_history_that_can_be_had_holds_up_no_other(broken: httpx.Response) -> None:
    records, _ = published({"/bitcoin/market_chart": broken})

    assert [r.coin_id for r in records if isinstance(r, CoinDay)] == ["ethereum", "litecoin"]


def test_rows_that_are_not_usable_are_buried_where_the_history_of_another_coin_fails() -> None:
    odd = httpx.Response(200, content=json.dumps(WHOLE | {"prices": [[MIDNIGHT_MS, "?"]]}))
    _, buried = published(
        {"/bitcoin/market_chart": odd, "/litecoin/market_chart": BROKEN["a server's error"]}
    )

    assert len(buried) == 1
