"""What a person may set, from the environment (``CANDLEWICK_...``) or a ``.env`` file."""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.errors import ConfigurationError

PREFIX = "CANDLEWICK_"
_DOTENV = ".env"
DEFAULT_SYMBOLS = (
    "BTCUSDT",
    "ETHUSDT",
    "BNBUSDT",
    "SOLUSDT",
    "XRPUSDT",
    "ADAUSDT",
    "DOGEUSDT",
    "DOTUSDT",
    "LINKUSDT",
    "LTCUSDT",
    "USDCUSDT",
)


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(_Group):
    """Where the broker is and how topics are made."""

    bootstrap_servers: str = Field(
        "127.0.0.1:9092", description="Brokers, host:port, comma separated."
    )
    partitions: int = Field(4, ge=1, le=1000, description="Partitions of every topic when created.")
    replication_factor: int = Field(
        1, ge=1, le=9, description="Copies of every topic when created."
    )


class ClickHouseSettings(_Group):
    """Where the store is. There is no default password."""

    url: str = Field("http://127.0.0.1:8123", pattern=r"^https?://", description="HTTP interface.")
    user: str = Field("candlewick", description="User that writes.")
    password: SecretStr = Field(SecretStr(""), description="Its password.")
    reader_user: str = Field("reader", description="User that may only read.")
    reader_password: SecretStr = Field(SecretStr(""), description="Its password.")
    database: str = Field(
        "candlewick", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Database."
    )
    cluster: str | None = Field(
        None, description="Name of a ClickHouse cluster: turns the engines into Replicated ones."
    )


class BinanceSettings(_Group):
    """Where the exchange is. Public market data, no key."""

    stream_url: str = Field(
        "wss://data-stream.binance.vision", pattern=r"^wss?://", description="Websocket streams."
    )
    rest_url: str = Field(
        "https://data-api.binance.vision", pattern=r"^https?://", description="REST."
    )
    archive_url: str = Field(
        "https://data.binance.vision", pattern=r"^https?://", description="Archive files."
    )


class StreamSettings(_Group):
    """How the live stream is read."""

    linger_ms: int = Field(50, ge=0, le=5000, description="Longest wait of a trade for its block.")
    block_trades: int = Field(1000, ge=1, le=4096, description="Most trades in a block.")
    silence_s: float = Field(
        15.0, gt=0, description="A connection without a frame for this long is replaced."
    )
    rotate_h: float = Field(
        23.0, gt=0, le=23.9, description="A connection is replaced after this many hours."
    )
    give_up_s: float = Field(
        60.0, gt=0, description="A gap that REST could not fill for this long is given up."
    )


class CandleSettings(_Group):
    """How candles are closed."""

    lateness_ms: int = Field(
        2000,
        ge=0,
        le=60_000,
        description="A candle without a newer trade closes this long after its end, in event time.",
    )


class SimulationSettings(_Group):
    """The simulated exchange of the local stack."""

    rate: float = Field(150.0, gt=0, le=5000, description="Trades a second over all symbols.")
    seed: int = Field(1, ge=0, description="The same seed gives the same market.")


class Settings(BaseSettings):
    """Everything that may be set. Build it once, with `load_settings`, and pass it down."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=_DOTENV,
        frozen=True,
        extra="ignore",  # other programs' variables live in the same file
    )

    symbols: Annotated[tuple[str, ...], NoDecode] = Field(
        DEFAULT_SYMBOLS, min_length=1, description="Pairs to follow, comma separated."
    )
    data_dir: Path = Field(Path(".candlewick"), description="Folder of the local stack.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Log level.")
    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    binance: BinanceSettings = BinanceSettings()
    stream: StreamSettings = StreamSettings()
    candles: CandleSettings = CandleSettings()
    simulation: SimulationSettings = SimulationSettings()

    @field_validator("symbols", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(
            dict.fromkeys(name.strip().upper() for name in value.split(",") if name.strip())
        )

    @field_validator("symbols")
    @classmethod
    def _are_symbols(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"[A-Z0-9]{2,20}", name):
                raise ValueError(f"{name!r} is no symbol; write for example BTCUSDT,ETHUSDT")
        return value


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        ConfigurationError: A value is wrong, or a ``CANDLEWICK_`` variable is not a setting; the
            message has a line for each, with the variable's name.
    """
    _refuse_unknown_names()
    try:
        return Settings()
    except ValidationError as error:
        lines = (f"{variable_name(*map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigurationError("; ".join(lines)) from error


def variable_name(*path: str) -> str:
    """Return the environment variable of a setting, for example of ``kafka``, ``partitions``."""
    return PREFIX + "__".join(path).upper()


def known_variables() -> Iterator[str]:
    """Yield the environment variable of every setting."""
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, _Group):
            yield from (variable_name(name, inner) for inner in group.model_fields)
        else:
            yield variable_name(name)


def _refuse_unknown_names() -> None:
    known = set(known_variables())
    for name in (*os.environ, *dotenv_values(_DOTENV)):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = get_close_matches(name.upper(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else "see the settings in the README"
            raise ConfigurationError(f"{name} is not a setting: {hint}")
