"""The groups of settings, one for each part of the system."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from schemas.setting_types import (
    MOST_DAYS,
    Brokers,
    CoinIds,
    DatabaseName,
    Host,
    HttpUrl,
    Intervals,
    ModelPlaces,
    OptionalClusterName,
    OptionalFile,
    OptionalHttpUrl,
    OptionalUserName,
    PortOrOff,
    PredictionDays,
    SaslMechanism,
    Seconds,
    Secret,
    SecurityProtocol,
    Since,
    Targets,
    UserName,
    WebsocketUrl,
    comma_pairs,
    target_pairs,
)

MOST_INT = 2**63 - 1


class Group(BaseModel):
    """Settings that share a prefix. Frozen; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(Group):
    """Address of the brokers, how to sign in there, and how topics are created."""

    bootstrap_servers: Brokers = Field(
        "127.0.0.1:9092", description="Brokers, host:port, comma separated."
    )
    security_protocol: SecurityProtocol = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, as the brokers ask."
    )
    sasl_mechanism: SaslMechanism = Field(
        "SCRAM-SHA-512", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; for SASL."
    )
    sasl_username: OptionalUserName = Field(None, description="User at the brokers; for SASL.")
    sasl_password: Secret = Field(
        SecretStr(""), validate_default=True, description="Password of this user."
    )
    ssl_ca: OptionalFile = Field(
        None,
        description="PEM file of the authority that signed the brokers' certificates. If not set: "
        "the authorities of the system.",
    )
    ssl_certificate: OptionalFile = Field(
        None, description="PEM file of our own certificate, if the brokers ask for one."
    )
    ssl_key: OptionalFile = Field(
        None, validate_default=True, description="PEM file of its key, without a password."
    )
    partitions: int = Field(
        4, ge=1, le=1000, description="Partitions of each topic that is created."
    )
    replication_factor: int = Field(
        1, ge=1, le=9, description="Copies of each topic that is created."
    )

    @property
    def place(self) -> str:
        """The brokers, for an error: with TLS or a user also how they were asked."""
        if self.security_protocol == "PLAINTEXT":
            return self.bootstrap_servers
        user = f" as {self.user}" if self.user else ""
        return f"{self.bootstrap_servers} ({self.security_protocol}{user})"

    @property
    def user(self) -> str | None:
        """Who signs in with a password; None if the brokers do not ask for one."""
        return self.sasl_username if self.security_protocol.startswith("SASL_") else None

    @property
    def is_encrypted(self) -> bool:
        """Whether the brokers are reached by TLS."""
        return self.security_protocol.endswith("SSL")

    @field_validator("ssl_key")
    @classmethod
    def _with_certificate(cls, value: Path | None, found: ValidationInfo) -> Path | None:
        if (value is None) != (found.data.get("ssl_certificate") is None):
            raise ValueError(
                "certificate and key belong together: set CANDLEWICK_KAFKA__SSL_CERTIFICATE too, "
                "or neither"
            )
        return value

    @field_validator("sasl_password")
    @classmethod
    def _with_user(cls, value: SecretStr, found: ValidationInfo) -> SecretStr:
        asked = str(found.data.get("security_protocol")).startswith("SASL_")
        if asked and not (value.get_secret_value() and found.data.get("sasl_username")):
            raise ValueError(
                "CANDLEWICK_KAFKA__SECURITY_PROTOCOL says that the brokers ask for a user: set "
                "CANDLEWICK_KAFKA__SASL_USERNAME and this"
            )
        return value


class ClickHouseSettings(Group):
    """Address, users and database of the store. There is no default password."""

    url: HttpUrl = Field("http://127.0.0.1:8123", description="URL of the HTTP interface.")
    user: UserName = Field("candlewick", description="User that writes.")
    password: Secret = Field(SecretStr(""), description="Password of the user that writes.")
    reader_user: UserName = Field("reader", description="User that may only read.")
    reader_password: Secret = Field(SecretStr(""), description="Password of the user that reads.")
    database: DatabaseName = Field("candlewick", description="Name of the database.")
    cluster: OptionalClusterName = Field(
        None, description="Name of a ClickHouse cluster; makes the tables replicated."
    )
    replicas: int = Field(1, ge=1, le=99, description="Replicas there must be to make tables.")

    @field_validator("reader_user")
    @classmethod
    def _is_another(cls, value: str, found: ValidationInfo) -> str:
        if value == found.data.get("user"):
            raise ValueError("it is the user that writes: choose another name")
        return value


class BinanceSettings(Group):
    """Addresses of the exchange. Its market data is public and needs no key."""

    stream_url: WebsocketUrl = Field(
        "wss://data-stream.binance.vision", description="URL of the websocket streams."
    )
    rest_url: HttpUrl = Field("https://data-api.binance.vision", description="URL of REST.")
    archive_url: HttpUrl = Field("https://data.binance.vision", description="URL of the archive.")


class SimulationSettings(Group):
    """The simulated exchange of the local stack."""

    rate: float = Field(150.0, ge=0.01, le=5000, description="Trades a second over all symbols.")
    seed: int = Field(1, ge=0, le=MOST_INT, description="The same seed gives the same market.")


