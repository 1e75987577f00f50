"""The only place where clients of Kafka are made, with the settings that hold for all of them.

The library's own log is off, since it tells of every attempt to connect: what matters comes as an
error of a call, or to a callback, and is told in our words.
Source: librdkafka, CONFIGURATION.md.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from clients.kafka.errors import BROKERS_DOWN, NOT_LET_IN, no_answer, told_when_opened
from clients.watching.log import EventLog, Seldom
from schemas.setting_groups import KafkaSettings

_log: Final = EventLog(__name__)
OnError = Callable[[KafkaError], None]
OnCommit = Callable[[KafkaError | None, list[TopicPartition]], None]
Config = dict[str, object]
SESSION_MS = 6_000  # the least that a broker allows by default
TOPIC_KNOWN_MS = 30_000  # until a topic that has just been made is known; the library's own
FETCH_WAIT_MS = 500  # how long the broker may collect records; the library's own
MEMORY_KIB = 65_536  # of what was fetched and not yet taken; the library's own


@dataclass(frozen=True, slots=True)
class Membership:
    """How a process is in its group.

    Attributes:
        group: Whose offsets are used.
        instance: Name of this process in the group, unique in it. With one, a restarted process
            has its partitions back at once; without, after the session timeout of the old one.
        cooperative: Whether others read on while partitions move. All members must agree.
    """

    group: str
    instance: str | None = None
    cooperative: bool = False


@dataclass(frozen=True, slots=True)
class Packing:
    """How a producer packs many records together, and how many may wait in its memory.

    The defaults are the library's own.
    """

    linger_ms: int
    batch_records: int = 10_000
    queue_records: int = 100_000
    queue_kib: int = 1_048_576


def client_id(name: str) -> str:
    """Return what the client of a static member calls itself: it tells the host from others."""
    return f"{name}@{socket.gethostname()}"


@told_when_opened()
def open_reader(
    kafka: KafkaSettings,
    name: str,
    *,
    tells_ends: bool = False,
    waits: bool = False,
    fetch_wait_ms: int = FETCH_WAIT_MS,
    memory_kib: int = MEMORY_KIB,
    on_commit: OnCommit | None = None,
) -> Consumer:
    """Return a consumer of no group: its partitions are assigned, and nothing commits by itself.

    Args:
        kafka: Where the brokers are, and how to sign in.
        name: Who reads, for the broker's log.
        tells_ends: Whether the end of a partition comes as a message.
        waits: Whether it waits for Kafka as long as it is away, and says so.
        fetch_wait_ms: How long the broker may collect records; a question of ours waits behind it.
        memory_kib: Bound of what was fetched and not yet taken.
        on_commit: Called, while records are asked for, with what became of a commit that nobody
            waited for.
    """
    answers = {} if on_commit is None else {"on_commit": on_commit}
    return Consumer(
        _reading(kafka, _waiting(kafka) if waits else None)
        | answers
        | {
            "client.id": name,
            "group.id": name,  # required by the client; it is never joined
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": tells_ends,
            "fetch.wait.max.ms": fetch_wait_ms,
            "queued.max.messages.kbytes": memory_kib,
        }
    )


@told_when_opened()
def open_member(
    kafka: KafkaSettings,
    membership: Membership,
    *,
    fetch_wait_ms: int = FETCH_WAIT_MS,
    fetch_bytes: int = 1,
    memory_kib: int = MEMORY_KIB,
) -> Consumer:
    """Return a consumer of a group that commits when it is told to.

    One that is shut out is told so by its next poll.

    Args:
        kafka: Where the brokers are, and how to sign in.
        membership: How it is in its group.
        fetch_wait_ms: How long the broker may collect records.
        fetch_bytes: With how many it answers earlier. With 1 each record brings an answer.
        memory_kib: Bound of what was fetched and not yet taken.
    """
    settings = _reading(kafka, _waiting(kafka)) | {
        "group.id": membership.group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": 1_000,
        "fetch.wait.max.ms": fetch_wait_ms,
        "fetch.min.bytes": fetch_bytes,
        "queued.max.messages.kbytes": memory_kib,
    }
    if membership.instance is not None:
        settings["group.instance.id"] = membership.instance
        settings["client.id"] = client_id(membership.instance)
    if membership.cooperative:
        settings["partition.assignment.strategy"] = "cooperative-sticky"
    return Consumer(settings)


@told_when_opened()
def open_subscriber(kafka: KafkaSettings, group: str | None, *, tells_ends: bool) -> Consumer:
    """Return a consumer for a program outside: in its group it commits what was stored as read.

    An offset that is not kept any more is an error: a program must not skip records unawares.
    """
    return Consumer(
        _reading(kafka, _waiting(kafka))
        | {
            "group.id": group or "candlewick-subscriber",
            "enable.auto.commit": group is not None,
            "auto.commit.interval.ms": 1_000,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": tells_ends,
        }
    )


@told_when_opened()
def open_producer(
    kafka: KafkaSettings,
    *,
    name: str | None = None,
    patience_s: float | None = None,
    packing: Packing | None = None,
    on_error: OnError | None = None,
) -> Producer:
    """Return a producer whose records are in order, never twice, and on all replicas.

    Args:
        kafka: Where the brokers are, and how to sign in.
        name: Who writes, for the broker's log.
        patience_s: How long a record may wait for the broker; None for ever.
        packing: How many records are packed together; None for one at a time.
        on_error: Told what belongs to no record.
    """
    settings = _common(kafka, on_error) | {
        "enable.idempotence": True,
        "acks": "all",
        # With more under way, a partition that finds its leader in between refuses the first batch
        # of a producer and takes the second; librdkafka then believes that the first is there too.
        "max.in.flight.requests.per.connection": 1,
        "partitioner": "murmur2_random",  # as Faust's: a key has one partition
        "message.timeout.ms": 0 if patience_s is None else int(patience_s * 1000),
    }
    if patience_s is not None:  # else its time would be over before a missing topic is told
        propagation_ms = min(TOPIC_KNOWN_MS, int(patience_s * 500))
        settings["topic.metadata.propagation.max.ms"] = propagation_ms
    if name is not None:
        settings["client.id"] = name
    if packing is not None:
        settings |= {
            "compression.type": "lz4",
            "linger.ms": packing.linger_ms,
            "batch.num.messages": packing.batch_records,
            "queue.buffering.max.messages": packing.queue_records,
            "queue.buffering.max.kbytes": packing.queue_kib,
        }
    return Producer(settings)


@told_when_opened()
def open_admin(kafka: KafkaSettings, on_error: OnError | None = None) -> AdminClient:
    """Return a client that asks for topics, offsets and groups, and makes topics.

    It says why brokers do not let it in when it is polled, which nobody else does.

    Args:
        kafka: Where the brokers are, and how to sign in.
        on_error: What `telling` returned, for who opens one client after the other.
    """
    return AdminClient(
        {
            **_access(kafka),
            "log_level": 0,
            "error_cb": on_error or telling(kafka),  # type: ignore[dict-item] # its types forget it
        }
    )


def _waiting(kafka: KafkaSettings) -> OnError:
    """Return the callback of who waits for Kafka as long as it is away."""
    seldom = Seldom()

    def notice(error: KafkaError) -> None:
        if error.code() == BROKERS_DOWN and seldom.is_due():
            _log.warning("kafka_away", "{reason}; waiting for it", reason=no_answer(kafka.place))

    return notice


def _reading(kafka: KafkaSettings, on_error: OnError | None) -> Config:
    # By default a full queue is looked at again only after a second.
    return _common(kafka, on_error) | {"fetch.queue.backoff.ms": 5}


def _access(kafka: KafkaSettings) -> dict[str, str]:
    said: dict[str, str] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": kafka.security_protocol,
    }
    if kafka.user:
        said |= {
            "sasl.mechanism": kafka.sasl_mechanism,
            "sasl.username": kafka.user,
            "sasl.password": kafka.sasl_password.get_secret_value(),
        }
    files = {
        "ssl.ca.location": kafka.ssl_ca,
        "ssl.certificate.location": kafka.ssl_certificate,
        "ssl.key.location": kafka.ssl_key,
    }
    return said | {name: str(file) for name, file in files.items() if file is not None}


def telling(kafka: KafkaSettings, on_error: OnError | None = None) -> OnError:
    """Return a callback that says why brokers do not let us in, which is no error of any call."""
    seldom = Seldom()

    def notice(error: KafkaError) -> None:
        if error.code() in NOT_LET_IN and seldom.is_due():
            _log.error(
                "kafka_refuses_us",
                "Kafka at {place} does not let us in: {reason}",
                place=kafka.place,
                reason=error.str(),
            )
        if on_error is not None:
            on_error(error)

    return notice


def _common(kafka: KafkaSettings, on_error: OnError | None) -> Config:
    return {
        **_access(kafka),
        "reconnect.backoff.max.ms": 1_000,  # back within a second of Kafka's return
        "log_level": 0,
        "error_cb": telling(kafka, on_error),
    }
