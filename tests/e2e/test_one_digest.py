"""One market, one digest: lived through with faults, copied, replayed and proven from trades."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from candlewick.cli import build_app
from clients.kafka.reader import TopicReader
from schemas import topics
from schemas.replayed import PROVEN_REVISION, is_replayed
from schemas.timeframe import DAY_MS
from tests.support.pipeline import Pipeline, running_pipeline

SYMBOL = "XRPUSDT"
PUBLISHED_MS = 3 * 3_600_000  # after the end of a day its archives are there
SPEED = 4320.0  # a day in 20 seconds
FAULTS = (
    "drop:probability=0.03,stream=aggTrade",
    "duplicate:probability=0.05,stream=aggTrade",
    "cut:every_ms=21600000",
)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    more = {
        "CANDLEWICK_STREAM__SILENCE_S": "2",
        "CANDLEWICK_STREAM__GIVE_UP_S": "60",
        "CANDLEWICK_BACKFILL__SINCE": "1d",
    }
    with running_pipeline(
        tmp_path,
        symbols=(SYMBOL,),
        more=more,
        start="2024-08-08T13:00:00Z",  # by midnight everything runs, or else by the next one
        speed=SPEED,
        rate=0.15,
        fault=FAULTS,
        weight_limit=1_000_000,
    ) as running:
        yield running


def command(pipeline: Pipeline, *arguments: str) -> Result:
    environment = {
        "CANDLEWICK_DATA_DIR": str(pipeline.folder),
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": pipeline.kafka.bootstrap,
        "CANDLEWICK_BINANCE__REST_URL": pipeline.exchange.http_url,
        "CANDLEWICK_BINANCE__ARCHIVE_URL": pipeline.exchange.http_url,
        "CANDLEWICK_CLICKHOUSE__URL": pipeline.clickhouse.url,
        "CANDLEWICK_CLICKHOUSE__PASSWORD": pipeline.clickhouse.password,
        "CANDLEWICK_CLICKHOUSE__READER_PASSWORD": pipeline.clickhouse.reader_password,
        "COLUMNS": "200",
    }
    done = CliRunner().invoke(build_app(arguments[:1]), list(arguments), env=environment)
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def date_of(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()


def backfill(pipeline: Pipeline, day_ms: int, *arguments: str) -> str:
    span = ("--symbols", SYMBOL, "--from", date_of(day_ms), "--to", date_of(day_ms + DAY_MS))
    return command(pipeline, "backfill", *span, *arguments).stdout


def digest(pipeline: Pipeline, day_ms: int) -> str | None:
    span = ("--from", date_of(day_ms), "--to", date_of(day_ms + DAY_MS))
    done = command(pipeline, "completeness", "--digest", "--json", *span)
    day: dict[str, Any] = json.loads(done.stdout)
    return day["sha256"]


def replayed_digest(pipeline: Pipeline, day_ms: int) -> str:
    files = []
    for at_ms in (day_ms - DAY_MS, day_ms):  # the day before proves where this one begins
        path = pipeline.folder / f"{SYMBOL}-aggTrades-{date_of(at_ms)}.zip"
        path.write_bytes(
            pipeline.exchange.get(f"/data/spot/daily/aggTrades/{SYMBOL}/{path.name}").content
        )
        files.append(str(path))
    said = command(pipeline, "replay", "--digest", "--csv", *files).stdout
    return next(line for line in said.splitlines() if date_of(day_ms) in line).split(",")[3]


def wait_for_market(pipeline: Pipeline, ms: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and pipeline.market_ms() < ms:
        pipeline.restart_dead()
        time.sleep(0.1)


def marks(pipeline: Pipeline) -> list[bool]:
    """Of each candle in the topic, whether it is marked as replayed."""
    with TopicReader(pipeline.kafka.settings, "marks") as reader:
        return [is_replayed(message.headers()) for message in reader.new(topics.CANDLES)]


@pytest.mark.slow
def test_live_with_faults_and_copied_and_replayed_and_proven_are_one_digest(
    pipeline: Pipeline,
) -> None:
    first = "SELECT toUnixTimestamp64Milli(min(open_time)) FROM candles HAVING count() > 0"
    day_ms = -(-pipeline.wait_for(first, at_least=1, within_s=60) // DAY_MS) * DAY_MS
    minutes = f"interval = '1m' AND toDate(open_time) = '{date_of(day_ms)}'"
    wait_for_market(pipeline, day_ms + DAY_MS + PUBLISHED_MS)
    ours = f"SELECT count() FROM candles FINAL WHERE {minutes} AND status != 'gapped'"  # noqa: S608 - our own words
    assert pipeline.wait_for(ours, at_least=1440, within_s=60) == 1440, pipeline.tail()
    for name in ("stream", "candles"):
        pipeline.kill(name)
    live = digest(pipeline, day_ms)
    assert not any(marks(pipeline))

    backfill(pipeline, day_ms, "--source", "archive")
    with pipeline.clickhouse.client(database="candlewick") as client:
        client.command("TRUNCATE TABLE candles")
    theirs = (
        "SELECT count() FROM klines WHERE source = 'archive-daily' "  # noqa: S608 - our own words
        f"AND toDate(open_time) = '{date_of(day_ms)}'"
    )
    assert pipeline.wait_for(theirs, at_least=1440 + 96, within_s=30) == 1440 + 96
    copied = digest(pipeline, day_ms)

    said = backfill(pipeline, day_ms, "--trades")
    proven = digest(pipeline, day_ms)

    assert live is not None
    assert [copied, replayed_digest(pipeline, day_ms), proven] == [live, live, live]
    revisions = f"SELECT min(revision) FROM candles FINAL WHERE {minutes}"  # noqa: S608 - our own words
    assert pipeline.rows(revisions) == [(PROVEN_REVISION + 1,)]
    assert sum(marks(pipeline)) == 1440 + 96
    days, _, missing, _, candles, gapped, verified, mismatch = said.splitlines()[1].split()[1:9]
    assert (days, missing, candles, gapped, verified) == ("1", "0", "1,536", "0", "1,536"), said
    assert mismatch == "0"
