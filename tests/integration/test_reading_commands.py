"""`candlewick tail`, `dead-letters` and `audit` against a real Kafka and a real ClickHouse."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ResourceType
from confluent_kafka.admin._config import ConfigResource
from typer.testing import CliRunner, Result

from candlewick.cli import build_app
from candlewick.store.admin import apply_migrations
from candlewick.terminal.exit_codes import WRONG
from clients.clickhouse import connect_writer
from clients.kafka.topics import create_topics
from schemas import topics
from schemas.codecs import Record, encode, message_of
from schemas.dead_letters import Origin, letter_of
from schemas.errors import CandlewickError, ConfigurationError
from schemas.market import NO_TRADE_ID, Candle, Gap
from schemas.settings import ClickHouseSettings, KafkaSettings
from schemas.symbols import by_hand
from schemas.topics import Topic
from sinks.clickhouse import ClickHouse
from sinks.rows import candle_row
from sinks.tables import TABLES
from tests.support.api_market import a_model_event
from tests.support.builders import START_MS, a_block, a_candle, a_trade
from tests.support.servers import running_clickhouse, running_kafka

DEADLINE_S = 20.0
MINUTE_MS = 60_000
_tokens = count()


@dataclass(slots=True)
class World:
    environment: dict[str, str]
    producer: Producer
    store: ClickHouse
    account: ClickHouseSettings

    def send(self, topic: Topic, *messages: bytes, key: str = "BTCUSDT") -> None:
        for message in messages:
            self.producer.produce(topic.name, key=key, value=message)
        assert self.producer.flush(DEADLINE_S) == 0

    def put(self, table: str, *candles: Candle) -> None:
        found = next(t for t in TABLES if t.name == table)
        rows = b"".join(candle_row(candle) for candle in candles)
        self.store.insert(found, rows, token=f"{table} {next(_tokens)}")

    def run(self, *arguments: str) -> Result:
        result = CliRunner().invoke(build_app(), list(arguments), env=self.environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, *arguments: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [str(Path(sys.executable).with_name("candlewick")), *arguments]
        environment = {**os.environ, **self.environment}
        return subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("reading")
    with (
        running_kafka(folder / "kafka") as kafka,
        running_clickhouse(folder / "clickhouse") as clickhouse,
    ):
        settings = ClickHouseSettings(
            url=clickhouse.url, user=clickhouse.user, password=clickhouse.password
        )
        apply_migrations(settings)
        environment = {
            "CANDLEWICK_DATA_DIR": str(folder),
            "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
            "CANDLEWICK_CLICKHOUSE__URL": clickhouse.url,
            "CANDLEWICK_CLICKHOUSE__USER": clickhouse.user,
            "CANDLEWICK_CLICKHOUSE__PASSWORD": clickhouse.password,
            "CANDLEWICK_CLICKHOUSE__READER_USER": clickhouse.reader,
            "CANDLEWICK_CLICKHOUSE__READER_PASSWORD": clickhouse.reader_password,
        }
        producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
        yield World(environment, producer, ClickHouse(settings), settings)


def test_a_block_is_shown_as_one_row_a_trade(world: World) -> None:
    trades = [
        a_trade(5, price_e8=6_168_599_000_000, quantity_e8=17_000, fills=2, first_trade_id=40),
        a_trade(6, price_e8=0, quantity_e8=0, first_trade_id=NO_TRADE_ID, fills=1),
        a_trade(7, first_trade_id=42, taker_sold=True),
    ]
    world.send(topics.TRADES, encode(a_block(trades)))

    rows = world.json("tail", "trades", "--from-beginning", "-n", "3")

    assert rows[0] == {
        "symbol": "BTCUSDT",
        "agg_id": 5,
        "event_time": "2023-11-14T22:15:00.000Z",
        "price": "61685.99",
        "quantity": "0.00017",
        "taker_sold": False,
        "fills": 2,
        "first_trade_id": 40,
        "last_trade_id": 41,
        "received_time": "2023-11-14T22:15:00.003Z",
        "era": 0,
    }
    assert [row["first_trade_id"] for row in rows] == [40, -1, 42]


def test_columns_for_people_hold_plain_decimals_and_utc(world: World) -> None:
    world.send(topics.CANDLES, encode(a_candle()))

    shown = world.run("tail", "market.candles.v1", "--from-beginning", "-n", "1").stdout

    assert "2023-11-14 22:15:00.000" in shown
    assert "0.0000000000000007" in shown
    assert "complete" in shown


def test_only_the_wanted_symbol_is_shown(world: World) -> None:
    for symbol in ("ETHUSDT", "SOLUSDT", "ETHUSDT"):
        candle = encode(replace(a_candle(), symbol=symbol))
        world.send(topics.CANDLES_LIVE, candle, key=symbol)

    options = ("--symbol", "ethusdt", "--from-beginning", "-n", "2")
    rows = world.json("tail", "candles-live", *options)

    assert [row["symbol"] for row in rows] == ["ETHUSDT", "ETHUSDT"]


@pytest.mark.parametrize(
    ("topic", "made"),
    [
        (
            topics.SYMBOLS,
            lambda symbol: by_hand(symbol, is_followed=True, now_ms=START_MS, reason=""),
        ),
        (
            topics.MODEL_VERSIONS,
            lambda symbol: a_model_event("drift", at_ms=START_MS, symbol=symbol),
        ),
    ],
    ids=["symbols", "versions"],
)
def test_only_the_wanted_symbol_is_shown_where_it_is_a_part_of_the_key(
    world: World, topic: Topic, made: Callable[[str], Record]
) -> None:
    for symbol in ("ETHUSDT", "SOLUSDT", "ETHUSDT"):
        message = message_of(made(symbol))
        world.producer.produce(topic.name, message.value, message.key, headers=[*message.headers])
    assert world.producer.flush(10) == 0

    rows = world.json("tail", topic.name, "--symbol", "ethusdt", "--from-beginning", "-n", "2")

    assert [row["symbol"] for row in rows] == ["ETHUSDT", "ETHUSDT"]


@pytest.mark.parametrize("topic", ["coins", "coin-days", "dead-letters"])
def test_a_symbol_of_what_has_none_is_refused(world: World, topic: str) -> None:
    with pytest.raises(CandlewickError, match=f"{topic}.* have no symbol: leave out --symbol"):
        world.run("tail", topic, "--symbol", "BTCUSDT")


def test_an_unreadable_record_is_shown_and_the_rest_follows(world: World) -> None:
    gap = encode(Gap("BTCUSDT", 1, 2, -1, -1, "found", START_MS, START_MS, "ids jumped"))
    world.send(topics.GAPS, gap, b"junk", b"\x00\x7f\x00\x00\x01....", gap)

    rows = world.json("tail", "gaps", "--from-beginning", "-n", "4")

    assert [row.get("reason", "") for row in rows] == ["ids jumped", "", "", "ids jumped"]
    assert "not framed" in str(rows[1]["unreadable"])
    assert "no known contract" in str(rows[2]["unreadable"])
    assert world.run("tail", "gaps", "--from-beginning", "-n", "4").exit_code == 0


def bury(world: World, raw: bytes, origin: Origin) -> str:
    letter = letter_of(raw, origin)
    world.producer.produce(
        topics.DEAD_LETTERS.name, letter.value, letter.key, headers=list(letter.headers)
    )
    assert world.producer.flush(DEADLINE_S) == 0
    return letter.key.decode()


def test_dead_letters_are_listed_once_with_reason_origin_and_readers(world: World) -> None:
    assert world.json("dead-letters") == []
    for offset, reader in ((7, "sinks"), (8, "sinks"), (8, "candles"), (8, "sinks")):
        origin = Origin("cut short", topics.TRADES.name, 3, offset, reader=reader)
        bury(world, b"\x00raw", origin)
    world.producer.produce(topics.DEAD_LETTERS.name, value=b"?")
    assert world.producer.flush(DEADLINE_S) == 0

    letters = world.json("dead-letters")

    assert {(r["topic"], r["partition"], r["offset"], r["readers"]) for r in letters} == {
        (topics.TRADES.name, 3, 7, "sinks"),
        (topics.TRADES.name, 3, 8, "sinks candles"),
        ("", -1, -1, ""),
    }
    assert len(letters) == 3
    assert {row["raw"] for row in letters} == {b"\x00raw".hex(), b"?".hex()}
    assert len(world.json("dead-letters", "-n", "1")) == 1
    assert "the newest 1 of 3" in world.run("dead-letters", "-n", "1", "--json").stderr
    assert world.run("dead-letters", "-n", "3").stderr == ""
    assert "cut short (4 bytes, rejected by sinks, candles)" in world.run("dead-letters").stdout
    assert world.run("dead-letters", "list").stdout == world.run("dead-letters").stdout


def test_a_dead_letter_is_shown_with_its_bytes(world: World) -> None:
    name = bury(
        world, b"<html>403", Origin("frame unreadable", source="wss://exchange", reader="stream")
    )

    shown = world.run("dead-letters", "show", name).stdout

    for fact in ("frame unreadable", "stream", "wss://exchange", "<html>403", "3c 68 74 6d 6c 3e"):
        assert fact in shown
    (row,) = world.json("dead-letters", "show", name)
    assert (row["name"], row["raw"], row["source"]) == (name, b"<html>403".hex(), "wss://exchange")
    assert (row["key"], row["is_whole"], row["retried_time"]) == (None, True, None)
    with pytest.raises(ConfigurationError, match="no dead letter nothing"):
        world.run("dead-letters", "show", "nothing")


def test_what_can_be_read_after_a_fix_is_sent_again_once(world: World) -> None:
    message = message_of(replace(a_candle(), symbol="RETRY"))
    fixed = Origin(
        "a fault of ours", topics.KLINES.name, 0, 900, key=message.key, headers=message.headers
    )
    good = bury(world, message.value, fixed)
    still = bury(world, b"junk", Origin("not framed", topics.KLINES.name, 0, 901, key=b"RETRY"))
    giant = bury(
        world, b"x" * 300_000, Origin("too large", topics.KLINES.name, 0, 902, key=b"RETRY")
    )

    first = world.run("dead-letters", "retry", "--all")
    second = world.run("dead-letters", "retry", good)

    assert f"{good}: sent again" in first.stdout
    for name, reason in ((still, "cannot read it either"), (giant, "262144 of its 300000 bytes")):
        refused = world.run("dead-letters", "retry", name)
        assert refused.exit_code == 1
        assert reason in refused.stderr
    assert second.exit_code == 1
    assert "sent again already" in second.stderr
    rows = world.json("tail", "klines", "--symbol", "RETRY", "--from-beginning", "-n", "1")
    assert [row["symbol"] for row in rows] == ["RETRY"]
    with pytest.raises(ConfigurationError, match="or use --all"):
        world.run("dead-letters", "retry")


@pytest.mark.parametrize("topic", ["market.unknown.v1", "klines"])
def test_a_letter_that_its_topic_cannot_take_does_not_hold_up_those_behind_it(
    world: World, topic: str
) -> None:
    message = message_of(replace(a_candle(), symbol="HELD"))
    names = [
        bury(world, message.value, replace(origin, key=message.key, headers=message.headers))
        for origin in (Origin("a", topic), Origin("b", topics.KLINES.name, 0, 903 + next(_tokens)))
    ]

    tried = world.run("dead-letters", "retry", "--all", "--yes")

    assert f"{names[0]}: not sent: " in tried.stdout
    assert f"{names[1]}: sent again" in tried.stdout


def test_a_trade_block_goes_behind_newer_ones_only_when_one_is_told(world: World) -> None:
    old, new = (message_of(a_block([a_trade(at, symbol="BEHIND")])) for at in (5, 9))
    world.producer.produce(topics.TRADES.name, new.value, new.key, partition=2)
    origin = Origin("a fault", topics.TRADES.name, 2, 77, key=old.key, headers=old.headers)
    name = bury(world, old.value, origin)

    asked = world.run("dead-letters", "retry", name)
    told = world.run("dead-letters", "retry", name, "--yes")

    assert "trades 5 to 5 of BEHIND would come behind newer ones (up to 9)" in asked.stdout
    assert "sent again" not in asked.stdout
    assert f"{name}: sent again" in told.stdout


def test_a_trade_block_of_an_era_that_has_ended_is_told_so(world: World) -> None:
    old, new = (
        message_of(replace(a_block([a_trade(at, symbol="ENDED")]), era=era))
        for era, at in enumerate((500, 9))
    )
    world.producer.produce(topics.TRADES.name, new.value, new.key, partition=2)
    origin = Origin("a fault", topics.TRADES.name, 2, 78, key=old.key, headers=old.headers)
    name = bury(world, old.value, origin)

    asked = world.run("dead-letters", "retry", name)

    assert "trades 500 to 500 of ENDED are of era 0, which has ended" in asked.stdout
    assert "sent again" not in asked.stdout


def test_tail_ends_quietly_on_ctrl_c_and_when_its_reader_goes(world: World) -> None:
    world.send(topics.KLINES, *(encode(a_candle()) for _ in range(3)))
    for ending in ("ctrl-c", "pipe"):
        process = world.start("tail", "klines", "--from-beginning", "--json")
        assert process.stdout is not None
        try:
            process.stdout.readline()
            if ending == "pipe":
                process.stdout.close()
                process.stdout = None
                deadline = time.monotonic() + DEADLINE_S
                while process.poll() is None and time.monotonic() < deadline:
                    world.send(topics.KLINES, encode(a_candle()))
                    time.sleep(0.05)
            else:
                process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=DEADLINE_S)
        finally:
            process.kill()
        assert (process.returncode, said) == (0, "")


def test_an_unknown_topic_and_a_broker_that_is_away_are_told(world: World) -> None:
    with pytest.raises(CandlewickError, match="choose one of trades, candles, "):
        world.run("tail", "nothing")
    away = replace(world, environment={"CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9"})
    begun = time.monotonic()
    with pytest.raises(CandlewickError, match=r"does not answer at 127\.0\.0\.1:9"):
        away.run("tail", "trades")
    assert time.monotonic() - begun < 5


def test_an_audit_of_nothing_says_so(world: World) -> None:
    with pytest.raises(CandlewickError, match="nothing to compare"):
        world.run("audit", "--symbol", "NOBODY")
    with pytest.raises(CandlewickError, match="unknown interval"):
        world.run("audit", "--interval", "7m")
    world.put("candles", replace(a_candle(), symbol="ALONE"))
    with pytest.raises(CandlewickError, match="nothing could be compared"):
        world.run("audit", "--symbol", "ALONE")


def a_kline(candle: Candle, *, source: str = "rest") -> Candle:
    return replace(
        candle,
        source=source,
        status="official",
        first_trade_id=NO_TRADE_ID,
        last_trade_id=NO_TRADE_ID,
        price_variation_e16=None,
    )


def a_minute(number: int) -> Candle:
    """The candle of that minute; its trades follow those of the minute before."""
    candle = a_candle(open_ms=START_MS + number * MINUTE_MS)
    first, last = candle.first_trade_id, candle.last_trade_id
    return replace(candle, first_trade_id=first + 4 * number, last_trade_id=last + 4 * number)


def test_candles_equal_to_the_klines_are_verified(world: World) -> None:
    candles = [replace(a_minute(n), symbol="SAME") for n in range(9)]
    world.put("candles", *candles, replace(candles[0], revision=0, close_e8=1))
    world.put("klines", *(a_kline(candle) for candle in candles))
    world.put("klines", replace(a_kline(candles[1], source="archive-monthly"), close_e8=1))

    result = world.run("audit", "--symbol", "same")

    assert result.exit_code == 0
    assert world.json("audit", "--symbol", "SAME") == [
        {
            "symbol": "SAME",
            "interval": "1m",
            "verified": 9,
            "mismatch": 0,
            "gapped": 0,
            "only_ours": 0,
            "only_exchange": 0,
        }
    ]


def test_every_field_that_differs_is_shown_with_both_values(world: World) -> None:
    numbers = [name for name in Candle.__slots__ if name.endswith("_e8")] + ["trade_count"]
    ids = ["first_trade_id", "last_trade_id"]
    for n, name in enumerate([*numbers, *ids]):
        ours = replace(a_minute(n), symbol="DIFF")
        other = replace(ours, source="stream", **{name: getattr(ours, name) + 1})
        world.put("candles", ours)
        world.put("klines", other)

    result = world.run("audit", "--symbol", "DIFF")
    lines = world.json("audit", "--symbol", "DIFF")

    assert result.exit_code == 1
    assert lines[0]["mismatch"] == len(numbers) + 2
    names = [name.removesuffix("_e8") for name in [*numbers, *ids]]
    assert [line["field"] for line in lines[1:]] == names
    assert (lines[1]["ours"], lines[1]["exchange"]) == ("100", "100.00000001")


def test_a_complete_candle_with_fewer_trades_than_ids_is_a_mismatch_also_alone(
    world: World,
) -> None:
    fewer, beside, gapped = (replace(a_minute(n), symbol="IDS", trade_count=3) for n in range(3))
    world.put("candles", fewer, beside, replace(gapped, status="gapped"))
    world.put("klines", a_kline(beside))

    lines = world.json("audit", "--symbol", "IDS")

    assert [lines[0][name] for name in ("verified", "mismatch", "gapped")] == [0, 2, 0]
    assert [[line[name] for name in ("field", "ours", "exchange")] for line in lines[1:]] == [
        ["trade_ids", "3 trades", "4 ids"]
    ] * 2


def test_a_gapped_candle_and_lonely_ones_are_no_mismatch(world: World) -> None:
    candles = [replace(a_candle(open_ms=START_MS + n * MINUTE_MS), symbol="ODD") for n in range(4)]
    world.put("candles", replace(candles[0], status="gapped", volume_e8=1), *candles[1:3])
    world.put("klines", a_kline(candles[0]), a_kline(candles[1]), a_kline(candles[3]))

    line = world.json("audit", "--symbol", "ODD")[0]

    assert {k: v for k, v in line.items() if k not in ("symbol", "interval")} == {
        "verified": 1,
        "mismatch": 0,
        "gapped": 1,
        "only_ours": 1,
        "only_exchange": 1,
    }


@pytest.mark.parametrize(("price_e8", "allowed"), [(3, 4), (10**8, 0)])
def test_quote_volume_may_differ_by_rounding_only_where_there_is_rounding(
    world: World, price_e8: int, allowed: int
) -> None:
    symbol = f"ROUND{price_e8}"
    candle = replace(a_candle(), symbol=symbol, close_e8=price_e8, volume_e8=11 * 10**4)
    for off in (allowed, allowed + 1):
        ours = replace(candle, open_ms=START_MS + off * MINUTE_MS)
        world.put("candles", ours)
        world.put("klines", replace(a_kline(ours), quote_volume_e8=ours.quote_volume_e8 + off))

    line = world.json("audit", "--symbol", symbol)[0]

    assert (line["verified"], line["mismatch"]) == (1, 1)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    path.write_text(
        "snapped_at,price,market_cap,total_volume\n"
        "2021-01-01 00:00:00 UTC,29022.66,539438008997.3,43503516563.06\n"
        "2021-01-02 00:00:00 UTC,29352.12,545593282215.6,34089717988.7\n"
    )
    return path


def test_import_keeps_an_export_in_its_own_table_once_with_its_source(
    world: World, export: Path
) -> None:
    said = [world.run("import", str(export), "--symbol", "btcusdt") for _ in range(2)]

    assert [result.exit_code for result in said] == [0, 0]
    assert "2 days of BTCUSDT from coingecko, 2020-12-31 to 2021-01-01" in said[0].stdout
    with connect_writer(world.account) as client:
        rows = client.query(
            "SELECT source, symbol, toString(open_time), close, volume, open, file "
            "FROM imported_candles FINAL ORDER BY open_time"
        ).result_rows
        others = client.command("SELECT count() FROM klines WHERE open_time < '2021-02-01'")
    assert [row[2][:10] for row in rows] == ["2020-12-31", "2021-01-01"]
    assert [row[3] for row in rows] == [Decimal("29022.66"), Decimal("29352.12")]
    assert {(row[0], row[1], row[5], row[6]) for row in rows} == {
        ("coingecko", "BTCUSDT", None, "export.csv")
    }
    assert others == 0


def test_import_without_a_store_is_one_clear_line(world: World, export: Path) -> None:
    nowhere = {"CANDLEWICK_CLICKHOUSE__URL": "http://127.0.0.1:9"}
    command = [str(Path(sys.executable).with_name("candlewick")), "import", str(export)]
    result = subprocess.run(
        [*command, "--symbol", "BTCUSDT"],
        env=os.environ | world.environment | nowhere,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S * 3,
    )

    assert result.returncode == 1
    assert "ClickHouse" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_doctor_looks_at_kafka_its_topics_and_the_tables(world: World) -> None:
    found = {str(one["check"]): one for one in examined(world).json("doctor")}

    assert [found[name]["state"] for name in ("Kafka", "ClickHouse", "tables")] == ["ok"] * 3
    assert found["exchange"]["state"] == "wrong"  # nobody listens there
    assert "port of kafka" not in found  # the servers are there, and no stack's


def test_the_doctor_names_topics_that_are_missing_or_differ(world: World) -> None:
    servers = world.environment["CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"]
    admin = AdminClient({"bootstrap.servers": servers})
    admin.delete_topics([topics.COINS.name])[topics.COINS.name].result(DEADLINE_S)
    other = ConfigResource(ResourceType.TOPIC, topics.HOLES.name)
    other.add_incremental_config(
        ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    )
    admin.incremental_alter_configs([other])[other].result(DEADLINE_S)

    done = examined(world).run("doctor")

    create_topics(KafkaSettings(bootstrap_servers=servers))
    assert done.exit_code == WRONG
    assert f"topics: missing: {topics.COINS.name}" in done.output
    assert "make them with `candlewick topics create`" in done.output
    assert f"{topics.HOLES.name}: retention.ms is 1000" in done.output


def examined(world: World) -> World:
    """The world for the doctor, who shall not ask the exchange itself."""
    nobody = "http://127.0.0.1:9"
    away = {"CANDLEWICK_BINANCE__REST_URL": nobody, "CANDLEWICK_COINS__URL": nobody}
    return replace(world, environment=world.environment | away)
