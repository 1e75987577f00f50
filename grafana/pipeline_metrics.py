"""Measurement of the pipeline: Kafka's groups and topics, ClickHouse's disk and tables.

Lag is the number of records that a group has not committed; a group without commits is left out.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from clients.clickhouse import Client
from clients.kafka.group import GroupOffsets, behind
from grafana import store

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
    groups = kafka.groups(OURS)
    for group in groups:
        waiting = behind(kafka.committed(group), ends)
        found += [Measure("lag", group, topic, lag) for topic, lag in waiting.items()]
    for group, members in kafka.members(groups).items():
        found += [Measure("member", group, member.name, 1) for member in members]
    return found
