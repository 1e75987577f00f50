"""Which ClickHouse clusters are taken for the tables, asked of a real server."""

from pathlib import Path

import pytest

from candlewick.store.admin import apply_migrations, refuse_part, refuse_shards
from schemas.errors import ConfigurationError
from schemas.settings import ClickHouseSettings
from tests.support.servers import running_clickhouse


def test_a_cluster_that_the_server_does_not_know_is_refused_before_anything_is_made(
    tmp_path: Path,
) -> None:
    with running_clickhouse(tmp_path / "clickhouse") as server:
        settings = ClickHouseSettings(
            url=server.url, user=server.user, password=server.password, cluster="nowhere"
        )
        with pytest.raises(ConfigurationError, match="knows no cluster nowhere"):
            apply_migrations(settings)
        made = server.client(database="default").query("SHOW DATABASES").result_rows

    assert ("candlewick",) not in made


def test_only_a_cluster_of_one_shard_is_taken() -> None:
    refuse_shards("main", 1)
    with pytest.raises(ConfigurationError, match="has 2 shards"):
        refuse_shards("main", 2)


def test_a_cluster_that_is_still_being_set_up_gets_no_tables() -> None:
    refuse_part("main", 3, wanted=3)
    with pytest.raises(ConfigurationError, match="has 1 of 3 replicas"):
        refuse_part("main", 1, wanted=3)
