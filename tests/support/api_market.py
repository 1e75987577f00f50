"""A small market for the API's tests: rows in ClickHouse, records in Kafka."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer

from schemas import table_columns, topics
from schemas.codecs import Record, message_of
from schemas.coins import Coin
from schemas.market import Candle, Gap
from schemas.predictions import ModelVersion, Prediction, Score
from schemas.topics import Topic
from sinks.history_rows import coin_row
from sinks.rows import candle_row, gap_row
from tests.support.builders import START_MS, a_candle
from tests.support.servers import RunningClickHouse, RunningKafka

QUARTER_MS = 900_000
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def a_quarter(number: int, symbol: str = "BTCUSDT") -> Candle:
    """The 15m candle of that number since the start; each has another price."""
    candle = a_candle(open_ms=START_MS + number * QUARTER_MS, interval="15m", length_ms=QUARTER_MS)
    return replace(
        candle,
        symbol=symbol,
        close_e8=(101 + number % 2) * 10**8 + 12_345,
        status="gapped" if number % 50 == 7 else "complete",
    )


def a_prediction(
    *, symbol: str = "BTCUSDT", open_ms: int = START_MS, minute: int = 5, model: str = "online"
) -> Prediction:
    return Prediction(
        symbol=symbol,
        interval="15m",
        open_ms=open_ms,
        close_ms=open_ms + QUARTER_MS,
        issued_ms=open_ms + minute * 60_000,
        minutes_to_close=15.0 - minute,
        model=model,
        version="1",
        status="ready",
        scored=True,
        champion=model == "online",
        last_price_e8=100 * 10**8,
        price_e8=101 * 10**8,
        low_50_e8=99 * 10**8,
        high_50_e8=103 * 10**8,
        low_90_e8=97 * 10**8,
        high_90_e8=105 * 10**8,
        volatility_bp=3.5,
        low_98_e8=95 * 10**8,
        low_80_e8=98 * 10**8,
        high_80_e8=104 * 10**8,
        high_98_e8=107 * 10**8,
        open_e8=(99 * 10**8) if minute else None,
        chance_up=0.7 if minute else 0.5,
        chance_champion=model == "online",
    )


def a_score(prediction: Prediction, *, error_bp: float) -> Score:
    kept = ("symbol", "interval", "open_ms", "close_ms", "issued_ms", "minutes_to_close", "model")
    kept += ("version", "status", "champion", "volatility_bp", "price_e8")
    kept += ("chance_up", "chance_champion")
    up = error_bp < 2
    chance = prediction.chance_up
    return Score(
        **{name: getattr(prediction, name) for name in kept},
        outcome_e8=100 * 10**8,
        error_bp=error_bp,
        absolute_error_bp=abs(error_bp),
        squared_error_bp2=error_bp**2,
        pinball_bp=abs(error_bp) / 2,
        winkler_50_bp=4.0,
        winkler_90_bp=9.0,
        width_50_bp=3.0,
        width_90_bp=8.0,
        covered_50=error_bp < 2,
        covered_90=True,
        open_e8=prediction.open_e8,
        up=up,
        brier=None if chance is None else (chance - up) ** 2,
        log_loss=None if chance is None else -math.log(chance if up else 1 - chance),
        pinball_nine_bp=abs(error_bp) / 2,
    )


def a_gap(number: int, state: str) -> Gap:
    return Gap(
        symbol="BTCUSDT",
        first_agg_id=number * 10,
        last_agg_id=number * 10 + 4,
        after_ms=START_MS,
        before_ms=-1,
        state=state,
        noticed_ms=START_MS + number,
        changed_ms=START_MS + number + (state != "found"),
        reason="ids jumped",
    )


def a_coin(coin_id: str, rank: int | None) -> Coin:
    money = 5 * 10**8
    names = [name for name in Coin.__slots__ if name.endswith("_e8")]
    return Coin(
        coin_id=coin_id,
        ticker=coin_id[:3].upper(),
        name=coin_id.title(),
        rank=rank,
        **dict.fromkeys(names, money) | {"max_supply_e8": None},
        ath_ms=START_MS,
        atl_ms=None,
        updated_ms=START_MS,
        fetched_ms=START_MS,
    )


def a_model_event(event: str, *, at_ms: int = START_MS, symbol: str = "BTCUSDT") -> ModelVersion:
    return ModelVersion("batch", "v1", symbol, event, at_ms, "because", '{"rows": 5}')


def fill(clickhouse: RunningClickHouse) -> None:
    """Put the market into the tables."""
    with clickhouse.client(database="candlewick") as client:
        quarters = [a_quarter(n, symbol) for symbol in SYMBOLS for n in range(3000)]
        put(client, "candles", table_columns.CANDLE, [candle_row(c) for c in quarters])
        official = [replace(a_quarter(n), source="rest", status="official") for n in range(-4, 8)]
        put(client, "klines", table_columns.CANDLE, [candle_row(c) for c in official])
        gaps = [a_gap(n, state) for n in range(1, 6) for state in ("found", "repaired")]
        put(client, "gaps", table_columns.GAP, [gap_row(g) for g in gaps])
        coins = [a_coin("bitcoin", 1), a_coin("unheard-of", None)]
        put(client, "coins", table_columns.COIN, [coin_row(c) for c in coins])
        _fill_predictions(client)


def put(client: Client, table: str, names: Sequence[str], rows: Sequence[bytes]) -> None:
    client.raw_insert(table, names, b"".join(rows), fmt="RowBinary")


def _fill_predictions(client: Client) -> None:
    asked = [
        a_prediction(symbol=symbol, open_ms=START_MS + n * QUARTER_MS, minute=m, model=model)
        for symbol in SYMBOLS
        for n in range(4)
        for m in range(15)
        for model in ("online", "reference")
    ]
    errors = {"online": 1.0, "reference": 2.0}
    scores = [a_score(p, error_bp=errors[p.model]) for p in asked]
    events = [a_model_event(event) for event in ("trained", "promoted", "drift")]
    for table, records in (("predictions", asked), ("scores", scores), ("model_versions", events)):
        rows = [_row(record) for record in records]
        client.insert(table, [list(row.values()) for row in rows], column_names=list(rows[0]))


def _row(record: Prediction | Score | ModelVersion) -> dict[str, object]:
    """A record's columns, named as in the tables, values as clickhouse-connect takes them."""
    row: dict[str, object] = {}
    for name in type(record).__slots__:
        value = getattr(record, name)
        if name.endswith("_ms"):
            row[name.removesuffix("_ms") + "_time"] = datetime.fromtimestamp(value / 1000, UTC)
        elif name.endswith("_e8"):
            row[name.removesuffix("_e8")] = None if value is None else Decimal(value).scaleb(-8)
        else:
            row[name] = value
    return row


def say(
    kafka: RunningKafka,
    topic: Topic,
    records: Sequence[Record],
    headers: Sequence[tuple[str, bytes]] = (),
) -> None:
    """Put records into a topic and wait until they are there."""
    config = {"bootstrap.servers": kafka.bootstrap, "linger.ms": 1, "log_level": 0}
    as_ours = {"partitioner": "murmur2_random", "compression.type": "lz4"}
    producer = Producer(config | as_ours)
    for record in records:
        message = message_of(record)
        carried = [*message.headers, *headers]
        producer.produce(topic.name, message.value, key=message.key, headers=carried)
    if producer.flush(20):
        raise AssertionError("Kafka did not take the records")


def keep_alive(kafka: RunningKafka, number: int) -> None:
    """Let every symbol move and every model answer once."""
    open_ms = START_MS + number * QUARTER_MS
    moving = [
        replace(a_quarter(number, symbol), status="open", revision=0, event_ms=open_ms + 301_000)
        for symbol in SYMBOLS
    ]
    say(kafka, topics.CANDLES_LIVE, moving)
    answers = [
        a_prediction(symbol=symbol, open_ms=open_ms, model=model)
        for symbol in SYMBOLS
        for model in ("online", "reference")
    ]
    say(kafka, topics.PREDICTIONS, answers)
