"""The groups of settings: what each part of the system may be told."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from schemas.setting_types import (
    Brokers,
    CoinIds,
    DatabaseName,
    HttpUrl,
    Intervals,
    OptionalClusterName,
    OptionalHttpUrl,
    Seconds,
    Secret,
    Since,
    UserName,
    WebsocketUrl,
)

MOST_INT = 2**63 - 1


class Group(BaseModel):
    """Settings that share a prefix. Frozen; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(Group):
    """Where the broker is and how topics are made."""

    bootstrap_servers: Brokers = Field(
        "127.0.0.1:9092", description="Brokers, host:port, comma separated."
    )
    partitions: int = Field(4, ge=1, le=1000, description="Partitions of every topic when created.")
    replication_factor: int = Field(
        1, ge=1, le=9, description="Copies of every topic when created."
    )


class ClickHouseSettings(Group):
    """Where the store is. There is no default password."""

    url: HttpUrl = Field("http://127.0.0.1:8123", description="HTTP interface.")
    user: UserName = Field("candlewick", description="User that writes.")
    password: Secret = Field(SecretStr(""), description="Its password.")
    reader_user: UserName = Field("reader", description="User that may only read.")
    reader_password: Secret = Field(SecretStr(""), description="Its password.")
    database: DatabaseName = Field("candlewick", description="Database.")
    cluster: OptionalClusterName = Field(
        None, description="Name of a ClickHouse cluster: turns the engines into Replicated ones."
    )

    @field_validator("reader_user")
    @classmethod
    def _is_another(cls, value: str, found: ValidationInfo) -> str:
        if value == found.data.get("user"):
            raise ValueError("it is the user that writes: choose another name")
        return value


class BinanceSettings(Group):
    """Where the exchange is. Public market data, no key."""

    stream_url: WebsocketUrl = Field(
        "wss://data-stream.binance.vision", description="Websocket streams."
    )
    rest_url: HttpUrl = Field("https://data-api.binance.vision", description="REST.")
    archive_url: HttpUrl = Field("https://data.binance.vision", description="Archive files.")


class StreamSettings(Group):
    """How the live stream is read."""

    linger_ms: int = Field(50, ge=0, le=5000, description="Longest wait of a trade for its block.")
    block_trades: int = Field(1000, ge=1, le=4096, description="Most trades in a block.")
    silence_s: Seconds = Field(
        15.0, description="A connection without a frame for this long is replaced."
    )
    rotate_h: float = Field(
        23.0, ge=1 / 3600, le=23.9, description="A connection is replaced after this many hours."
    )
    ahead_s: Seconds = Field(
        5.0,
        description="How far a frame may be ahead of the exchange's clock as measured; what is "
        "farther is a dead letter. More only where a simulated market runs faster than time.",
    )
    give_up_s: Seconds = Field(
        60.0, description="A gap that REST could not fill for this long is given up."
    )


class CandleSettings(Group):
    """How candles are closed."""

    lateness_ms: int = Field(
        2000,
        ge=0,
        le=60_000,
        description="A candle without a newer trade closes this long after its end, in event time.",
    )


class SimulationSettings(Group):
    """The simulated exchange of the local stack."""

    rate: float = Field(150.0, ge=0.01, le=5000, description="Trades a second over all symbols.")
    seed: int = Field(1, ge=0, le=MOST_INT, description="The same seed gives the same market.")


class BackfillSettings(Group):
    """What of the past the stack fetches and keeps complete by itself."""

    since: Since = Field(
        "30d",
        description="From when on: days back such as 30d, or a date such as 2017-08-01.",
    )
    intervals: Annotated[Intervals, NoDecode] = Field(
        ("15m", "1m"), min_length=1, description="Intervals, comma separated."
    )
    check_minutes: int = Field(
        15, ge=1, le=1440, description="Candles of the last hours are fetched again this often."
    )
    check_hours: int = Field(3, ge=1, le=12, description="So many hours.")

    @field_validator("intervals", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(" ", "").split(",")) if isinstance(value, str) else value


class CoinsSettings(Group):
    """What is asked of CoinGecko. Its public tier needs no key."""

    url: HttpUrl = Field("https://api.coingecko.com/api/v3", description="Address.")
    key: Secret = Field(SecretStr(""), description="Demo key; left out, the public tier.")
    every_s: int = Field(
        300, ge=30, le=86_400, description="Seconds from one question to the next."
    )
    history_days: int = Field(
        365, ge=0, le=365, description="Days of daily capitalisation fetched once; 0 for none."
    )
    ids: Annotated[CoinIds, NoDecode] = Field(
        default_factory=dict,
        description="CoinGecko's ids of further pairs: PEPEUSDT=pepe,UNIUSDT=uniswap.",
    )

    @field_validator("ids", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = (part.partition("=") for part in value.split(",") if part.strip())
        return {symbol.strip().upper(): coin_id.strip() for symbol, _, coin_id in parts}


class LifecycleSettings(Group):
    """How long the store keeps rows, counted from when they were stored."""

    trades_days: int = Field(30, ge=1, le=36_500, description="Trades are kept so many days.")
    trades_recompress_days: int = Field(
        2, ge=0, le=36_500, description="Trades are compressed harder after so many; 0 for never."
    )
    live_candles_days: int = Field(
        1, ge=1, le=36_500, description="States of open candles are kept so many days."
    )
    candles_days: int = Field(
        0, ge=0, le=36_500, description="Candles from trades are kept so many; 0 for ever."
    )
    klines_days: int = Field(
        0, ge=0, le=36_500, description="The exchange's candles are kept so many; 0 for ever."
    )
    candles_recompress_days: int = Field(
        7, ge=0, le=36_500, description="Both are compressed harder after so many; 0 for never."
    )
    coins_days: int = Field(
        0, ge=0, le=36_500, description="Coin profiles are kept so many; 0 for ever."
    )
    zstd_level: int = Field(6, ge=1, le=22, description="How hard: level of ZSTD.")


class GrafanaSettings(Group):
    """A Grafana that gets our dashboards, and annotations where its address is set."""

    url: OptionalHttpUrl = Field("", description="Address; left out, none.")
    token: Secret = Field(
        SecretStr(""), description="Token of a service account with the role Admin."
    )
    webhook: OptionalHttpUrl = Field("", description="Where alerts are posted; left out, nowhere.")
