"""A day of a small market in ClickHouse's tables, as the sinks write them, up to this minute."""

import math
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from clickhouse_connect.driver.client import Client

from schemas.codecs import Record
from schemas.coins import Coin
from schemas.market import Candle, Gap, Trade
from schemas.predictions import Prediction, Score
from sinks.tables import TABLES
from tests.support.api_market import a_coin, a_model_event, a_prediction, a_score
from tests.support.builders import MINUTE_MS, a_block, a_candle, a_trade
from tests.support.messages import sent

QUARTER_MS = 15 * MINUTE_MS
E8 = 10**8
SYMBOLS = ("BTCUSDT", "ETHUSDT")
MODELS = {"reference": 1.0, "online": 0.97, "batch": 0.99, "blend": 0.96}
NOW_MS = time.time_ns() // 1_000_000
THIS_MINUTE_MS = NOW_MS // MINUTE_MS * MINUTE_MS
THIS_QUARTER_MS = NOW_MS // QUARTER_MS * QUARTER_MS
QUARTERS = 98  # a day and two more
ANSWERED = 40  # so many quarters have been predicted: 560 cases a symbol and model
DAY_MS = 96 * QUARTER_MS
STORM_MS = (NOW_MS // DAY_MS - 9) * DAY_MS
NOTICED_MS = NOW_MS - 40 * MINUTE_MS


def fill(client: Client) -> None:
    """Put the market into the tables."""
    put(client, _records())
    _fill_measures(client)


def put(client: Client, records: Iterable[Record]) -> None:
    """Put records into their tables, each table's by one insert."""
    rows: defaultdict[str, list[bytes]] = defaultdict(list)
    for record in records:
        table = next(t for t in TABLES if t.topic.record is type(record) and _fits(t.name, record))
        rows[table.name].append(table.read(sent(record)).data)
    for table in TABLES:
        if rows[table.name]:
            data = b"".join(rows[table.name])
            client.raw_insert(table.name, table.columns, data, fmt="RowBinary")


def _fits(table: str, record: Record) -> bool:
    if not isinstance(record, Candle):
        return True
    live = record.status == "open"
    return table == (
        "candles_live" if live else "candles" if record.source == "trades" else "klines"
    )


def _records() -> Iterator[Record]:
    for number, symbol in enumerate(SYMBOLS):
        chance = random.Random(number)
        yield from _minutes(symbol, chance)
        yield from _quarters(symbol, chance)
        yield a_block(_trades(symbol))
        yield from _answers(symbol, chance)
    yield from _long_ago()
    yield from _storm()
    yield from (_gap(1, "found"), _gap(1, "repaired"), _gap(2, "found"), _gap(3, "found"))
    yield _gap(3, "given-up")
    yield from (_coin("bitcoin", 1), _coin("ethereum", 2), _coin("unheard-of", None))
    for event in ("trained", "promoted", "chance-champion", "drift", "retired"):
        yield a_model_event(event, at_ms=NOTICED_MS)


def _minutes(symbol: str, chance: random.Random) -> Iterator[Candle]:
    price = 100.0
    first_ms = THIS_QUARTER_MS - QUARTERS * QUARTER_MS
    for open_ms in range(first_ms, THIS_MINUTE_MS, MINUTE_MS):
        after = price * math.exp(chance.gauss(0, 0.0005))
        yield _candle(symbol, "1m", open_ms, price, after)
        price = after
    live = _candle(symbol, "1m", THIS_MINUTE_MS, price, price)
    yield replace(live, status="open", revision=0)


def _quarters(symbol: str, chance: random.Random) -> Iterator[Candle]:
    price = 100.0
    for back in range(QUARTERS, 0, -1):
        after = price * math.exp(chance.gauss(0, 0.002))
        open_ms = THIS_QUARTER_MS - back * QUARTER_MS
        ours = _candle(symbol, "15m", open_ms, price, after)
        yield replace(
            ours,
            revision=2 if back == 9 else 1,
            status="gapped" if back == 5 else "complete",
            close_e8=ours.close_e8 + (back == 7),
            high_e8=ours.high_e8 + (back == 7),
        )
        yield replace(ours, source="rest", status="official")
        price = after
    live = _candle(symbol, "15m", THIS_QUARTER_MS, price, price)
    yield replace(live, status="open", revision=0)


def _candle(symbol: str, interval: str, open_ms: int, first: float, last: float) -> Candle:
    length_ms = MINUTE_MS if interval == "1m" else QUARTER_MS
    made = a_candle(open_ms=open_ms, interval=interval, length_ms=length_ms)
    open_e8, close_e8 = round(first * 100) * 10**6, round(last * 100) * 10**6
    return replace(
        made,
        symbol=symbol,
        open_e8=open_e8,
        close_e8=close_e8,
        high_e8=max(open_e8, close_e8),
        low_e8=min(open_e8, close_e8),
    )


def _trades(symbol: str) -> list[Trade]:
    return [
        a_trade(
            n + 1,
            event_ms=NOW_MS - (900 - n) * 1000,
            symbol=symbol,
            price_e8=114_000 * E8,
            taker_sold=n % 3 == 0,
        )
        for n in range(900)
    ]


def _answers(symbol: str, chance: random.Random) -> Iterator[Prediction | Score]:
    for back in range(ANSWERED, -1, -1):
        open_ms = THIS_QUARTER_MS - back * QUARTER_MS
        for minute in range(0 if back == 0 else 1, 15):
            noise = chance.gauss(0, 8)
            for model, worth in MODELS.items():
                asked = a_prediction(symbol=symbol, open_ms=open_ms, minute=minute, model=model)
                if asked.issued_ms > NOW_MS and minute > 0:
                    continue
                yield asked
                if back:
                    yield replace(
                        a_score(asked, error_bp=noise * worth), covered_90=abs(noise) < 13.2
                    )


def _long_ago() -> Iterator[Score]:
    for back in range(ANSWERED + 1, ANSWERED + 501):
        asked = a_prediction(open_ms=THIS_QUARTER_MS - back * QUARTER_MS)
        yield a_score(asked, error_bp=1.0)


def _storm() -> Iterator[Score]:
    """A stormy morning of the reference alone, and a calm evening in which `batch` equals it."""
    for number in range(96):
        stormy = number < 48
        for minute in range(1, 11):
            if not stormy and minute > 4:
                continue
            for model in ("reference",) if stormy else ("reference", "batch"):
                asked = a_prediction(
                    symbol="SOLUSDT",
                    open_ms=STORM_MS + number * QUARTER_MS,
                    minute=minute,
                    model=model,
                )
                yield a_score(asked, error_bp=20.0 if stormy else 1.0)


def _gap(number: int, state: str) -> Gap:
    return Gap(
        symbol="BTCUSDT",
        first_agg_id=number * 10,
        last_agg_id=number * 10 + 4,
        after_ms=NOTICED_MS,
        before_ms=NOTICED_MS + 900,
        state=state,
        noticed_ms=NOTICED_MS + number,
        changed_ms=NOTICED_MS + number + (0 if state == "found" else 2_500),
        reason="ids jumped",
    )


def _coin(coin_id: str, rank: int | None) -> Coin:
    return replace(a_coin(coin_id, rank), fetched_ms=NOW_MS - 60_000, updated_ms=NOW_MS - 60_000)


def _fill_measures(client: Client) -> None:
    measured = "fromUnixTimestamp64Milli({now:Int64} - number * 5000, 'UTC')"
    for what in (
        "'lag', 'candlewick-sinks', 'market.trades.v1', toFloat64(number % 7)",
        "'end', 'market.trades.v1', '', toFloat64(100000 - number * 40)",
        "'member', 'candlewick-sinks', if(number < 30, 'sink-b', 'sink-a'), 1",
        "'disk_free', 'default', '', 40e9",
        "'disk_total', 'default', '', 100e9",
        "'disk_full_days', 'clickhouse', '', 6.4 + number",
        "'bytes', 'trades', '', 5e8 - number",
        "'rows', 'trades', '', 1e7 - number",
        "'parts', 'trades', '', 12",
        "'uptime', 'clickhouse', '', toFloat64(5000 - number * 5)",
    ):
        client.command(
            "INSERT INTO pipeline_measures (measured_time, measure, of, detail, value) "  # noqa: S608 - our own words
            f"SELECT {measured}, {what} FROM numbers(60)",
            parameters={"now": NOW_MS},
        )
    client.command(
        "INSERT INTO dead_letters (partition, offset, letter_time, reason, origin_topic, "  # noqa: S608 - our own words
        "origin_partition, origin_offset, bytes) SELECT 0, number, "
        f"{measured}, 'not Avro', 'market.trades.v1', 1, number, 12 FROM numbers(3)",
        parameters={"now": NOW_MS},
    )
