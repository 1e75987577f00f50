"""Settings: named in one line when wrong, never half-read."""

from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from schemas.settings import DEFAULT_SYMBOLS, load_settings


@pytest.fixture(autouse=True)
def _empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_need_no_environment() -> None:
    assert load_settings().symbols == DEFAULT_SYMBOLS


def test_symbols_are_comma_separated_and_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEWICK_SYMBOLS", " btcusdt, ETHUSDT,btcusdt ")

    assert load_settings().symbols == ("BTCUSDT", "ETHUSDT")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CANDLEWICK_KAFKA__PARTITIONS", "none"),
        ("CANDLEWICK_KAFKA__PARTITIONS", "0"),
        ("CANDLEWICK_CLICKHOUSE__URL", "localhost:8123"),
        ("CANDLEWICK_SYMBOLS", "BTC/USDT"),
        ("CANDLEWICK_SYMBOLS", ""),
        ("CANDLEWICK_CANDLES__LATENESS_MS", "-1"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=name):
        load_settings()


def test_a_mistyped_name_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEWICK_KAFKA__BOOTSTRAP_SERVER", "x:1")

    with pytest.raises(ConfigurationError, match="CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"):
        load_settings()


def test_a_dotenv_file_is_held_to_the_same_rules_and_may_serve_others(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("GRAFANA_ADMIN_PASSWORD=x\nCANDLEWICK_KAFKA__PARTITIONS=3\n")
    partitions = load_settings().kafka.partitions
    dotenv.write_text("CANDLEWICK_SYMBOL=x\n")

    assert partitions == 3
    with pytest.raises(ConfigurationError, match="CANDLEWICK_SYMBOLS"):
        load_settings()


def test_passwords_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEWICK_CLICKHOUSE__PASSWORD", "hunter2")

    assert "hunter2" not in repr(load_settings())
