"""Measurement of the pipeline: Kafka's groups and topics, ClickHouse's disk and tables.

Lag is the number of records that a group has not committed; a group without commits is left out,
and so is a topic that no member of it reads any more.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from clients.clickhouse import Client
from clients.kafka.group import GroupOffsets, behind, in_use
from clients.limits import within
from clients.table_sizes import read_table_sizes, table_growths
from grafana import store
from schemas.growth import days_until_full

OURS = "candlewick-"
STORE = """
SELECT 'disk_free' AS measure, name AS of, toFloat64(free_space) AS value FROM system.disks
UNION ALL SELECT 'disk_total', name, toFloat64(total_space) FROM system.disks
UNION ALL SELECT 'uptime', 'clickhouse', toFloat64(uptime())
UNION ALL
SELECT measure, name AS of, value
FROM
(
    SELECT
        table AS name,
        [('rows', sum(rows)), ('bytes', sum(bytes_on_disk)), ('parts', count())] AS figures
    FROM system.parts
    WHERE active AND database = currentDatabase()
    GROUP BY table
)
ARRAY JOIN figures.1 AS measure, arrayMap(n -> toFloat64(n), figures.2) AS value
"""
FREE = "SELECT free_space FROM system.disks"
SIZES_S: Final = 40.0  # of the questions about all tables together
MOST_DAYS: Final = 36_500.0  # of what grows no more


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure; the table's DDL explains ``measure``, ``of`` and ``detail``."""

    measure: str
    of: str
    detail: str
    value: float


def of_store(client: Client) -> list[Measure]:
    """Measure the disks, tables and uptime of ClickHouse."""
    found = store.rows(client, STORE)
    return [Measure(str(m), str(of), "", float(str(value))) for m, of, value in found]


def of_the_future(client: Client) -> list[Measure]:
    """Measure after how many days ClickHouse's fullest disk is full, as its tables grow.

    Raises:
        Transient: ClickHouse does not answer, or takes too long.
    """
    sizes = within(SIZES_S, "ClickHouse (sizes of tables)", lambda: read_table_sizes(client))
    growths = list(table_growths(sizes))
    free = min((int(str(free)) for (free,) in store.rows(client, FREE)), default=0)
    days = min(days_until_full(free, growths), MOST_DAYS)
    return [Measure("disk_full_days", "clickhouse", "", days)] if growths else []


def of_kafka(kafka: GroupOffsets, topics: Iterable[str]) -> list[Measure]:
    """Measure the ends of topics, and the lag and members of our consumer groups.

    Args:
        kafka: Reader of Kafka's offsets and groups.
        topics: Names of topics; missing ones are left out.

    Raises:
        Transient: Kafka does not answer.
    """
    ends = kafka.ends(kafka.partitions(sorted(topics)))
    total: defaultdict[str, int] = defaultdict(int)
    for (topic, _), end in ends.items():
        total[topic] += end
    found = [Measure("end", topic, "", end) for topic, end in sorted(total.items())]
    for group, members in kafka.members(kafka.groups(OURS)).items():
        read = in_use(kafka.committed(group), (member.places for member in members))
        waiting = behind(read, ends)
        found += [Measure("lag", group, topic, lag) for topic, lag in waiting.items()]
        found += [Measure("member", group, member.name, 1) for member in members]
    return found
