"""One client that asks for more than its share leaves the others quick."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from api.accounts.authentication import open_gate
from api.accounts.database import ANSWER_S
from api.accounts.users import NewUser, Role
from schemas.settings import ApiSettings, Settings
from tests.support.api_process import running_api, until_refused
from tests.support.api_stage import PASSWORD, Stage
from tests.support.postgresql import frozen, running_postgresql

ROWS = 200_000
GREEDY = 30  # more than the API has threads
SMALL = 20
# Minutes made of a quarter that is there: a month and more of one symbol, closed long ago.
FILL = f"""INSERT INTO candles SELECT t.* REPLACE ('ETHUSDT' AS symbol, '1m' AS interval,
        toDateTime64(60 * (20_000_000 + n), 3, 'UTC') AS open_time,
        toDateTime64(60 * (20_000_001 + n), 3, 'UTC') AS close_time)
    FROM (SELECT * FROM candles LIMIT 1) AS t
    CROSS JOIN (SELECT number AS n FROM numbers({ROWS})) AS m"""  # noqa: S608
EMPTY = "ALTER TABLE candles DROP PARTITION 2008"  # where FILL begins and ends
CANDLES, DIGESTS = "/v1/candles", "/v1/completeness/digests"
LARGE = {"symbol": "ETHUSDT", "interval": "1m", "limit": str(ROWS), "format": "csv"}
LONG = {"symbol": "ETHUSDT", "from": "2007-12-01", "to": "2008-12-31"}  # 396 days


@pytest.fixture(scope="module", autouse=True)
def _many_rows(stage: Stage) -> Iterator[None]:
    with stage.clickhouse.client(database="candlewick") as client:
        client.command(FILL)
        yield
        client.command(EMPTY)


class Greed:
    """Clients of one address who ask for the same dear answer again and again."""

    def __init__(self, url: str, path: str, wanted: dict[str, str]) -> None:
        self.statuses: Counter[int] = Counter()
        self.refusals: list[httpx.Response] = []
        self.has_begun = threading.Event()
        self._url, self._path, self._wanted = url, path, wanted
        self._over = threading.Event()

    def ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=120) as client:
            while not self._over.is_set():
                answer = client.get(self._path, params=self._wanted)
                self.statuses[answer.status_code] += 1
                self.has_begun.set()
                if answer.status_code == 429:
                    self.refusals.append(answer)
                    self._over.wait(0.1)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.ask) for _ in range(GREEDY)]
        for thread in threads:
            thread.start()
        try:
            assert self.has_begun.wait(60)
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(120)


@pytest.mark.parametrize(("path", "wanted"), [(CANDLES, LARGE), (DIGESTS, LONG)])
def test_who_asks_for_much_again_and_again_leaves_the_others_quick(
    stage: Stage, path: str, wanted: dict[str, str]
) -> None:
    small = {"symbol": "BTCUSDT", "interval": "15m", "limit": "10"}
    greed = Greed(stage.api.url, path, wanted)
    with greed.at_work(), stage.api.client() as client:
        before = greed.statuses[200]
        alive = [client.get("/livez").status_code for _ in range(SMALL)]
        found = [client.get("/v1/candles", params=small) for _ in range(SMALL)]
        made_meanwhile = greed.statuses[200] - before

    assert alive == [200] * SMALL
    assert [len(answer.json()["data"]) for answer in found] == [10] * SMALL
    assert made_meanwhile < SMALL  # the small ones overtook; 24 threads would have made more
    assert set(greed.statuses) == {200, 429}
    refused = greed.refusals[0]
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["type"] == "/problems/too-many-requests"


def test_each_of_two_at_a_time_gets_its_large_answer(stage: Stage) -> None:
    with stage.api.client() as client, stage.api.client() as other:
        found = [each.get("/v1/candles", params=LARGE) for each in (client, other)]

    assert [answer.text.count("\n") for answer in found] == [ROWS + 1] * 2


def test_an_address_and_a_user_have_so_many_requests_a_minute(stage: Stage, tmp_path: Path) -> None:
    few = {"REQUESTS_PER_MINUTE": "20", "USERS_URL": stage.users_url}
    with running_api(tmp_path, stage.kafka, stage.clickhouse, **few) as api, api.client() as client:
        refused = until_refused(lambda _: client.get("/problems"), a_minute=20)
        alive = client.get("/livez")

    assert int(refused.headers["retry-after"]) <= 3
    assert alive.status_code == 200


def test_a_user_database_that_stands_still_keeps_nobody_from_public_data(
    stage: Stage, tmp_path: Path
) -> None:
    small = {"symbol": "BTCUSDT", "interval": "15m", "limit": "10"}
    with running_postgresql() as url:
        users = Settings(api=ApiSettings.model_validate({"users_url": url}))
        with open_gate(users) as gate:
            gate.add([NewUser("ada", Role.VIEWER, PASSWORD)])
        with (
            running_api(tmp_path, stage.kafka, stage.clickhouse, USERS_URL=url) as api,
            api.client() as client,
            api.client(Authorization=f"Bearer {api.token('ada', PASSWORD)}") as ada,
            ThreadPoolExecutor(GREEDY) as threads,
        ):
            assert ada.get("/v1/users/me").status_code == 200
            with frozen(url):
                asked = [threads.submit(ada.get, "/v1/users/me") for _ in range(GREEDY)]
                found = []
                while len(found) < SMALL and not any(answer.done() for answer in asked):
                    found.append(client.get("/v1/candles", params=small))
                refused = [answer.result() for answer in asked]

            assert [answer.status_code for answer in found] == [200] * len(found)
            assert len(found) > 1  # the candles waited for none of them
            assert [answer.status_code for answer in refused] == [503] * GREEDY
            assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
            assert max(answer.elapsed.total_seconds() for answer in refused) < 2 * ANSWER_S
            assert ada.get("/v1/users/me").status_code == 200
