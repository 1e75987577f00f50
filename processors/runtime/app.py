"""The Faust application shared by all workers: settings, transport, topics, dead letters."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import faust
from faust.auth import Credentials, SASLCredentials, SSLCredentials
from faust.transport.base import Transport

from clients.kafka.opening import client_id
from clients.process import leave
from clients.watching.metrics import count_dead_letters
from processors.runtime.bundles import BundlingTransport, Keeper
from processors.runtime.transport import CarefulTransport
from schemas import topics
from schemas.errors import ConfigurationError
from schemas.settings import KafkaSettings, Settings

SESSION_S = 6.0  # the broker's minimum
FIRST_STATES_S = 600.0  # they are read in seconds, and watched from then on only


def _name_lost() -> None:
    leave("another process has joined the group under this one's name")


class WorkerApp(faust.App):
    """Faust application on the careful transport, without Faust's monitor: nobody reads it.

    Attributes:
        bundled: Topics whose records come in bundles; see `processors.runtime.bundles`.
        gather_ms: How long those records may gather at Kafka while few come, in milliseconds.
        newest_s: Where the group has committed nothing it begins with the records of so many
            seconds, for an application whose answers to older ones are of no use; None for all.
        keeper: What stores the outcome of those records before a commit.
        name_lost: Called when another process has taken the static name, before it is taken back.
    """

    bundled: frozenset[str] = frozenset()
    gather_ms: int = 0
    newest_s: float | None = None
    keeper: Keeper | None = None
    name_lost: Callable[[], None] = staticmethod(_name_lost)

    def on_init_dependencies(self) -> Iterable[Any]:
        """Return the services of the application."""
        services: Iterable[Any] = super().on_init_dependencies()
        self.sensors.remove(self.monitor)
        self.sensors.add(faust.Sensor())  # it does nothing, but Faust wants one for a rebalance
        return services

    async def on_started(self) -> None:
        """Begin with the work once the states are read; end the process if they never are."""
        why = f"the states were not read in {FIRST_STATES_S:.0f} s"
        late = asyncio.get_running_loop().call_later(FIRST_STATES_S, leave, why)
        try:
            await super().on_started()
        finally:
            late.cancel()

    def _new_transport(self) -> Transport:
        transport = BundlingTransport if self.bundled else CarefulTransport
        return transport(self.conf.broker_consumer, self)


def worker_app(
    app_id: str,
    settings: Settings,
    *,
    name: str,
    folder: Path,
    waits_empty: bool = True,
    bundled: frozenset[str] = frozenset(),
) -> WorkerApp:
    """Return an application without agents, with the settings all workers share.

    Args:
        app_id: Name of the consumer group, and of the reader in dead letters.
        settings: Address of the broker and number of partitions.
        name: Static member name within the group.
        folder: Folder for Faust's own files.
        waits_empty: Whether a rebalance and a shutdown wait for the messages in progress.
        bundled: Topics whose records come in bundles; the application then needs a keeper.
    """
    servers = settings.kafka.bootstrap_servers.split(",")
    app = WorkerApp(
        app_id,
        broker=[f"kafka://{server.strip()}" for server in servers],
        broker_credentials=credentials_of(settings.kafka),
        broker_client_id=client_id(name),
        consumer_group_instance_id=name,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=SESSION_S,
        broker_rebalance_timeout=SESSION_S,
        broker_heartbeat_interval=1.0,
        broker_commit_interval=1.0,
        producer_compression_type="lz4",
        producer_linger=0.005,
        producer_max_batch_size=131_072,
        store="memory://",
        stream_wait_empty=waits_empty,
        datadir=str(folder),
        table_standby_replicas=0,
        topic_partitions=settings.kafka.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        TableManager="processors.runtime.recovery:OrderedTables",
        web_enabled=False,
    )
    app.bundled = bundled
    count_dead_letters(app_id)
    return app


def credentials_of(kafka: KafkaSettings) -> Credentials | None:
    """Return how a worker signs in at the brokers; None if they ask for nothing.

    Raises:
        ConfigurationError: A certificate or a key cannot be read.
    """
    context = _tls(kafka) if kafka.is_encrypted else None
    if kafka.user:
        return SASLCredentials(
            mechanism=kafka.sasl_mechanism,
            username=kafka.user,
            password=kafka.sasl_password.get_secret_value(),
            ssl_context=context,
        )
    return None if context is None else SSLCredentials(context)


def _tls(kafka: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.ssl_ca)
        if kafka.ssl_certificate is not None:
            context.load_cert_chain(kafka.ssl_certificate, kafka.ssl_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the certificates for Kafka cannot be read ({error}): check CANDLEWICK_KAFKA__SSL_CA, "
            "…__SSL_CERTIFICATE and …__SSL_KEY"
        ) from error
    return context


def raw_topic(
    app: WorkerApp, topic: topics.Topic, *, most_waiting: int | None = None
) -> faust.TopicT:
    """Return a topic of raw bytes; `schemas.codecs` encodes and decodes them.

    Args:
        app: The application.
        topic: The topic.
        most_waiting: So many messages at most wait for the agent; None for Faust's default.
    """
    return app.topic(topic.name, key_serializer="raw", value_serializer="raw", maxsize=most_waiting)
