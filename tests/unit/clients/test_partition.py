"""Partitions of keys, as Kafka's own clients choose them."""

import pytest

from clients.kafka.partition import partition_of


@pytest.mark.parametrize(
    ("key", "hashed"),
    [  # Apache Kafka, UtilsTest.testMurmur2
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
@pytest.mark.parametrize("partitions", [1, 6, 100, 1 << 31])
def test_a_key_is_where_kafkas_own_clients_put_it(key: str, hashed: int, partitions: int) -> None:
    assert partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions
