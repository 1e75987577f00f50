"""Settings: named in one line when wrong, never half-read."""

import os
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from schemas.setting_groups import Group
from schemas.settings import DEFAULT_SYMBOLS, Settings, load_settings, variable_name


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
        ("CANDLEWICK_DATA_DIR", ""),
        ("CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS", "localhost"),
        ("CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS", "kafka:70000"),
        ("CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS", "kafka:9092,,other:9092"),
        ("CANDLEWICK_CLICKHOUSE__URL", "http://"),
        ("CANDLEWICK_CLICKHOUSE__URL", "http://store:99999"),
        ("CANDLEWICK_CLICKHOUSE__URL", "http://a store:8123"),
        ("CANDLEWICK_CLICKHOUSE__USER", ""),
        ("CANDLEWICK_CLICKHOUSE__USER", "a:b"),
        ("CANDLEWICK_CLICKHOUSE__READER_USER", "candlewick"),
        ("CANDLEWICK_CLICKHOUSE__PASSWORD", " secret"),
        ("CANDLEWICK_CLICKHOUSE__DATABASE", "system"),
        ("CANDLEWICK_CLICKHOUSE__DATABASE", "a" * 65),
        ("CANDLEWICK_CLICKHOUSE__CLUSTER", "it's"),
        ("CANDLEWICK_BINANCE__STREAM_URL", "wss://"),
        ("CANDLEWICK_BINANCE__STREAM_URL", "https://stream.binance.com"),
        ("CANDLEWICK_BINANCE__REST_URL", "https://999.1.1.1"),
        ("CANDLEWICK_STREAM__SILENCE_S", "inf"),
        ("CANDLEWICK_STREAM__SILENCE_S", "nan"),
        ("CANDLEWICK_STREAM__ROTATE_H", "1e-300"),
        ("CANDLEWICK_STREAM__GIVE_UP_S", "1e12"),
        ("CANDLEWICK_API__HOST", "999.1.1.1"),
        ("CANDLEWICK_API__HOST", "http://localhost"),
        ("CANDLEWICK_API__USERS_URL", "x"),
        ("CANDLEWICK_BACKFILL__SINCE", "2026-13-01"),
        ("CANDLEWICK_BACKFILL__SINCE", "2999-01-01"),
        ("CANDLEWICK_BACKFILL__SINCE", "0001-01-01"),
        ("CANDLEWICK_BACKFILL__SINCE", "-3d"),
        ("CANDLEWICK_LIFECYCLE__TRADES_DAYS", "30000"),
        ("CANDLEWICK_LIFECYCLE__PREDICTIONS_DAYS", "30000"),
        ("CANDLEWICK_MODELS__EXTRA", "a=x.y:z,a=p.q:r"),
        ("CANDLEWICK_COINS__IDS", "PEPEUSDT=pepe,pepeusdt=other"),
        ("CANDLEWICK_API__ORIGINS", "https://Example.com"),
        ("CANDLEWICK_API__ORIGINS", "https://example.com:443"),
        ("CANDLEWICK_API__ORIGINS", "http://"),
        ("CANDLEWICK_BACKFILL__INTERVALS", "7m"),
        ("CANDLEWICK_BACKFILL__INTERVALS", "1s"),
        ("CANDLEWICK_CANDLES__SECONDS", "1s"),
        ("CANDLEWICK_BACKFILL__INTERVALS", "1m,,15m"),
        ("CANDLEWICK_COINS__IDS", "a"),
        ("CANDLEWICK_COINS__IDS", "PEPEUSDT="),
        ("CANDLEWICK_COINS__EVERY_S", "99999999999"),
        ("CANDLEWICK_MODELS__EXTRA", "mine"),
        ("CANDLEWICK_MODELS__EXTRA", "mine=module"),
        ("CANDLEWICK_MODELS__EXTRA", "online=module:factory"),
        ("CANDLEWICK_MODELS__EXTRA", "Mine=module:factory"),
        ("CANDLEWICK_MODELS__EXTRA", "mine=module:factory@price"),
        ("CANDLEWICK_LIFECYCLE__TRADES_DAYS", "0"),
        ("CANDLEWICK_LIFECYCLE__LIVE_CANDLES_DAYS", "0"),
        ("CANDLEWICK_LIFECYCLE__PREDICTIONS_DAYS", "30"),
        ("CANDLEWICK_LIFECYCLE__PREDICTIONS_DAYS", "-1"),
        ("CANDLEWICK_SIMULATION__RATE", "1e-300"),
        ("CANDLEWICK_SIMULATION__SEED", "9" * 30),
        ("CANDLEWICK_GRAFANA__URL", "https://"),
        ("CANDLEWICK_GRAFANA__WEBHOOK", "http://hook:0"),
        ("CANDLEWICK_API__HOST", "a b"),
        ("CANDLEWICK_API__HOST", ""),
        ("CANDLEWICK_API__TRUSTED_PROXIES", "*"),
        ("CANDLEWICK_API__TRUSTED_PROXIES", "10.0.0.1,proxy"),
        ("CANDLEWICK_API__TRUSTED_PROXIES", "10.0.0.1/8"),
        ("CANDLEWICK_API__REQUEST_S", "inf"),
        ("CANDLEWICK_API__REQUEST_S", "nan"),
        ("CANDLEWICK_API__REQUESTS_PER_MINUTE", "-1"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=name):
        load_settings()


def _defaults() -> Iterator[tuple[str, object]]:
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Group):
            for inner in type(field.default).model_fields:
                yield variable_name(name, inner), getattr(field.default, inner)
        else:
            yield variable_name(name), field.default


DEFAULTS = dict(_defaults())
NO_NUMBERS = [
    "nan",
    "inf",
    "-inf",
    "1e300",
    "-1e300",
    "-1",
    "9" * 40,
    "0x10",
    "\u0663",
    "x",
    "1,5",
    "",
]
NO_TEXT = ["a\nb", "\x7f", "\u200b", "a\tb"]
MAY_BE_EMPTY = {
    "CANDLEWICK_KAFKA__SASL_PASSWORD",
    "CANDLEWICK_KAFKA__SASL_USERNAME",
    "CANDLEWICK_KAFKA__SSL_CA",
    "CANDLEWICK_KAFKA__SSL_CERTIFICATE",
    "CANDLEWICK_KAFKA__SSL_KEY",
    "CANDLEWICK_METRICS__PORT",
    "CANDLEWICK_CLICKHOUSE__PASSWORD",
    "CANDLEWICK_CLICKHOUSE__READER_PASSWORD",
    "CANDLEWICK_CLICKHOUSE__CLUSTER",
    "CANDLEWICK_API__CERTIFICATE",
    "CANDLEWICK_API__KEY",
    "CANDLEWICK_API__TRUSTED_PROXIES",
    "CANDLEWICK_API__USERS_URL",
    "CANDLEWICK_COINS__KEY",
    "CANDLEWICK_COINS__IDS",
    "CANDLEWICK_MODELS__EXTRA",
    "CANDLEWICK_GRAFANA__URL",
    "CANDLEWICK_GRAFANA__TOKEN",
    "CANDLEWICK_API__ORIGINS",
    "CANDLEWICK_API__ROOT_PATH",
    "CANDLEWICK_GRAFANA__WEBHOOK",
    "CANDLEWICK_NOTIFY__RULES",
    "CANDLEWICK_NOTIFY__TARGETS",
    "CANDLEWICK_NOTIFY__PAGE",
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_no_setting_takes_what_none_of_its_kind_can_be(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    is_number = isinstance(DEFAULTS[name], int | float)
    for value in NO_NUMBERS if is_number else NO_TEXT:
        monkeypatch.setenv(name, value)
        with pytest.raises(ConfigurationError, match=name):
            load_settings()


def test_what_is_empty_counts_as_left_out_or_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = set()
    for name in DEFAULTS:
        with monkeypatch.context() as patched, suppress(ConfigurationError):
            patched.setenv(name, "")
            load_settings()
            taken.add(name)

    assert taken == MAY_BE_EMPTY


@given(st.sampled_from(sorted(DEFAULTS)), st.text().filter(lambda text: "\0" not in text))
@example("CANDLEWICK_CLICKHOUSE__URL", "http://[")
@example("CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS", "[::1]:" + "9" * 5000)
@example("CANDLEWICK_MODELS__EXTRA", "0\n0=")
@example("CANDLEWICK_COINS__IDS", "0\n0=")
def test_any_text_is_a_setting_or_one_line_that_names_it(name: str, text: str) -> None:
    with patch.dict(os.environ, {name: text.encode(errors="replace").decode()}):
        said = _refusal()

    assert said is None or (name in said and "\n" not in said)


def _refusal() -> str | None:
    try:
        load_settings()
    except ConfigurationError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS", "a.example:9092, [::1]:9093"),
        ("CANDLEWICK_CLICKHOUSE__URL", "https://store.example/path?x=1"),
        ("CANDLEWICK_CLICKHOUSE__CLUSTER", "main-1"),
        ("CANDLEWICK_API__HOST", "::1"),
        ("CANDLEWICK_API__USERS_URL", "postgresql+psycopg://u:p%40@host/db"),
        ("CANDLEWICK_API__USERS_URL", "sqlite:////data/users.db"),
        ("CANDLEWICK_BACKFILL__SINCE", "2017-08-01"),
        ("CANDLEWICK_BACKFILL__INTERVALS", "1m, 1h"),
        ("CANDLEWICK_COINS__IDS", "PEPEUSDT=pepe,1INCHUSDT=1inch"),
        ("CANDLEWICK_MODELS__EXTRA", "mine=a.b:model, other-2=c:d@return"),
        ("CANDLEWICK_GRAFANA__URL", "http://grafana:3000"),
        ("CANDLEWICK_DATA_DIR", "."),
    ],
)
def test_what_people_write_is_taken(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    load_settings()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])  # noqa: S104
def test_beyond_this_machine_the_api_wants_a_certificate_or_a_proxy_with_one(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("CANDLEWICK_API__HOST", host)
    with pytest.raises(ConfigurationError, match=r"API__TLS_BY_PROXY: .*CANDLEWICK_API__KEY"):
        load_settings()

    monkeypatch.setenv("CANDLEWICK_API__TLS_BY_PROXY", "true")
    assert load_settings().api.host == host
    monkeypatch.delenv("CANDLEWICK_API__TLS_BY_PROXY")
    monkeypatch.setenv("CANDLEWICK_API__CERTIFICATE", "chain.pem")
    with pytest.raises(ConfigurationError, match="set both"):
        load_settings()
    monkeypatch.setenv("CANDLEWICK_API__KEY", "key.pem")
    assert load_settings().api.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_this_machine_the_api_needs_no_certificate(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("CANDLEWICK_API__HOST", host)

    assert load_settings().api.host == host


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEWICK_API__TRUSTED_PROXIES", "10.0.0.5, 172.16.0.0/12, ::1")

    found = load_settings().api.trusted_proxies

    assert found == ("10.0.0.5/32", "172.16.0.0/12", "::1/128")


def test_a_mistyped_name_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEWICK_KAFKA__BOOTSTRAP_SERVER", "x:1")

    with pytest.raises(ConfigurationError, match="CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"):
        load_settings()


def test_a_name_like_no_other_is_refused_with_the_page_that_has_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CANDLEWICK_" + "Q" * 40, "1")

    with pytest.raises(ConfigurationError, match=r"docs/settings\.md"):
        load_settings()
    assert "CANDLEWICK_KAFKA" in (Path(__file__).parents[3] / "docs" / "settings.md").read_text()


def test_a_dotenv_file_is_held_to_the_same_rules_and_may_serve_others(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("GRAFANA_ADMIN_PASSWORD=x\nCANDLEWICK_KAFKA__PARTITIONS=3\n")
    partitions = load_settings().kafka.partitions
    dotenv.write_text("CANDLEWICK_SYMBOL=x\n")

    assert partitions == 3
    with pytest.raises(ConfigurationError, match="CANDLEWICK_SYMBOLS"):
        load_settings()


def test_a_dotenv_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"CANDLEWICK_SYMBOLS=\xff\xfe\n")

    with pytest.raises(ConfigurationError, match=r"\.env is not UTF-8 text"):
        load_settings()


def test_passwords_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEWICK_CLICKHOUSE__PASSWORD", "hunter2")

    monkeypatch.setenv("CANDLEWICK_NOTIFY__TARGETS", "phone=tgram://hunter2/1")

    assert "hunter2" not in repr(load_settings())


@pytest.mark.parametrize("value", ["tgram://hunter2/1", "a=json://hunter2 a=json://hunter3", "A=b"])
def test_targets_that_are_none_are_refused_unseen(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CANDLEWICK_NOTIFY__TARGETS", value)

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    assert str(caught.value).startswith("CANDLEWICK_NOTIFY__TARGETS: ")
    assert "hunter" not in "".join(traceback.format_exception(caught.value))
