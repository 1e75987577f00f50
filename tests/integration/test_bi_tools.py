"""What BI tools send: Power Query's requests, Superset's calls, the format of ODBC."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import httpx
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, MetaData, Table, create_engine, func, inspect, select, text

from tests.support.api_stage import PASSWORD, Stage
from tools.pages.build import DOCS

PAGE: Final = (DOCS / "bi.md").read_text()
QUERIES: Final = re.findall(r"```m\n(.*?)```", PAGE, re.DOTALL)
USER_AGENT: Final = "Microsoft.Data.Mashup (https://go.microsoft.com/fwlink/?LinkID=304225)"
READS: Final = {
    "type datetimezone": datetime.fromisoformat,
    "type number": float,
    "Int64.Type": int,
}


def record(source: str, name: str) -> dict[str, str]:
    """A record of M, `Name = [a = "b", …]`, as text by name."""
    (inside,) = re.findall(rf"\b{name} = \[([^\]]*)\]", source)
    return dict(re.findall(r'(\w+) = "([^"]*)"', inside))


def asked(stage: Stage, query: str, token: str = "") -> httpx.Response:
    """Send what the query would: its path, its parameters and its headers."""
    (path,) = re.findall(r'RelativePath = "(v1/candles)"', query)
    accepted, authorised = re.findall(
        r'\[Accept = "([^"]+)"(?:, (\w+) = "Bearer " & Token)?\]', query
    )
    headers = {"User-Agent": USER_AGENT, "Accept": accepted[0]}
    if token:
        headers |= {authorised[1]: f"Bearer {token}"}
    return httpx.get(
        f"{stage.api.url}/{path}", params=record(query, "Query"), headers=headers, timeout=30
    ).raise_for_status()


def signed_in(stage: Stage, query: str) -> str:
    """Ask for a token as the query does, with the fields that it names."""
    (fields,) = re.findall(r"BuildQueryString\(\[(.*?)\]\)", query)
    filled = {"User": "viewer", "Password": PASSWORD}
    form = {name: filled[value] for name, value in re.findall(r"(\w+) = (\w+)", fields)}
    (path,) = re.findall(r'RelativePath = "(v1/token)"', query)
    (kind,) = re.findall(r'#"Content-Type" = "([^"]+)"', query)
    headers = {"Content-Type": kind, "User-Agent": USER_AGENT}
    body = str(httpx.QueryParams(form)).encode()
    answer = httpx.post(f"{stage.api.url}/{path}", content=body, headers=headers)
    (field,) = re.findall(r"\)\)\[(\w+)\]", query)
    return str(answer.raise_for_status().json()[field])


def test_power_query_gets_csv_whose_columns_have_the_types_that_it_names(stage: Stage) -> None:
    query = next(each for each in QUERIES if "Csv.Document" in each)
    answers = [asked(stage, query), asked(stage, query, signed_in(stage, query))]
    typed = re.findall(r'\{"(\w+)", ([\w. ]+)\}', query)

    rows = list(csv.DictReader(io.StringIO(answers[0].content.decode("utf-8"))))
    for name, kind in typed:
        assert [READS[kind](row[name]) for row in rows[:50]]
    assert len(typed) == 8
    assert len(rows) > 1000
    assert answers[0].headers["content-type"] == "text/csv; charset=utf-8"
    assert answers[1].content == answers[0].content


def test_power_query_gets_parquet_with_the_same_candles(stage: Stage) -> None:
    query = next(each for each in QUERIES if "Parquet.Document" in each)
    table = pq.read_table(io.BytesIO(asked(stage, query).content))
    other = asked(stage, next(each for each in QUERIES if "Csv.Document" in each)).text

    assert table.num_rows == len(list(csv.DictReader(io.StringIO(other))))
    assert str(table.schema.field("open_time").type) == "timestamp[ms, tz=UTC]"


@pytest.fixture(scope="module")
def superset(stage: Stage) -> Iterator[Engine]:
    (uri,) = re.findall(r"clickhousedb\+connect://\S+", PAGE)
    place = stage.clickhouse.url.removeprefix("http://").rstrip("/")
    uri = uri.replace("127.0.0.1:8123", place).replace("PASSWORD", stage.clickhouse.reader_password)
    engine = create_engine(uri)
    yield engine
    engine.dispose()


def test_superset_finds_schemas_tables_and_columns(superset: Engine) -> None:
    looked = inspect(superset)
    columns = {column["name"]: column["type"] for column in looked.get_columns("candles_best")}

    assert "candlewick" in looked.get_schema_names()
    assert {"candles", "klines"} <= set(looked.get_table_names("candlewick"))
    assert {"open_time", "close", "status"} <= set(columns)
    assert looked.get_indexes("candles") == []
    with superset.connect() as connection:
        assert connection.dialect.do_ping(connection.connection.dbapi_connection)
        functions = connection.execute(text("SELECT name FROM system.functions")).scalars().all()
    assert "toStartOfInterval" in functions


def test_superset_draws_a_chart_of_grouped_time(superset: Engine) -> None:
    table = Table("candles_best", MetaData(), autoload_with=superset)
    hour = text("toStartOfInterval(toDateTime(open_time), INTERVAL 1 hour) AS __timestamp")
    chart = (
        select(hour, func.max(table.c.close).label("close"))
        .where(table.c.symbol == "BTCUSDT", table.c.interval == "15m")
        .group_by(text("__timestamp"))
        .order_by(text("close DESC"))
        .limit(5)
    )
    ours = "WHERE symbol IN ('BTCUSDT', 'ETHUSDT')"  # other tests leave symbols there
    counts = f"SELECT symbol, count() AS candles FROM candles_best {ours}"  # noqa: S608 - our own words
    lab = f"{counts} GROUP BY symbol LIMIT 1001"
    with superset.connect() as connection:
        rows = connection.execute(chart).all()
        cursor = connection.connection.cursor()
        cursor.execute(lab)
        names, found = [column[0] for column in cursor.description], cursor.fetchall()

    assert len(rows) == 5
    assert all(isinstance(row[0], datetime) for row in rows)
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)
    assert names == ["symbol", "candles"]
    assert {row[0] for row in found} == {"BTCUSDT", "ETHUSDT"}


def test_odbc_is_answered_in_its_drivers_format(stage: Stage) -> None:
    answer = httpx.post(
        stage.clickhouse.url,
        params={"database": "candlewick", "default_format": "ODBCDriver2"},
        content=b"SELECT symbol, count() AS candles FROM candles_best GROUP BY symbol",
        auth=(stage.clickhouse.reader, stage.clickhouse.reader_password),
    )

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-clickhouse-format"] == "ODBCDriver2"
    assert b"symbol" in answer.content
    assert b"BTCUSDT" in answer.content
