"""The ports of the local stack: each from its flag, else the settings, else the default."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from candlewick.stack.ports import LOOPBACK, MOST_PORT, is_free
from schemas.errors import ConfigurationError
from schemas.settings import Settings

EXCHANGE_PORT = 9443
API_PORT = 8000
LOCAL_NAMES = {LOOPBACK, "localhost"}


class Market(StrEnum):
    """Whose trades a folder holds: symbols are called the same in both."""

    REAL = "real"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Loopback ports of the servers; `exchange` is None when the real exchange is used."""

    kafka: int
    clickhouse: int
    exchange: int | None
    api: int = API_PORT

    @property
    def market(self) -> Market:
        """Whose trades a stack with these addresses stores."""
        return Market.REAL if self.exchange is None else Market.SIMULATED

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's address, host:port."""
        return f"{LOOPBACK}:{self.kafka}"

    @property
    def clickhouse_url(self) -> str:
        """URL of ClickHouse's HTTP interface."""
        return f"http://{LOOPBACK}:{self.clickhouse}"

    def ports(self) -> dict[str, int]:
        """Return the ports by the names of their servers."""
        return {name: port for name, port in asdict(self).items() if port is not None}

    def check_free(self, api_host: str = LOOPBACK) -> None:
        """Check that every port is free.

        Args:
            api_host: Where the API listens; all others listen on loopback.

        Raises:
            ConfigurationError: A port is taken, and the message names the flag that changes it. Or
                nobody could listen there.
        """
        for name, port in self.ports().items():
            if not is_free(port, api_host if name == "api" else LOOPBACK):
                raise ConfigurationError(
                    f"port {port} for {name} is taken: free it, or choose another one with "
                    f"--{name}-port"
                )


def choose_addresses(
    settings: Settings,
    *,
    live: bool,
    kafka: int | None = None,
    clickhouse: int | None = None,
    exchange: int | None = None,
    api: int | None = None,
) -> Addresses:
    """Return the ports on which the servers of a local stack listen.

    Raises:
        ConfigurationError: The settings name another machine, two servers share a port, or a port
            is out of range.
    """
    brokers = "//" + settings.kafka.bootstrap_servers
    store = settings.clickhouse.url
    chosen = Addresses(
        kafka=_given("kafka", kafka) or _local_port(brokers, "KAFKA__BOOTSTRAP_SERVERS"),
        clickhouse=_given("clickhouse", clickhouse) or _local_port(store, "CLICKHOUSE__URL"),
        exchange=None if live else _given("exchange", exchange) or EXCHANGE_PORT,
        api=_given("api", api) or settings.api.port,
    )
    ports = chosen.ports()
    if len(set(ports.values())) < len(ports):
        given = ", ".join(f"{name} {port}" for name, port in ports.items())
        raise ConfigurationError(f"two servers have the same port ({given}): give each its own")
    return chosen


def local_settings(settings: Settings, addresses: Addresses) -> Settings:
    """Return the settings with the addresses replaced by those of the local servers."""
    kafka = settings.kafka.model_copy(
        update={
            "bootstrap_servers": addresses.bootstrap_servers,
            "security_protocol": "PLAINTEXT",  # ours listens on loopback only
        }
    )
    clickhouse = settings.clickhouse.model_copy(update={"url": addresses.clickhouse_url})
    binance, coins = settings.binance, settings.coins
    if addresses.exchange is not None:
        host = f"{LOOPBACK}:{addresses.exchange}"
        urls = {"stream_url": f"ws://{host}", "rest_url": f"http://{host}"}
        binance = binance.model_copy(update=urls | {"archive_url": f"http://{host}"})
        coins = coins.model_copy(update={"url": f"http://{host}/api/v3"})
    api = settings.api.model_copy(update={"port": addresses.api})
    metrics = settings.metrics
    if "port" not in metrics.model_fields_set:  # any free one: many processes share this machine
        metrics = metrics.model_copy(update={"port": 0})
    parts = {"kafka": kafka, "clickhouse": clickhouse, "binance": binance, "coins": coins}
    return settings.model_copy(update=parts | {"api": api, "metrics": metrics})


def _given(name: str, port: int | None) -> int | None:
    if port is not None and not 0 < port <= MOST_PORT:
        raise ConfigurationError(f"--{name}-port {port} is not a port: choose 1 to {MOST_PORT}")
    return port


def _local_port(url: str, variable: str) -> int:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.hostname not in LOCAL_NAMES or port is None:
        raise ConfigurationError(
            f"CANDLEWICK_{variable} must be {LOOPBACK} with a port, as the local stack runs on "
            "this machine: unset it, or start single processes with `candlewick run`"
        )
    return port
