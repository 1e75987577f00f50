"""Checks of Kafka, its topics, the store and its users."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from api.accounts.authentication import open_gate
from api.accounts.database import FILE
from candlewick.doctor.finding import Finding, State
from candlewick.stack.folder import StackFolder
from clients.clickhouse import (
    LONGEST_S,
    Client,
    answered,
    connect_reader,
    connect_writer,
    rows_of,
)
from clients.kafka.topics import deviations
from schemas.migrations import read_migrations, refuse_surprises
from schemas.settings import ClickHouseSettings, KafkaSettings, Settings
from schemas.topics import ALL

_ON_PURPOSE = "nothing, if somebody set it on purpose; else set it with Kafka's own tools"
BEGUN_S: Final = 20.0
_WORDS: Final = 120
_TABLES: Final = """
SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
ORDER BY total_bytes
"""
# Blocks of a part that was put aside are in other parts where a merge had not replaced them yet.
_PUT_ASIDE: Final = """
SELECT d.table, d.name,
    sumIf(p.max_block_number - p.min_block_number + 1, p.name != '') >= any(d.blocks)
FROM
(
    SELECT table, name, partition_id, min_block_number AS first, max_block_number AS last,
        last - first + 1 AS blocks
    FROM system.detached_parts WHERE database = currentDatabase() AND reason LIKE 'broken%'
) AS d
LEFT JOIN (SELECT * FROM system.parts WHERE database = currentDatabase() AND active) AS p
    ON p.table = d.table AND p.partition_id = d.partition_id
    AND p.min_block_number <= d.last AND p.max_block_number >= d.first
GROUP BY d.table, d.name ORDER BY d.table, d.name
"""
_APPLIED = "SELECT name, checksum FROM schema_migrations ORDER BY name"


def broker_and_topics(settings: KafkaSettings) -> Iterator[Finding]:
    """Check that Kafka answers, and that each topic is there as the table of topics has it."""
    found = deviations(settings)
    yield Finding("Kafka", State.OK, f"answers at {settings.place}")
    missing = [one.topic for one in found if one.found is None]
    if missing:
        advice = "make them with `candlewick topics create`"
        yield Finding("topics", State.WRONG, f"missing: {', '.join(missing)}", advice)
    for one in found:
        if one.found is not None:
            said = f"{one.topic}: {one.what} is {one.found}, the table of topics says {one.wanted}"
            yield Finding("topics", State.NOTE, said, _ON_PURPOSE)
    if not found:
        yield Finding("topics", State.OK, f"all {len(ALL)} are there, as they should be")


def store(settings: ClickHouseSettings) -> Iterator[Finding]:
    """Check that the store answers, and that its tables are those of this version."""
    with connect_reader(settings) as client:
        version = rows_of(client, "SELECT version()", limit_s=5.0)[0][0]
        yield Finding("ClickHouse", State.OK, f"version {version} answers at {settings.url}")
        applied = {str(name): _text(sum_) for name, sum_ in rows_of(client, _APPLIED, limit_s=5.0)}
    known = read_migrations()
    refuse_surprises(applied, known)
    missing = [one.name for one in known if one.name not in applied]
    if missing:
        said = f"{len(missing)} migrations are missing, from {missing[0]} on"
        yield Finding("tables", State.WRONG, said, "make them with `candlewick migrate`")
    else:
        yield Finding("tables", State.OK, f"all {len(known)} migrations are applied")


def parts(settings: ClickHouseSettings, *, within_s: float = BEGUN_S) -> Iterator[Finding]:
    """Check every part of every table against its checksums, the smallest tables first.

    ClickHouse finds damage by itself only when somebody asks for the rows.

    Args:
        settings: Where ClickHouse is.
        within_s: After how many seconds no further table is begun.
    """
    end_s, whole, damaged = time.monotonic() + within_s, 0, 0
    with connect_writer(settings, silence_s=int(LONGEST_S)) as client:
        yield from _put_aside(client)
        tables = [str(name) for (name,) in rows_of(client, _TABLES, limit_s=5.0)]
        for table in tables:
            if time.monotonic() > end_s:
                break
            found = list(_damaged(client, table))
            yield from found
            whole, damaged = whole + (not found), damaged + bool(found)
    left = len(tables) - whole - damaged
    rest = f"; {left} large ones were not looked at, which takes long" if left else ""
    yield Finding("parts", State.OK, f"{whole} tables are whole{rest}")


def _put_aside(client: Client) -> Iterator[Finding]:
    """Yield a finding for each part that ClickHouse could not read when it started."""
    for table, part, is_elsewhere in rows_of(client, _PUT_ASIDE, limit_s=5.0):
        said = f"ClickHouse put part {part} of table {table} aside, which it could not read"
        forget = (
            "to hear no more of it: "
            f"ALTER TABLE {table} DROP DETACHED PART '{part}' SETTINGS allow_drop_detached = 1"
        )
        if is_elsewhere:
            yield Finding("parts", State.NOTE, f"{said}; its rows are in other parts", forget)
        else:
            advice = f"what it held may be missing: restore a backup if there is one; {forget}"
            yield Finding("parts", State.WRONG, said, advice)


def _damaged(client: Client, table: str) -> Iterator[Finding]:
    """Yield a finding for each part whose checksums are wrong."""
    settings = {"check_query_single_value_result": 0}
    asked = partial(client.raw_query, f"CHECK TABLE {table}", settings=settings, fmt="TSV")
    for line in answered(None, "check", asked, limit_s=LONGEST_S).decode().splitlines():
        part, is_passed, why = line.split("\t")
        if is_passed == "0":
            advice = (
                "restore a backup; without one take the part out, and what it holds is missing: "
                f"ALTER TABLE {table} DETACH PART '{part}'"
            )
            said = f"part {part} of table {table} is damaged ({why[:_WORDS]})"
            yield Finding("parts", State.WRONG, said, advice)


def users(settings: Settings, folder: StackFolder) -> Iterator[Finding]:
    """Check that the database of users answers."""
    if settings.api.users_url is None and not (folder.root / FILE).exists():
        yield Finding("users", State.OK, "none yet: add one with `candlewick users add`")
        return
    with open_gate(settings) as gate:
        count = len(gate.users.all())
    yield Finding("users", State.OK, f"{count} {'user' if count == 1 else 'users'}")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
