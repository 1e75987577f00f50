"""The table of clients says only what a test runs, with the version that it runs."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests" / "integration"
PAGE = (ROOT / "docs" / "compatibility.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and ".py`" in line
]
OURS = (
    "clickhouse-connect", "confluent-kafka", "aiokafka", "pandas", "polars", "pyarrow", "DuckDB",
    "httpx", "websockets",
)  # fmt: skip
IN_TEXT = {  # names that stand in tests by another one
    "ClickHouse's reader of `AvroConfluent`": "AvroConfluent",
    "openapi-typescript with openapi-fetch": "openapi-typescript",
    "clickhouse-connect": "clickhouse_connect",
    "SQLAlchemy dialect of clickhouse-connect": "clickhousedb\\+connect",
    "Power Query's requests": "Microsoft.Data.Mashup",
    "ODBCDriver2, the format of ClickHouse's ODBC driver": "ODBCDriver2",
    "confluent-kafka": "confluent_kafka",
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_each_client_stands_in_the_tests_that_are_named(row: list[str]) -> None:
    client, said, *_, named = row
    client = client.replace(" †", "")
    texts = [(TESTS / file).read_text() for file in re.findall(r"`(\w+\.py)`", named)]
    together = "".join(texts) + ("" if "connect.py" not in named else _snippets())

    assert texts
    assert IN_TEXT.get(client, client) in together
    for number in re.findall(r"\d+\.\d+\.\d+", said if "†" in row[0] else ""):
        assert number in together


@pytest.mark.parametrize("client", OURS)
def test_the_version_of_what_we_install_is_the_installed_one(client: str) -> None:
    said = next(row[1] for row in ROWS if row[0] == client)

    assert said == version(client)


def _snippets() -> str:
    return (ROOT / "docs" / "connect.md").read_text()
