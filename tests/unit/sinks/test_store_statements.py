"""What the sinks say to ClickHouse where it is a cluster: as text, since none is run here."""

from dataclasses import dataclass, field

import pytest

from schemas.settings import ClickHouseSettings
from sinks.clickhouse import ClickHouse
from sinks.refused_trades import RefusedTrades
from sinks.tables import TABLES, CandleKey

CANDLES = next(table for table in TABLES if table.name == "candles")


@dataclass
class Client:
    """Remembers the statements and their settings."""

    told: list[tuple[str, dict[str, object] | None]] = field(default_factory=list)

    def command(
        self,
        statement: str,
        parameters: object = None,  # noqa: ARG002 - the client's signature
        settings: dict[str, object] | None = None,
    ) -> None:
        self.told.append((statement.split("WHERE", maxsplit=1)[0].strip(), settings))


def told(store: ClickHouse) -> list[tuple[str, dict[str, object] | None]]:
    client = Client()
    store._client = client  # type: ignore[assignment]
    store.keep_revisions(CANDLES, [CandleKey("1m", "BTCUSDT", 0, "trades")])
    store.remove_trades(RefusedTrades(0, 0, "BTCUSDT", ((1, 2),), 0, 0))
    return client.told


@pytest.mark.parametrize("cluster", [None, "main"])
def test_a_replica_is_made_to_have_what_the_others_took_before_it_is_copied(
    cluster: str | None,
) -> None:
    statements = [
        statement for statement, _ in told(ClickHouse(ClickHouseSettings(cluster=cluster)))
    ]

    synced = ["SYSTEM SYNC REPLICA candles LIGHTWEIGHT"] if cluster else []
    assert statements[:-2] == synced
    assert statements[-2].startswith("INSERT INTO candle_revisions")


def test_removed_trades_do_not_wait_for_a_replica_that_is_away() -> None:
    assert told(ClickHouse(ClickHouseSettings(cluster="main")))[-1] == (
        "DELETE FROM trades",
        {"lightweight_deletes_sync": 1},
    )
