"""A part of ClickHouse that is not as it was written: who finds it, and what is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from candlewick.doctor.finding import State
from candlewick.doctor.servers import parts
from candlewick.store.admin import apply_migrations
from clients.clickhouse import connect_reader, rows_of
from schemas.errors import ConfigurationError
from tests.support.servers import RunningClickHouse, running_clickhouse

GAP = """
INSERT INTO gaps (symbol, first_agg_id, last_agg_id, after_time, before_time, state, noticed_time,
    changed_time, reason)
SELECT 'BTCUSDT', number * 10, number * 10 + 5, now64(3), now64(3), 'found', now64(3), now64(3), 'x'
FROM numbers(1000)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunningClickHouse]:
    with running_clickhouse(tmp_path / "data") as server:
        yield server


def test_doctor_names_a_damaged_part_and_a_query_sends_people_to_the_doctor(
    store: RunningClickHouse,
) -> None:
    settings = store.settings
    apply_migrations(settings)
    with store.client(database="candlewick") as client:
        client.command(GAP)
        (place,) = client.query(
            "SELECT path FROM system.parts WHERE table = 'gaps' AND active"
        ).result_rows[0]
    assert [one.state for one in parts(settings)] == [State.OK]

    store.stop()
    data = next(Path(place).glob("data.bin"), None) or Path(place) / "first_agg_id.bin"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 0xFF
    data.write_bytes(content)
    store.restart()

    wrong, rest = parts(settings)
    assert (wrong.state, rest.state) == (State.WRONG, State.OK)
    assert "of table gaps is damaged" in wrong.said
    assert "DETACH PART" in wrong.advice
    with (
        connect_reader(settings) as client,
        pytest.raises(ConfigurationError, match="candlewick doctor"),
    ):
        rows_of(client, "SELECT sum(first_agg_id) FROM gaps WHERE NOT ignore(*)")


def test_doctor_names_a_part_that_was_not_on_the_disk_when_the_power_went(
    store: RunningClickHouse,
) -> None:
    settings = store.settings
    apply_migrations(settings)
    with store.client(database="candlewick") as client:
        client.command(GAP)
        (place,) = client.query(
            "SELECT path FROM system.parts WHERE table = 'gaps' AND active"
        ).result_rows[0]

    store.stop()
    for file in Path(place).iterdir():
        file.write_bytes(b"")
    store.restart()

    lost, rest = parts(settings)
    assert (lost.state, rest.state) == (State.WRONG, State.OK)
    assert "of table gaps aside" in lost.said
    with store.client(database="candlewick") as client:
        client.command(lost.advice.partition("no more of it: ")[2])
    assert [one.state for one in parts(settings)] == [State.OK]


def test_a_merged_part_that_was_not_on_the_disk_is_no_loss_while_its_parts_are_there(
    store: RunningClickHouse,
) -> None:
    settings = store.settings
    apply_migrations(settings)
    with store.client(database="candlewick") as client:
        client.command(GAP)
        client.command(GAP.replace("BTCUSDT", "ETHUSDT"))
        client.command("OPTIMIZE TABLE gaps FINAL")
        (place,) = client.query(
            "SELECT path FROM system.parts WHERE table = 'gaps' AND active"
        ).result_rows[0]

    store.stop()
    for file in Path(place).iterdir():
        file.write_bytes(b"")
    store.restart()

    told, rest = parts(settings)
    assert (told.state, rest.state) == (State.NOTE, State.OK)
    assert told.said.endswith("its rows are in other parts")
    with store.client(database="candlewick") as client:
        assert client.query("SELECT count() FROM gaps").result_rows == [(2000,)]


def test_what_is_stored_is_on_the_disk_before_its_offset_is_committed(
    store: RunningClickHouse,
) -> None:
    """A power cut cannot be tried here: ClickHouse is told to flush each part with its folder."""
    apply_migrations(store.settings)
    with store.client(database="candlewick") as client:
        made = client.query(
            "SELECT name, create_table_query FROM system.tables "
            "WHERE database = 'candlewick' AND engine LIKE '%MergeTree'"
        ).result_rows

    flushed = "fsync_after_insert = 1, fsync_part_directory = 1"
    assert {name for name, query in made if flushed not in query} == {
        "candles_live",  # replaced within seconds
        "schema_migrations",  # may run twice
    }
