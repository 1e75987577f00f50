"""Every snippet of docs/connect.md that is marked to be run, run as it stands there."""

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

import candlewick
from candlewick.stack.ports import free_port
from schemas import topics
from schemas.settings import Settings
from tests.support.api_market import a_quarter, say
from tests.support.api_stage import PASSWORD, Stage
from tools.pages.build import DOCS

PAGE = (DOCS / "connect.md").read_text() + (DOCS / "bi.md").read_text()
MARK = re.compile(
    r"<!-- run: (?P<name>[^\n]+) -->\n```(?P<language>\w+)\n(?P<text>.*?)\n```", re.DOTALL
)
EXPECTED = {  # what each must print
    "token": '"champion":true',
    "token in Python": "BTCUSDT 50 repaired",
    "client": "closes at 101, 90 % between 97 and 105",
    "client without blocking": "BTCUSDT 5",
    "curl": '"BTCUSDT","15m",1702699200000',
    "search": '"ETHUSDT","15m",1700000100000,101.00012345,5',
    "chance": "'up': 0.7, 'above': [{'price': '100', 'chance': 0.57",
    "ClickHouse over HTTP": "│ BTCUSDT │",
    "connect": "mean     101.5",
    "as of": "96 candles were known at",
    "pandas": "101.00012345",
    "DuckDB": "┌",
    "Parquet file": "3004",
    "export": "highest close 102.00012345",
    "subscribe": "BTCUSDT 1700000100000 101.00012345 complete",
    "confluent-kafka": "USDT 1700000100000 101.00012345 complete",  # partitions come in any order
    "aiokafka": "USDT online 101.00000000",
    "Excel's address": '"ETHUSDT","1h",1702695600000',
}


@dataclass(frozen=True, slots=True)
class Snippet:
    name: str
    language: str
    text: str


UV = Path(sys.executable).with_name("uv")
SNIPPETS = [Snippet(**found.groupdict()) for found in MARK.finditer(PAGE)]


@pytest.fixture(scope="module")
def addresses(stage: Stage) -> dict[str, str]:
    """Where the page's servers are here."""
    say(stage.kafka, topics.CANDLES, [a_quarter(n) for n in range(6)])
    return {
        "http://127.0.0.1:8000": stage.api.url,
        "127.0.0.1:9092": stage.kafka.bootstrap,
        "http://127.0.0.1:8123": stage.clickhouse.url,
    }


