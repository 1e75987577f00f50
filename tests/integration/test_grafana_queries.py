"""Every query of the dashboards and alerts runs, as Grafana would send it."""

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from candlewick.clickhouse_admin import apply_migrations
from grafana.macros import Asked, expand
from grafana.source import load, query_names
from schemas.settings import ClickHouseSettings
from tests.grafana_world import NOW_MS, fill
from tests.servers import running_clickhouse

HOUR_MS = 3_600_000
ASKED = Asked(
    from_ms=NOW_MS - 24 * HOUR_MS,
    to_ms=NOW_MS + 5_000,
    interval_ms=60_000,
    variables={"symbol": "BTCUSDT", "interval": "15m", "model": "champion"},
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_clickhouse(tmp_path_factory.mktemp("grafana") / "data") as server:
        settings = {"url": server.url, "user": server.user, "password": server.password}
        apply_migrations(ClickHouseSettings.model_validate(settings))
        with server.client(database="candlewick") as writer:
            fill(writer)
        account = {"username": server.reader, "password": server.reader_password}
        with server.client(database="candlewick", **account) as reader:
            yield reader


@pytest.mark.parametrize("name", list(query_names()))
def test_a_query_answers_with_rows(client: Client, name: str) -> None:
    found = client.query(expand(load(name), ASKED))

    assert found.result_rows, name
