"""Programs that people use, reading our API as they are: pandas, Power BI, curl, Avro clients."""

import csv
import io
import json
import math
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path

import chdb
import httpx
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas import table_columns, topics
from schemas.codecs import decode, encode
from schemas.contracts import contract_named, contract_of
from schemas.day_digest import day_digests
from schemas.history import Hole
from schemas.market import Candle
from schemas.predictions import Score
from schemas.timeframe import DAY_MS
from sinks.prediction_rows import row_writer
from sinks.rows import candle_row
from tests.support.api_market import QUARTER_MS, a_prediction, a_quarter, a_score, put, say
from tests.support.api_stage import Stage
from tests.support.builders import START_MS, a_candle

MONTH = {
    "symbol": "BTCUSDT",
    "interval": "15m",
    "from": START_MS,
    "to": START_MS + 2880 * QUARTER_MS,
}


def url_of(stage: Stage, path: str, **parameters: object) -> str:
    return str(httpx.URL(stage.api.url + path, params=parameters))


def get(stage: Stage, path: str, **parameters: object) -> httpx.Response:
    return httpx.get(stage.api.url + path, params=parameters, timeout=30)


def test_pandas_reads_a_month_of_candles_from_the_url(stage: Stage) -> None:
    frame = pd.read_parquet(url_of(stage, "/v1/candles", **MONTH, limit=5000, format="parquet"))

    assert len(frame) == 2880
    assert frame["close"].iloc[0] == Decimal("101.00012345")
    assert str(frame["open_time"].dtype) == "datetime64[ms, UTC]"
    assert frame["open_time"].is_monotonic_increasing


@pytest.mark.parametrize("path", ["/livez", "/", "/docs", "/v1/candles", "/v1/stream", "/nothing"])
def test_head_answers_as_get_does_without_a_body(stage: Stage, path: str) -> None:
    url = url_of(stage, path, **(MONTH if path == "/v1/candles" else {}))
    with httpx.stream("GET", url, timeout=30) as got:
        wanted = {name: got.headers.get(name) for name in ("content-type", "etag", "vary")}
        length = got.headers.get("content-length")
    head = httpx.head(url, timeout=30)

    assert head.status_code == got.status_code
    assert {name: head.headers.get(name) for name in wanted} == wanted
    assert head.headers.get("content-length") == length
    assert head.content == b""


