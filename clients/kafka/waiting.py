"""Waits for a Kafka that is away, for libraries that give up at once."""

import time
from typing import Final

from confluent_kafka import KafkaException

from clients.kafka.errors import RETRY_S, no_answer
from clients.kafka.opening import open_admin
from clients.watching.log import EventLog, Seldom
from schemas.settings import KafkaSettings

_log: Final = EventLog(__name__)
_ANSWER_S: Final = 3.0


def wait_for_brokers(kafka: KafkaSettings) -> None:
    """Return once a broker answers; tell every minute that none does."""
    admin, seldom = open_admin(kafka), Seldom()
    while True:
        try:
            admin.list_topics(timeout=_ANSWER_S)
        except KafkaException:
            admin.poll(0)  # says why, where they do not let us in
            if seldom.is_due():
                _log.warning(
                    "kafka_away", "{reason}; waiting for it", reason=no_answer(kafka.place)
                )
            time.sleep(RETRY_S)
        else:
            return