class BackfillSettings(Group):
    """The part of the past that the stack fetches and keeps complete by itself."""

    since: Since = Field(
        "30d",
        description="Start: days back such as 30d, or a date such as 2017-08-01.",
    )
    intervals: Annotated[Intervals, NoDecode] = Field(
        ("15m", "1m"), min_length=1, description="Candle intervals, comma separated."
    )
    check_minutes: int = Field(
        15, ge=1, le=1440, description="Minutes between two checks of the newest candles."
    )
    check_hours: int = Field(3, ge=1, le=12, description="Hours of candles in such a check.")

    @field_validator("intervals", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(" ", "").split(",")) if isinstance(value, str) else value


class CoinsSettings(Group):
    """Requests to CoinGecko. Its public tier needs no key."""

    url: HttpUrl = Field("https://api.coingecko.com/api/v3", description="Address of the API.")
    key: Secret = Field(SecretStr(""), description="Demo key. If not set: the public tier.")
    every_s: int = Field(300, ge=30, le=86_400, description="Seconds from one request to the next.")
    history_days: int = Field(
        365, ge=0, le=365, description="Days of daily capitalisation fetched once; 0 for none."
    )
    ids: Annotated[CoinIds, NoDecode] = Field(
        default_factory=dict,
        description="CoinGecko ids of further pairs: PEPEUSDT=pepe,UNIUSDT=uniswap.",
    )

    @field_validator("ids", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return {symbol.upper(): coin_id for symbol, coin_id in comma_pairs(value)}


class ModelSettings(Group):
    """Models of others that take part in the predictions. docs/own-models.md says how."""

    extra: Annotated[ModelPlaces, NoDecode] = Field(
        default_factory=dict,
        description="Further models: name=package.module:factory, comma separated. The factory "
        "returns a regressor or classifier of River.",
    )
    extra_answer_s: Seconds = Field(
        1.0, description="Seconds that such a model may take for one answer."
    )
    extra_memory_mb: int = Field(
        1024, ge=256, le=1_000_000, description="Memory that the process of such a model may take."
    )

    @field_validator("extra", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return dict(comma_pairs(value))


class LifecycleSettings(Group):
    """How long the store keeps rows, counted from when they were stored."""

    trades_days: int = Field(30, ge=1, le=MOST_DAYS, description="Days that trades are kept.")
    trades_recompress_days: int = Field(
        2, ge=0, le=MOST_DAYS, description="Days until trades are compressed harder; 0 for never."
    )
    live_candles_days: int = Field(
        1, ge=1, le=MOST_DAYS, description="Days that states of open candles are kept."
    )
    candles_days: int = Field(
        0, ge=0, le=MOST_DAYS, description="Days that candles from trades are kept; 0 for ever."
    )
    seconds_days: int = Field(
        7, ge=1, le=MOST_DAYS, description="Days that candles of one second are kept."
    )
    klines_days: int = Field(
        0, ge=0, le=MOST_DAYS, description="Days that the exchange's candles are kept; 0 for ever."
    )
    candles_recompress_days: int = Field(
        7, ge=0, le=MOST_DAYS, description="Days until candles are compressed harder; 0 for never."
    )
    predictions_days: PredictionDays = Field(
        0, description="Days that predictions and scores are kept, at least 35; 0 for ever."
    )
    coins_days: int = Field(
        0, ge=0, le=MOST_DAYS, description="Days that coin profiles are kept; 0 for ever."
    )
    zstd_level: int = Field(6, ge=1, le=22, description="ZSTD level of the harder compression.")


class GrafanaSettings(Group):
    """A Grafana for our dashboards; it also gets annotations if its address is set."""

    url: OptionalHttpUrl = Field("", description="Address. If not set: no Grafana.")
    token: Secret = Field(
        SecretStr(""), description="Token of a service account with the role Admin."
    )
    webhook: OptionalHttpUrl = Field("", description="URL that alerts are posted to, if set.")


class NotifySettings(Group):
    """Messages about events of the pipeline, by the rules of a file."""

    rules: OptionalFile = Field(
        None,
        description="YAML file with the rules of notifications; docs/notifications.md has all "
        "keys. If not set: the stack has no process `notify`.",
    )
    targets: Targets = Field(
        SecretStr(""),
        description="Addresses of targets by name, with blanks between: "
        "`phone=tgram://TOKEN/CHAT mail=mailtos://USER:PASSWORD@example.com`.",
    )
    page: OptionalHttpUrl = Field(
        "", description="Address of the page as people reach it, for links in messages."
    )

    @property
    def addresses(self) -> dict[str, SecretStr]:
        """The addresses of `targets` by name."""
        return {name: SecretStr(url) for name, url in target_pairs(self.targets)}


class MetricsSettings(Group):
    """Where each process serves its metrics, for Prometheus."""

    port: PortOrOff = Field(
        None,
        description="Port of `/metrics`; 0 for any free one; `off`. If not set: off, and in the "
        "local stack 0. With 0 each process writes its address into `metrics/` of the data folder.",
    )
    host: Host = Field(
        "127.0.0.1",
        description="Address that metrics are served on. They are open to all who reach it.",
    )
