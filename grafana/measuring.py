"""The pipeline from outside: Kafka's groups and topics, ClickHouse's disk and tables.

Lag counts records that a group has not committed yet; a group that never committed is not there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import LatestSpec, OffsetSpec

OURS = "candlewick-"
PATIENCE_S = 5.0
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
    """One figure; what ``measure``, ``of`` and ``detail`` mean stands above the table's DDL."""

    measure: str
    of: str
    detail: str
    value: float


def of_store(client: Client) -> list[Measure]:
    """Return the disks, tables and age of ClickHouse."""
    rows = client.query(STORE).result_rows
    return [Measure(str(m), str(of), "", float(value)) for m, of, value in rows]


def of_kafka(admin: AdminClient, topics: Iterable[str]) -> list[Measure]:
    """Return the ends of topics, and lag and members of our consumer groups.

    Args:
        admin: Asked.
        topics: Names; those that are not there are left out.

    Raises:
        KafkaException: Kafka refuses.
        TimeoutError: It does not answer.
    """
    ends = _ends(admin, topics)
    total: defaultdict[str, int] = defaultdict(int)
    for (topic, _), end in ends.items():
        total[topic] += end
    found = [Measure("end", topic, "", end) for topic, end in sorted(total.items())]
    listing = admin.list_consumer_groups(request_timeout=PATIENCE_S).result(PATIENCE_S)
    groups = sorted(g.group_id for g in listing.valid or [] if g.group_id.startswith(OURS))
    for group in groups:
        found += _lags(admin, group, ends)
    return found + list(_members(admin, groups))


def _ends(admin: AdminClient, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    known = admin.list_topics(timeout=PATIENCE_S).topics
    newest = LatestSpec()  # type: ignore[no-untyped-call] # the client does not type it
    wanted: dict[TopicPartition, OffsetSpec] = {
        TopicPartition(name, number): newest
        for name in sorted(set(topics) & set(known))
        for number in known[name].partitions
    }
    asked = admin.list_offsets(wanted, request_timeout=PATIENCE_S)
    return {(p.topic, p.partition): f.result(PATIENCE_S).offset for p, f in asked.items()}


def _lags(admin: AdminClient, group: str, ends: dict[tuple[str, int], int]) -> Iterator[Measure]:
    wanted = ConsumerGroupTopicPartitions(group)
    asked = admin.list_consumer_group_offsets([wanted], request_timeout=PATIENCE_S)
    behind: defaultdict[str, int] = defaultdict(int)
    for place in asked[group].result(PATIENCE_S).topic_partitions or []:
        end = ends.get((place.topic, place.partition))
        if end is not None and place.offset >= 0:
            behind[place.topic] += max(0, end - place.offset)
    return (Measure("lag", group, topic, lag) for topic, lag in sorted(behind.items()))


def _members(admin: AdminClient, groups: list[str]) -> Iterator[Measure]:
    if not groups:
        return
    asked = admin.describe_consumer_groups(groups, request_timeout=PATIENCE_S)
    for group, answer in asked.items():
        for member in answer.result(PATIENCE_S).members:
            yield Measure("member", group, member.member_id, 1)
