"""All settings, read from the environment (``CANDLEWICK_...``) or a ``.env`` file."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from dotenv import dotenv_values
from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.api_settings import ApiSettings, HealthSettings
from schemas.errors import ConfigurationError, own_words
from schemas.live_settings import CandleSettings, SinkSettings, StreamSettings
from schemas.setting_groups import (
    BackfillSettings,
    BinanceSettings,
    ClickHouseSettings,
    CoinsSettings,
    GrafanaSettings,
    Group,
    KafkaSettings,
    LifecycleSettings,
    MetricsSettings,
    ModelSettings,
    NotifySettings,
    SimulationSettings,
)
from schemas.setting_types import Folder, Symbols
from schemas.symbol_patterns import named_in, written

__all__ = [
    "DEFAULT_SYMBOLS",
    "PREFIX",
    "ApiSettings",
    "BackfillSettings",
    "BinanceSettings",
    "CandleSettings",
    "ClickHouseSettings",
    "CoinsSettings",
    "GrafanaSettings",
    "HealthSettings",
    "KafkaSettings",
    "LifecycleSettings",
    "MetricsSettings",
    "ModelSettings",
    "NotifySettings",
    "Settings",
    "SimulationSettings",
    "SinkSettings",
    "StreamSettings",
    "known_variables",
    "load_settings",
    "model_settings",
    "variable_name",
]

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


class Settings(BaseSettings):
    """All settings. Build them once, with `load_settings`, and pass them down."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=_DOTENV,
        frozen=True,
        extra="ignore",  # other programs may keep variables in the same file
        hide_input_in_errors=True,  # it may be a secret, and a stack trace would show it
    )

    symbols: Annotated[Symbols, NoDecode] = Field(
        DEFAULT_SYMBOLS,
        min_length=1,
        description="Trading pairs to follow, comma separated: BTCUSDT; `*USDT`; `top:50:USDT`, "
        "the 50 with the highest volume of 24 hours. docs/symbols.md says how.",
    )
    data_dir: Folder = Field(Path(".candlewick"), description="Folder of the local stack.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Log level.")
    log_format: str = Field(
        "text",
        pattern="^(text|json)$",
        description="Form of the log: `text` for people, or `json`, one object a line.",
    )
    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    binance: BinanceSettings = BinanceSettings()
    stream: StreamSettings = StreamSettings()
    candles: CandleSettings = CandleSettings()
    api: ApiSettings = ApiSettings()
    health: HealthSettings = HealthSettings()
    sinks: SinkSettings = SinkSettings()
    simulation: SimulationSettings = SimulationSettings()
    backfill: BackfillSettings = BackfillSettings()
    coins: CoinsSettings = CoinsSettings()
    models: ModelSettings = ModelSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    grafana: GrafanaSettings = GrafanaSettings()
    notify: NotifySettings = NotifySettings()
    metrics: MetricsSettings = MetricsSettings()

    @field_validator("symbols", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return written(value)

    @property
    def named_symbols(self) -> tuple[str, ...]:
        """The symbols that the setting names in full."""
        return named_in(self.symbols)


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        ConfigurationError: A value is wrong, or a ``CANDLEWICK_`` variable is not a setting; the
            message names the variable. Or the ``.env`` file is not text.
    """
    try:
        _refuse_unknown_names()
        return Settings()
    except UnicodeDecodeError as error:
        here = Path(_DOTENV).absolute()
        raise ConfigurationError(f"{here} is not UTF-8 text: rewrite it or remove it") from error
    except ValidationError as error:
        raise ConfigurationError("; ".join(map(_line, error.errors()))) from error


def model_settings(extra: str) -> ModelSettings:
    """Return the settings of models with other models of others.

    Raises:
        ConfigurationError: The text is not ``name=package.module:factory[,…]``.
    """
    known = load_settings().models.model_dump()
    try:
        return ModelSettings.model_validate(known | {"extra": extra})
    except ValidationError as error:
        raise ConfigurationError(own_words(error.errors()[0]["msg"])) from None


def _line(error: ErrorDetails) -> str:
    name = variable_name(*map(str, error["loc"][:2]))
    return f"{name}: {own_words(error['msg'])}"


def variable_name(*path: str) -> str:
    """Return the environment variable of a setting, such as ``kafka``, ``partitions``."""
    return PREFIX + "__".join(path).upper()


def known_variables() -> Iterator[str]:
    """Yield the environment variable of every setting."""
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, Group):
            yield from (variable_name(name, inner) for inner in group.model_fields)
        else:
            yield variable_name(name)


def _refuse_unknown_names() -> None:
    known = set(known_variables())
    for name in (*os.environ, *dotenv_values(_DOTENV)):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = get_close_matches(name.upper(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else "docs/settings.md lists all of them"
            raise ConfigurationError(f"{name} is not a setting: {hint}")