@pytest.fixture(scope="module")
def environment(stage: Stage) -> Iterator[dict[str, str]]:
    """What a person has set."""
    values = {
        "PASSWORD": PASSWORD,
        "PASSWORD_OF_READER": stage.clickhouse.reader_password,
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": stage.kafka.bootstrap,
        "CANDLEWICK_CLICKHOUSE__URL": stage.clickhouse.url,
        "CANDLEWICK_CLICKHOUSE__READER_PASSWORD": stage.clickhouse.reader_password,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield values


def here(text: str, addresses: dict[str, str]) -> str:
    for ours, of_the_test in addresses.items():
        text = text.replace(ours, of_the_test)
    return text


def in_shell(text: str, folder: Path) -> str:
    command = ["sh", "-euc", text]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_python(text: str, name: str) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(text, f"connect.md: {name}", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own page
    return said.getvalue()


def narrow(said: str) -> str:
    """Text with one space where there are several."""
    return re.sub(r" {2,}", " ", said)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: str(snippet.name))
def test_a_snippet_does_what_the_page_says(
    snippet: Snippet, addresses: dict[str, str], tmp_path: Path
) -> None:
    text = here(snippet.text, addresses)
    if snippet.language == "sh" and shutil.which("curl") is None:
        pytest.skip("curl is not installed")

    said = in_shell(text, tmp_path) if snippet.language == "sh" else in_python(text, snippet.name)

    # Other tests fill the store too: how wide a column is depends on them.
    assert narrow(EXPECTED[snippet.name]) in narrow(said)


def installed(name: str) -> list[str]:
    """What the last `pip install` before a snippet names."""
    before = PAGE[: PAGE.index(f"<!-- run: {name} -->")]
    return shlex.split(re.findall(r"`pip install ([^`]+)`", before)[-1])


def run_alone(text: str, packages: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in an environment that holds these packages and nothing of ours."""
    (folder / "snippet.py").write_text(text)
    wanted = [part for package in packages for part in ("--with", package)]
    command = [str(UV), "run", "--no-project", "--isolated", "--python", sys.executable, *wanted]
    clean = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
    return subprocess.run(
        [*command, "python", "-P", "snippet.py"],
        cwd=folder, env=clean, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", ["confluent-kafka", "aiokafka"])
def test_a_snippet_runs_where_only_that_is_installed_which_it_names(
    name: str, stage: Stage, addresses: dict[str, str], tmp_path: Path
) -> None:
    # The group of the page has read what was there, if its snippet ran before in another test.
    say(stage.kafka, topics.CANDLES, [a_quarter(n) for n in range(6)])
    text = here(next(snippet.text for snippet in SNIPPETS if snippet.name == name), addresses)
    done = run_alone(text, installed(name), tmp_path)

    assert done.returncode == 0, done.stderr
    assert EXPECTED[name] in done.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_the_topics_are_lz4_so_a_client_without_it_says_what_it_lacks(
    addresses: dict[str, str], tmp_path: Path
) -> None:
    text = here(next(one.text for one in SNIPPETS if one.name == "aiokafka"), addresses)
    bare = [package.replace("[lz4]", "") for package in installed("aiokafka")]
    done = run_alone(text, bare, tmp_path)

    assert done.returncode != 0
    assert "UnsupportedCodecError: Libraries for lz4" in done.stderr


def test_connect_may_read_and_not_write(stage: Stage) -> None:
    with candlewick.connect(settings_of(stage)) as store:
        ours = "WHERE symbol IN ('BTCUSDT', 'ETHUSDT')"  # other tests leave symbols there
        assert store.command(f"SELECT count() FROM candles {ours}") == 6000  # noqa: S608 - our own words
        with pytest.raises(ClickHouseError):
            store.command("TRUNCATE TABLE candles")


def test_times_say_that_they_are_utc_in_frames_rows_and_parquet(stage: Stage) -> None:
    query = "SELECT open_time FROM candles ORDER BY open_time LIMIT 1"
    url = f"{stage.api.url}/v1/candles?symbol=BTCUSDT&interval=15m&limit=1&format=parquet"
    with candlewick.connect(settings_of(stage)) as store:
        row = store.query(query).first_row[0]
        frames = [
            store.query_df(query),
            pd.read_parquet(io.BytesIO(store.raw_query(query, fmt="Parquet"))),
            store.query_arrow(query).to_pandas(),
            pd.read_parquet(url),
        ]

    assert row.utcoffset() == timedelta(0)
    assert {str(frame["open_time"].dt.tz) for frame in frames} == {"UTC"}
    assert {frame["open_time"][0] for frame in frames[:3]} == {row}


def test_connect_says_what_is_wrong(stage: Stage) -> None:
    with pytest.raises(candlewick.ConfigurationError, match="refuses the password of reader"):
        candlewick.connect(settings_of(stage, reader_password="guessed"))  # noqa: S106 - a wrong one
    with pytest.raises(candlewick.Transient, match="does not answer"):
        candlewick.connect(settings_of(stage, url=f"http://127.0.0.1:{free_port()}"))


def settings_of(stage: Stage, **other: str) -> Settings:
    server = stage.clickhouse
    account = {"url": server.url, "reader_password": server.reader_password} | other
    return Settings.model_validate({"clickhouse": account})


def test_every_mark_has_its_snippet_and_every_snippet_is_expected() -> None:
    assert [snippet.name for snippet in SNIPPETS] == list(EXPECTED)
    assert PAGE.count("\n**▸ run**") == len(SNIPPETS)


def test_addresses_of_the_page_are_those_of_the_local_stack() -> None:
    ports = set(re.findall(r"127\.0\.0\.1:(\d+)", PAGE))

    assert ports == {"8000", "9092", "8123"}