def test_ranges_of_a_past_answer_fit_together_whatever_is_stored_meanwhile(stage: Stage) -> None:
    url = url_of(stage, "/v1/candles", **MONTH, format="csv")
    whole = httpx.get(url)
    tag = whole.headers["etag"]
    middle = httpx.get(url, headers={"Range": "bytes=100-199", "If-Range": tag})
    end = httpx.get(url, headers={"Range": "bytes=-50"})
    other = httpx.get(url, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    beyond = httpx.get(url, headers={"Range": "bytes=99999999-"})

    assert whole.headers["accept-ranges"] == "bytes"
    assert (middle.status_code, middle.content) == (206, whole.content[100:200])
    assert middle.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert (end.status_code, end.content) == (206, whole.content[-50:])
    assert (other.status_code, other.content) == (200, whole.content)
    assert (beyond.status_code, beyond.headers["content-range"]) == (
        416,
        f"bytes */{len(whole.content)}",
    )


def of_a_day_that_goes_on() -> dict[str, object]:
    """A range that has ended inside a candle that has not."""
    return {"interval": "1d", "to": time.time_ns() // 10**6 // DAY_MS * DAY_MS + 1}


@pytest.mark.parametrize("asked", [dict, of_a_day_that_goes_on])
def test_no_range_is_cut_from_an_answer_that_may_change(
    stage: Stage, asked: Callable[[], dict[str, object]]
) -> None:
    url = url_of(stage, "/v1/candles", symbol="BTCUSDT", limit=3, format="csv", **asked())
    answer = httpx.get(url, headers={"Range": "bytes=0-9"})

    assert answer.status_code == 200
    assert "accept-ranges" not in answer.headers


def test_polars_reads_a_url_lazily_and_at_once(stage: Stage) -> None:
    parquet = url_of(stage, "/v1/candles", **MONTH, limit=5000, format="parquet")
    lazy = pl.scan_parquet(parquet).select(pl.len(), pl.col("volume").sum()).collect()
    table = pl.read_csv(url_of(stage, "/v1/candles", **MONTH, limit=5000, format="csv"))

    assert lazy["len"].item() == len(table) == 2880


def test_arrow_and_csv_and_json_say_the_same(stage: Stage) -> None:
    asked = MONTH | {"limit": 10, "fields": "close,trade_count"}
    arrow = pa.ipc.open_stream(get(stage, "/v1/candles", **asked, format="arrow").content)
    table = arrow.read_all().to_pylist()
    text = get(stage, "/v1/candles", **asked, format="csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    objects = get(stage, "/v1/candles", **asked).json()["data"]

    assert [str(row["close"].normalize()) for row in table] == [row["close"] for row in rows]
    assert [row["close"] for row in rows] == [row["close"] for row in objects]
    assert list(objects[0]) == ["symbol", "interval", "open_ms", "close", "trade_count"]


def test_power_bi_gets_csv_by_its_accept_header_with_typed_looking_columns(stage: Stage) -> None:
    headers = {
        "Accept": "text/csv, application/octet-stream;q=0.5",
        "User-Agent": "Microsoft.Data.Mashup",
    }
    answer = httpx.get(stage.api.url + "/v1/candles", params=MONTH, headers=headers)
    frame = pd.read_csv(io.StringIO(answer.text), parse_dates=["open_time", "close_time"])

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert frame["open_time"].dt.tz is not None
    assert frame["close"].dtype == "float64"
    assert len(frame) == 500


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_follows_the_link_from_page_to_page(stage: Stage, tmp_path: Path) -> None:
    path, closes = f"/v1/candles?symbol=BTCUSDT&limit=700&from={START_MS}&format=csv", []
    while path:
        heads = tmp_path / "heads"
        command = ["curl", "-sS", "--fail", "-D", str(heads), stage.api.url + path]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        closes += [row["open_ms"] for row in csv.DictReader(io.StringIO(text))]
        links = [line for line in heads.read_text().splitlines() if line.startswith("link: ")]
        path = links[0].split("<")[1].split(">")[0] if links else ""

    assert len(closes) == 3000
    assert closes == sorted(set(closes))


def test_the_newest_come_first_where_no_begin_is_given(stage: Stage) -> None:
    page = get(stage, "/v1/candles", symbol="BTCUSDT", limit=2).json()

    begins = [row["open_ms"] for row in page["data"]]
    assert begins == [START_MS + 2999 * QUARTER_MS, START_MS + 2998 * QUARTER_MS]


@pytest.mark.parametrize("begin", ["1970-01-01T00:00:00Z", "0"])
def test_the_oldest_come_first_from_the_beginning_of_all_time(stage: Stage, begin: str) -> None:
    page = get(stage, "/v1/candles", symbol="ETHUSDT", limit=2, **{"from": begin}).json()

    assert [row["open_ms"] for row in page["data"]] == [START_MS, START_MS + QUARTER_MS]


def test_iso_and_epoch_times_are_the_same_moment(stage: Stage) -> None:
    iso = get(
        stage, "/v1/candles", symbol="BTCUSDT", **{"from": "2023-11-14T23:15:00+01:00"}, limit=1
    )
    epoch = get(stage, "/v1/candles", symbol="BTCUSDT", **{"from": START_MS}, limit=1)

    assert iso.json() == epoch.json()
    assert iso.json()["data"][0]["open_time"] == "2023-11-14T22:15:00.000Z"


def test_an_answer_that_the_caller_has_is_not_sent_again(stage: Stage) -> None:
    first = get(stage, "/v1/candles", **MONTH)
    headers = {"If-None-Match": first.headers["etag"]}
    again = httpx.get(stage.api.url + "/v1/candles", params=MONTH, headers=headers)

    assert (again.status_code, again.content) == (304, b"")


def test_what_is_ours_goes_before_the_exchanges_unless_it_is_gapped(stage: Stage) -> None:
    asked = {"symbol": "BTCUSDT", "from": START_MS - 4 * QUARTER_MS, "limit": 14}

    found = [row["source"] for row in get(stage, "/v1/candles", **asked).json()["data"]]

    assert found == ["rest"] * 4 + ["trades"] * 7 + ["rest"] + ["trades"] * 2


@pytest.mark.parametrize(
    ("first", "limit", "order"), [(8, 49, "asc"), (8, 20, "asc"), (0, 300, "asc"), (50, 20, "desc")]
)
def test_one_symbols_candles_are_those_that_a_search_of_several_finds(
    stage: Stage, first: int, limit: int, order: str
) -> None:
    asked = {"from": START_MS + first * QUARTER_MS, "to": START_MS + 107 * QUARTER_MS}
    one = get(stage, "/v1/candles", symbol="BTCUSDT", limit=limit, order=order, **asked).json()
    with stage.api.client() as client:
        body = {"symbols": ["BTCUSDT", "ETHUSDT"], "limit": 1000, "order": order, **asked}
        several = client.post("/v1/candles/search", json=body).json()

    found = [row for row in several["data"] if row["symbol"] == "BTCUSDT"]
    assert one["data"] == found[:limit]
    assert (one["next_cursor"] is None) == (len(found) <= limit)


def test_the_best_candles_are_those_of_the_stores_view(stage: Stage) -> None:
    asked = {"symbol": "BTCUSDT", "from": START_MS - 5 * QUARTER_MS, "limit": 300}
    view = (
        "SELECT toUnixTimestamp64Milli(open_time), toString(close), status, source "
        "FROM candles_best WHERE symbol = 'BTCUSDT' AND interval = '15m' "
        "ORDER BY open_time LIMIT 300"
    )
    with stage.clickhouse.client(database="candlewick") as client:
        expected = [tuple(row) for row in client.query(view).result_rows]

    found = get(stage, "/v1/candles", **asked).json()["data"]

    keys = ("open_ms", "close", "status", "source")
    assert [tuple(row[key] for key in keys) for row in found] == expected


def test_the_digests_of_days_are_those_of_their_candles(stage: Stage) -> None:
    day_ms = 1_577_836_800_000  # 2020-01-01
    minutes = [
        replace(a_candle(open_ms=day_ms + n * 60_000), source="rest", status="official")
        for n in range(1440 + 7)
    ]
    with stage.clickhouse.client(database="candlewick") as client:
        put(client, "klines", table_columns.CANDLE, [candle_row(minute) for minute in minutes])

    found = get(
        stage,
        "/v1/completeness/digests",
        **{"symbol": "BTCUSDT", "from": "2019-12-31", "to": "2020-01-03"},
    ).json()["data"]

    assert found == [asdict(day) for day in day_digests(minutes)]
    too_many = {"symbol": "BTCUSDT", "from": "2019-12-31", "to": "2021-12-31"}
    assert get(stage, "/v1/completeness/digests", **too_many).status_code == 422


def test_longer_candles_are_made_from_the_shorter(stage: Stage) -> None:
    whole = get(stage, "/v1/candles", symbol="ETHUSDT", interval="1d", limit=40).json()["data"]

    assert {row["status"] for row in whole} == {"gapped", "incomplete", "complete"} - {"complete"}
    assert whole[5]["trade_count"] == 96 * 4


def test_a_search_over_symbols_goes_by_time_and_pages_without_a_gap(stage: Stage) -> None:
    wanted: dict[str, object] = {
        "symbols": ["ETHUSDT", "BTCUSDT"],
        "from": START_MS,
        "status": ["complete"],
        "minimum_volume": "4.9",
        "fields": ["close"],
        "limit": 1001,
        "order": "desc",
    }
    rows: list[dict[str, object]] = []
    while True:
        page = httpx.post(f"{stage.api.url}/v1/candles/search", json=wanted, timeout=30).json()
        rows += page["data"]
        if page["next_cursor"] is None:
            break
        wanted["cursor"] = page["next_cursor"]

    keys = [(row["open_ms"], row["symbol"]) for row in rows]
    assert keys == sorted(set(keys), reverse=True)
    assert len(rows) == 2 * 3000 - 2 * 60  # every fiftieth is gapped


def test_what_was_known_at_a_moment_does_not_change_later(stage: Stage) -> None:
    asked = {"symbol": "BTCUSDT", "as_of": START_MS + 5 * 60_000, "model": "online"}

    found = get(stage, "/v1/predictions", **asked).json()["data"]

    assert [row["issued_ms"] for row in found] == [START_MS + m * 60_000 for m in range(5, -1, -1)]
    assert found[0]["price"] == "101"


def test_candles_are_asked_as_of_a_moment(stage: Stage) -> None:
    asked = {"symbol": "BTCUSDT", "limit": 50}
    with stage.clickhouse.client(database="candlewick") as client:
        stored = "SELECT min(toUnixTimestamp64Milli(stored_time)) FROM candles"
        first_ms = int(client.query(stored).result_rows[0][0])

    now = get(stage, "/v1/candles", **asked)
    later = get(stage, "/v1/candles", **asked, as_of=first_ms + 3_600_000)
    before = get(stage, "/v1/candles", **asked, as_of=first_ms - 1)
    longer = get(stage, "/v1/candles", **asked, as_of=first_ms, interval="1h")
    table = pd.read_parquet(
        url_of(stage, "/v1/candles", **asked, as_of=first_ms + 3_600_000, format="parquet")
    )

    assert later.json() == now.json()
    assert len(table) == 50
    assert before.json() == {"data": [], "next_cursor": None}
    assert longer.status_code == 422
    assert longer.json()["errors"][0]["place"] == "as_of"


def test_seconds_are_asked_like_other_candles_and_are_ours_alone(stage: Stage) -> None:
    second = replace(a_candle(interval="1s", length_ms=1_000), symbol="ETHUSDT")
    seconds = [
        replace(second, open_ms=START_MS + n * 1_000, close_ms=START_MS + (n + 1) * 1_000)
        for n in range(5)
    ]
    revised = replace(seconds[2], revision=2, close_e8=seconds[2].high_e8)
    with stage.clickhouse.client(database="candlewick") as client:
        rows = [candle_row(candle) for candle in (*seconds, revised)]
        put(client, "candles_1s", table_columns.CANDLE, rows)
    asked = {"symbol": "ETHUSDT", "interval": "1s", "from": START_MS}

    first = get(stage, "/v1/candles", **asked, limit=3).json()
    rest = get(stage, "/v1/candles", **asked, limit=3, cursor=first["next_cursor"]).json()
    refused = [
        get(stage, "/v1/candles", **asked, **{name: value}).json()["errors"][0]["place"]
        for name, value in (("source", "exchange"), ("as_of", START_MS))
    ]

    found = [*first["data"], *rest["data"]]
    assert [row["open_ms"] for row in found] == [candle.open_ms for candle in seconds]
    assert [row["revision"] for row in found] == [1, 1, 2, 1, 1]
    assert {(row["interval"], row["source"]) for row in found} == {("1s", "trades")}
    assert refused == ["source", "as_of"]


def test_skill_is_told_against_the_reference(stage: Stage) -> None:
    rows = get(stage, "/v1/scores", symbol="BTCUSDT").json()["data"]

    skills = {row["model"]: (row["point_skill"], row["coverage_50"]) for row in rows}
    assert skills == {"online": (0.75, 1), "reference": (0, 0)}


def test_the_current_prediction_has_challengers_and_evidence(stage: Stage) -> None:
    found = get(stage, "/predict", symbol="BTCUSDT").json()

    assert found["model"] == "online"
    assert [other["model"] for other in found["challengers"]] == ["reference"]
    assert found["seconds_to_close"] == 599
    assert found["lately"]["cases"] == 60


@pytest.mark.parametrize("path", ["/predict", "/v1/predictions/current"])
def test_the_chance_to_close_above_each_price_is_answered(stage: Stage, path: str) -> None:
    prices = ["103.5", "99", "95.25"]  # the open is 99
    found = get(stage, path, symbol="BTCUSDT", above=prices).json()

    assert (found["open"], found["chance_up"], found["chance_champion"]) == ("99", 0.7, True)
    chance = found["chance"]
    assert (chance["model"], chance["open"], chance["up"]) == ("online", "99", 0.7)
    assert [each["price"] for each in chance["above"]] == prices
    low, opened, high = (each["chance"] for each in chance["above"])
    assert opened == pytest.approx(0.7)
    assert low < 0.5 < opened < 0.95 < high
    assert get(stage, path, symbol="BTCUSDT").json()["chance"]["above"] == []


@pytest.mark.parametrize("price", ["0", "-1", "60,000", "1e5", "high", "", "99999999999"])
def test_the_chance_above_what_is_no_price_is_refused(stage: Stage, price: str) -> None:
    refused = get(stage, "/v1/predictions/current", symbol="BTCUSDT", above=["99", price])

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["place"] == "query.above.1"
    assert "price" in refused.json()["detail"]


def test_the_chance_is_asked_for_a_limited_number_of_prices(stage: Stage) -> None:
    statuses = [
        get(stage, "/predict", symbol="BTCUSDT", above=["99"] * count).status_code
        for count in (20, 21)
    ]

    assert statuses == [200, 422]


def test_past_predictions_and_outcomes_have_their_chances(stage: Stage) -> None:
    asked = {"symbol": "BTCUSDT", "model": "online", "limit": 15}
    predicted = get(stage, "/v1/predictions", **asked).json()["data"]
    outcomes = get(stage, "/v1/outcomes", **asked).json()["data"]

    first = predicted[-1]  # made when the candle had just begun
    assert (first["open"], first["chance_up"], first["low_98"]) == (None, 0.5, "95")
    assert (predicted[0]["open"], predicted[0]["chance_up"]) == ("99", 0.7)
    chances = {(row["open"], row["chance_up"], row["up"]) for row in outcomes}
    assert chances == {("99", 0.7, True), (None, 0.5, True)}
    assert {round(row["brier"], 8) for row in outcomes} == {0.09, 0.25}
    assert {row["chance_champion"] for row in predicted + outcomes} == {True}


LONG_AGO_MS = START_MS - 10_000 * QUARTER_MS


@pytest.fixture(scope="module")
def long_ago(stage: Stage) -> dict[str, object]:
    """Scores of a time of its own: in one candle of four nobody knew the open."""
    claims = [(0.7, True), (0.7, False), (0.31, True), (None, None)]
    with stage.clickhouse.client(database="candlewick") as client:
        for model, shrink in (("online", 1.0), ("reference", 0.5)):
            scores = []
            for n, (claim, up) in enumerate(claims * 10):
                open_ms = LONG_AGO_MS + n * QUARTER_MS
                chance = None if claim is None else 0.5 + (claim - 0.5) * shrink
                asked = a_prediction(symbol="ETHUSDT", open_ms=open_ms, minute=9, model=model)
                score = a_score(replace(asked, chance_up=chance), error_bp=1.0 if up else 3.0)
                scores.append(score if up is not None else replace(score, up=None, open_e8=None))
            put(
                client,
                "scores",
                table_columns.SCORE,
                [row_writer(Score)(score) for score in scores],
            )
    return {"symbol": "ETHUSDT", "from": LONG_AGO_MS, "to": LONG_AGO_MS + 50 * QUARTER_MS}


def test_the_brier_score_is_told_against_both_references_and_in_its_parts(
    stage: Stage, long_ago: dict[str, object]
) -> None:
    rows = get(stage, "/v1/scores", **long_ago).json()["data"]

    online, reference = rows
    assert (online["model"], online["cases"], online["chance_cases"]) == ("online", 40, 30)
    brier = (0.09 + 0.49 + 0.69**2) / 3
    naive = (0.16 + 0.36 + 0.595**2) / 3
    base = 2 / 3
    parts = {
        "share_up": base,
        "brier": brier,
        "brier_skill": 1 - brier / naive,
        "uncertainty": base * (1 - base),
        "climatology_skill": 1 - brier / (base * (1 - base)),
        "reliability": (2 * (0.7 - 0.5) ** 2 + (0.31 - 1) ** 2) / 3,
        "resolution": (2 * (0.5 - base) ** 2 + (1 - base) ** 2) / 3,
        "log_loss": -(math.log(0.7) + math.log(0.3) + math.log(0.31)) / 3,
    }
    assert {name: online[name] for name in parts} == pytest.approx(parts)
    added = online["reliability"] - online["resolution"] + online["uncertainty"]
    assert added == pytest.approx(online["brier"])
    assert (reference["brier_skill"], reference["pinball_nine_skill"]) == (0, 0)


def test_scores_of_all_time_are_those_since_1970(stage: Stage, long_ago: dict[str, object]) -> None:
    def cases(path: str, **asked: object) -> int:
        rows = get(stage, path, symbol="ETHUSDT", model="online", **asked).json()["data"]
        return sum(row["cases"] for row in rows)

    for path in ("/v1/scores", "/v1/scores/reliability"):
        then, lately = cases(path, **{k: long_ago[k] for k in ("from", "to")}), cases(path)
        assert then > 0
        assert lately > 0
        assert cases(path, **{"from": "1970-01-01"}) == then + lately
        assert cases(path, to=long_ago["to"]) == then  # of the 30 days before `to`


def test_scores_without_any_chance_have_no_brier_score(
    stage: Stage, long_ago: dict[str, object]
) -> None:
    (day, *_) = get(stage, "/v1/scores", **long_ago, by="minutes,day").json()["data"]
    alone = long_ago | {"from": LONG_AGO_MS + 3 * QUARTER_MS, "to": LONG_AGO_MS + 4 * QUARTER_MS}

    (row, _) = get(stage, "/v1/scores", **alone).json()["data"]

    assert (day["minutes"], day["chance_cases"] > 0) == (6, True)
    assert (row["cases"], row["chance_cases"]) == (1, 0)
    names = ("share_up", "brier", "brier_skill", "climatology_skill", "log_loss", "log_loss_skill")
    names += ("reliability", "resolution", "uncertainty")
    assert {row[name] for name in names} == {None}


def test_reliability_is_told_by_tenths_of_the_chance(
    stage: Stage, long_ago: dict[str, object]
) -> None:
    asked = long_ago | {"model": "online"}
    rows = get(stage, "/v1/scores/reliability", **asked).json()["data"]
    grouped = get(stage, "/v1/scores/reliability", **asked, by="symbol,minutes").json()["data"]

    names = ("model", "tenth", "cases", "candles", "mean_chance", "share_up")
    values = [("online", 3, 10, 10, 0.31, 1), ("online", 7, 20, 20, 0.7, 0.5)]
    expected = [dict(zip(names, each, strict=True)) for each in values]
    assert rows == [pytest.approx(row) for row in expected]
    assert [(row["symbol"], row["minutes"]) for row in grouped] == [("ETHUSDT", 6)] * 2


def test_confluents_deserializer_reads_our_topics(stage: Stage) -> None:
    candle = a_quarter(0)
    say(stage.kafka, topics.CANDLES, [candle])
    raw = next(read_values(stage, topics.CANDLES.name))
    with SchemaRegistryClient({"url": f"{stage.api.url}/registry"}) as registry:
        deserializer = AvroDeserializer(registry)
        context = SerializationContext(topics.CANDLES.name, MessageField.VALUE)

        found = deserializer(raw, context)

    assert isinstance(found, dict)
    assert found["close"] == Decimal("101.00012345")
    assert found["open_ms"] == candle.open_ms


def test_the_registrys_other_calls_answer_its_client(stage: Stage) -> None:
    subject, contract = "market.candles.v1-value", contract_of(Candle)
    with SchemaRegistryClient({"url": f"{stage.api.url}/registry"}) as registry:
        latest = registry.get_latest_version(subject)

        assert subject in registry.get_subjects()
        assert (latest.schema_id, latest.version) == (contract.schema_id, 1)
        assert registry.get_versions(subject) == [1]
        assert registry.get_version(subject, 1).schema_id == contract.schema_id
        assert registry.lookup_schema(subject, Schema(contract.text, "AVRO")).version == 1


def test_the_registry_has_every_version_of_a_contract(stage: Stage) -> None:
    subject = "market.trades.v1-value"
    old, new = contract_named("trade_block.v1"), contract_named("trade_block.v2")
    with SchemaRegistryClient({"url": f"{stage.api.url}/registry"}) as registry:
        assert registry.get_versions(subject) == [1, 2]
        assert registry.get_latest_version(subject).schema_id == new.schema_id
        assert registry.get_version(subject, 1).schema_id == old.schema_id
        assert registry.lookup_schema(subject, Schema(old.text, "AVRO")).version == 1
        assert registry.lookup_schema(subject, Schema(new.text, "AVRO")).version == 2
        assert json.loads(registry.get_schema(old.schema_id).schema_str) == json.loads(old.text)


def test_confluents_client_reads_all_that_a_read_only_registry_has(stage: Stage) -> None:
    subject, contract = "market.candles.v1-value", contract_of(Candle)
    same, other = Schema(contract.text, "AVRO"), Schema('"int"', "AVRO")
    with SchemaRegistryClient({"url": f"{stage.api.url}/registry"}) as registry:
        assert registry.get_compatibility() == registry.get_compatibility(subject)
        assert registry.get_config(subject).compatibility_level == "FULL_TRANSITIVE"
        assert registry.get_mode(subject) == registry.get_global_mode() == "READONLY"
        assert registry.get_contexts() == ["."]
        assert registry.get_schema_types() == ["AVRO"]
        assert registry.get_subjects(subject_prefix="market.candles.v") == [subject]
        assert len(registry.get_subjects(offset=1, limit=2)) == 2
        assert registry.get_latest_with_metadata(subject, {}).schema_id == contract.schema_id
        assert registry.get_referenced_by(subject, 1) == []
        assert registry.test_compatibility(subject, same)
        assert registry.test_compatibility_all_versions(subject, same)
        assert not registry.test_compatibility(subject, other, verbose=True)
        assert not registry.test_compatibility_all_versions(subject, Schema("{}", "JSON"))


NO_SCHEMA, ENDLESS = Schema("no schema", "AVRO"), Schema("[" * 60_000, "AVRO")


@pytest.mark.parametrize(
    ("status", "code", "call"),
    [
        (404, 40401, lambda registry: registry.get_latest_version("nothing")),
        (404, 40402, lambda registry: registry.get_version("market.candles.v1-value", 99)),
        (404, 40403, lambda registry: registry.get_schema(1)),
        (404, 40403, lambda r: r.get_latest_with_metadata("market.candles.v1-value", {"a": "b"})),
        (404, 40408, lambda registry: registry.get_compatibility("nothing")),
        (404, 40409, lambda registry: registry.get_mode("nothing")),
        (404, 40401, lambda registry: registry.test_compatibility("nothing", Schema("{}", "AVRO"))),
        (422, 42201, lambda r: r.test_compatibility("market.candles.v1-value", NO_SCHEMA)),
        (422, 42201, lambda r: r.test_compatibility("market.candles.v1-value", ENDLESS)),
        (422, 42202, lambda registry: registry.get_version("market.candles.v1-value", "x")),
        (422, 42205, lambda registry: registry.register_schema("mine-value", NO_SCHEMA)),
        (422, 42205, lambda registry: registry.set_compatibility(level="NONE")),
        (422, 42205, lambda registry: registry.delete_subject("market.candles.v1-value")),
    ],
)
def test_the_registry_refuses_with_the_codes_of_its_protocol(
    stage: Stage, status: int, code: int, call: Callable[[SchemaRegistryClient], object]
) -> None:
    with (
        SchemaRegistryClient({"url": f"{stage.api.url}/registry"}) as registry,
        pytest.raises(SchemaRegistryError) as refused,
    ):
        call(registry)

    assert (refused.value.http_status_code, refused.value.error_code) == (status, code)


def test_a_serializer_that_takes_the_newest_schema_writes_what_we_read(stage: Stage) -> None:
    end_ms = START_MS + QUARTER_MS
    hole = Hole("BTCUSDT", "15m", START_MS, end_ms, "official", 1, 2, START_MS, end_ms, end_ms, "")
    with SchemaRegistryClient({"url": f"{stage.api.url}/registry"}) as registry:
        strict = {"auto.register.schemas": False, "use.latest.version": True}
        context = SerializationContext(topics.HOLES.name, MessageField.VALUE)
        message = AvroSerializer(registry, conf=strict)(asdict(hole), context)

    assert message is not None
    assert decode(Hole, message) == hole


def test_the_engines_own_avro_reader_takes_our_messages(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "candles"
    file.write_bytes(b"".join(encode(a_quarter(n)) for n in range(3)))
    query = (
        f"SELECT symbol, open_ms, toString(close) AS close FROM file('{file}', 'AvroConfluent') "  # noqa: S608 - a path of the test
        f"SETTINGS format_avro_schema_registry_url = '{stage.api.url}/registry'"
    )

    rows = [json.loads(line) for line in str(chdb.query(query, "JSONEachRow")).splitlines()]

    assert [row["open_ms"] for row in rows] == [a_quarter(n).open_ms for n in range(3)]
    assert rows[0]["close"] == "101.00012345"


def read_values(stage: Stage, topic: str) -> Iterator[bytes]:
    config = {"bootstrap.servers": stage.kafka.bootstrap, "group.id": "t", "log_level": 0}
    consumer = Consumer(config | {"auto.offset.reset": "earliest", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    try:
        while True:
            message = consumer.poll(10)
            if message is None:
                raise AssertionError("nothing came")
            yield message.value() or b""
    finally:
        consumer.close()
