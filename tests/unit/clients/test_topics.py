"""How topics are made in one copy and in several."""

import pytest

from clients.kafka.topics import config_of
from schemas.settings import KafkaSettings
from schemas.topics import TRADES, topic_config


@pytest.mark.parametrize("copies", [1, 2])
def test_a_topic_in_few_copies_leaves_acknowledgements_to_the_broker(copies: int) -> None:
    assert config_of(TRADES, KafkaSettings(replication_factor=copies)) == topic_config(TRADES)


@pytest.mark.parametrize("copies", [3, 5])
def test_a_record_of_a_topic_in_many_copies_is_acknowledged_by_two(copies: int) -> None:
    config = config_of(TRADES, KafkaSettings(replication_factor=copies))

    assert config == topic_config(TRADES) | {"min.insync.replicas": "2"}
