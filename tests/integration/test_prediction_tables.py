"""Predictions, scores and model events come back from ClickHouse as they went in."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from clickhouse_connect.driver.client import Client

from candlewick.store.admin import apply_migrations
from candlewick.store.predictions import PredictionTables
from schemas.predictions import ModelVersion, Prediction, Score
from sinks.tables import TABLES
from tests.support.builders import START_MS
from tests.support.messages import sent
from tests.support.prediction_builders import a_prediction, an_answer
from tests.support.servers import running_clickhouse

QUARTER_MS = 900_000
NOW_MS = time.time_ns() // 1_000_000 // QUARTER_MS * QUARTER_MS
SINCE_V2 = ("low_98_e8", "low_80_e8", "high_80_e8", "high_98_e8", "open_e8", "chance_up")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_clickhouse(tmp_path_factory.mktemp("predictions") / "data") as server:
        apply_migrations(server.settings)
        with server.client(database="candlewick") as opened:
            yield opened


def a_score(model: str, **changes: object) -> Score:
    score = Score(
        symbol="BTCUSDT",
        interval="15m",
        open_ms=START_MS,
        close_ms=START_MS + QUARTER_MS,
        issued_ms=START_MS + 60_000,
        minutes_to_close=14.0,
        model=model,
        version="1",
        status="ready",
        champion=False,
        volatility_bp=4.5,
        price_e8=101 * 10**8,
        outcome_e8=102 * 10**8,
        error_bp=98.5,
        absolute_error_bp=98.5,
        squared_error_bp2=9702.25,
        pinball_bp=20.0,
        winkler_50_bp=400.0,
        winkler_90_bp=1200.0,
        width_50_bp=400.0,
        width_90_bp=1200.0,
        covered_50=True,
        covered_90=True,
    )
    return replace(score, **changes)  # type: ignore[arg-type]


def store(client: Client, *records: Prediction | Score | ModelVersion) -> None:
    for record in records:
        table = next(t for t in TABLES if t.topic.record is type(record))
        client.raw_insert(table.name, table.columns, table.read(sent(record)).data, fmt="RowBinary")


def test_a_prediction_comes_back_as_it_was(client: Client) -> None:
    store(client, a_prediction())

    row = client.query(
        "SELECT symbol, toUnixTimestamp64Milli(open_time), toUnixTimestamp64Milli(issued_time), "
        "minutes_to_close, scored, toString(price), toString(low_90), volatility_bp "
        "FROM predictions"
    ).result_rows

    assert row == [("BTCUSDT", START_MS, START_MS + 60_000, 14.0, True, "101", "95", 4.5)]


def test_a_prediction_with_its_chance_comes_back_as_it_was(client: Client) -> None:
    with_chance = a_prediction(
        symbol="BNBUSDT",
        open_ms=NOW_MS,
        close_ms=NOW_MS + QUARTER_MS,
        issued_ms=NOW_MS + 60_000,
        low_98_e8=94 * 10**8,
        low_80_e8=97 * 10**8,
        high_80_e8=105 * 10**8,
        high_98_e8=108 * 10**8,
        open_e8=100 * 10**8,
        chance_up=0.625,
        chance_champion=True,
    )
    without = replace(with_chance, symbol="ADAUSDT", **dict.fromkeys(SINCE_V2), champion=False)
    store(client, with_chance, without)

    assert PredictionTables(client, "BNBUSDT").newest() == [with_chance]
    assert PredictionTables(client, "ADAUSDT").newest() == [without]


def test_the_newest_prediction_is_shown_however_long_ago_it_was_made(client: Client) -> None:
    old = an_answer(START_MS, symbol="LTCUSDT")
    store(client, old, an_answer(START_MS - 3 * 86_400_000, symbol="LTCUSDT"))

    assert PredictionTables(client, "LTCUSDT").newest() == [old]


def test_reliability_is_by_tenths_of_the_chance_and_leaves_out_the_unknown(client: Client) -> None:
    cases = [(0.62, True), (0.66, True), (0.68, False), (1.0, True), (None, None)]
    scores = [
        a_score(
            "online",
            symbol="SOLUSDT",
            open_ms=START_MS - QUARTER_MS,
            close_ms=START_MS,
            issued_ms=START_MS - QUARTER_MS + i,
            chance_up=chance,
            up=up,
            brier=None if chance is None else (chance - bool(up)) ** 2,
        )
        for i, (chance, up) in enumerate(cases)
    ]
    store(client, *scores)

    rows = client.query(
        "SELECT tenth, cases, round(mean_chance, 4), round(share_up, 4) FROM reliability "
        "WHERE symbol = 'SOLUSDT' ORDER BY tenth"
    ).result_rows

    assert rows == [(6, 3, 0.6533, 0.6667), (9, 1, 1.0, 1.0)]
    assert PredictionTables(client).scores("SOLUSDT", START_MS - QUARTER_MS) == scores


def test_a_model_event_comes_back_as_it_was(client: Client) -> None:
    store(client, ModelVersion("online", "2", "BTCUSDT", "drift", START_MS, "residuals", "{}"))

    rows = client.query("SELECT model, version, symbol, event, reason FROM model_versions")

    assert rows.result_rows == [("online", "2", "BTCUSDT", "drift", "residuals")]


def test_the_scoreboard_shows_skill_against_the_reference_and_its_own_as_zero(
    client: Client,
) -> None:
    store(
        client,
        a_score("reference"),
        a_score("online", pinball_bp=15.0, squared_error_bp2=9702.25, covered_90=False),
    )

    rows = client.query(
        "SELECT model, cases, point_skill, pinball_skill, coverage_90 FROM scoreboard "
        "WHERE symbol = 'BTCUSDT' ORDER BY model"
    ).result_rows

    assert rows == [("online", 1, 0.0, 0.25, 0.0), ("reference", 1, 0.0, 0.0, 1.0)]


def test_calibration_is_by_minutes_to_close(client: Client) -> None:
    rows = client.query(
        "SELECT minutes, cases, coverage_90 FROM calibration WHERE model = 'reference'"
    ).result_rows

    assert rows == [(14, 1, 1.0)]


def test_scores_tell_what_was_answered_live_from_what_was_replayed(client: Client) -> None:
    later = {"symbol": "ETHUSDT", "issued_ms": START_MS + 120_000}
    store(
        client,
        a_score("reference"),
        a_prediction(symbol="ETHUSDT", model="reference"),
        a_score("reference", symbol="ETHUSDT"),
        a_score("reference", **later),
        a_score("reference", **later),  # told twice
    )
    tables = PredictionTables(client)

    assert tables.scored(START_MS) == ["BTCUSDT", "ETHUSDT"]
    assert [s.issued_ms - START_MS for s in tables.scores("ETHUSDT", START_MS)] == [60_000, 120_000]
    assert tables.asked_live("ETHUSDT", START_MS) == 1
    assert tables.asked_live("ETHUSDT", START_MS + QUARTER_MS) == 0


def test_a_score_that_was_sent_again_counts_once_in_every_view(client: Client) -> None:
    score = a_score("online", symbol="LTCUSDT", chance_up=0.6, up=True, brier=0.16, log_loss=0.5)
    store(client, score)
    client.command("SYSTEM STOP MERGES scores")
    client.command("INSERT INTO scores SELECT * FROM scores WHERE symbol = 'LTCUSDT'")

    for view in ("scoreboard", "calibration", "reliability"):
        asked = f"SELECT cases FROM {view} WHERE symbol = 'LTCUSDT'"  # noqa: S608 - our own words
        assert client.query(asked).result_rows == [(1,)], view
