"""The floor under all that asks ClickHouse, against the real engine."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from api.queries.clickhouse import Reader
from candlewick.store.audits import Audit
from candlewick.store.completeness import read_completeness
from candlewick.store.models import ModelTables
from candlewick.store.predictions import PredictionTables
from candlewick.terminal.board import read_board
from clients.clickhouse import (
    ClickHouseError,
    Client,
    answered,
    batches_of,
    connect_reader,
    connect_writer,
    rows_of,
)
from clients.clickhouse_errors import meaning, reader_login, writer_login
from schemas.errors import (
    CandlewickError,
    ConfigurationError,
    ContractMismatch,
    PoisonMessage,
    Transient,
)
from schemas.settings import ClickHouseSettings
from tests.support.relay import Relay, relay_to
from tests.support.servers import free_port, running_clickhouse

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = b"\x07one"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseSettings]:
    with running_clickhouse(tmp_path_factory.mktemp("store") / "data") as server:
        found = ClickHouseSettings.model_validate(
            {
                "url": server.url,
                "database": "default",
                "user": server.user,
                "password": server.password,
                "reader_user": server.reader,
                "reader_password": server.reader_password,
            }
        )
        with connect_writer(found) as client:
            client.command("CREATE TABLE words (word String) ENGINE = MergeTree ORDER BY word")
        yield found


def ask(settings: ClickHouseSettings, call: Callable[[Client], object]) -> object:
    login = writer_login(settings)
    with connect_writer(settings) as client:
        return answered(login, "a test", lambda: call(client), limit_s=20, rows=ROWS)


def raw(table: str, rows: bytes, *columns: str) -> Callable[[Client], object]:
    return lambda client: client.raw_insert(table, columns, rows, fmt="RowBinary")


def test_the_writer_writes_and_the_reader_only_reads(settings: ClickHouseSettings) -> None:
    ask(settings, raw("words", b"\x03one", "word"))
    with connect_reader(settings) as reader:
        assert reader.query("SELECT word FROM words").result_rows == [("one",)]
        with pytest.raises(ClickHouseError):
            reader.command("INSERT INTO words VALUES ('two')")


@pytest.mark.parametrize(
    ("call", "means", "says"),
    [
        (raw("nowhere", b"\x03one", "word"), ContractMismatch, "candlewick migrate"),
        (raw("words", b"\x03one", "nothing"), ContractMismatch, "candlewick migrate"),
        (raw("words", ROWS, "word"), PoisonMessage, "refuses the rows"),
        (lambda c: c.query("SELECT nothing FROM words"), ContractMismatch, "candlewick migrate"),
        (lambda c: c.query("SELECT nonsense(1)"), ContractMismatch, "candlewick migrate"),
        (lambda c: c.query("SELEC 1"), ContractMismatch, "candlewick migrate"),
        (
            lambda c: c.query(
                "SELECT sleepEachRow(0.1) FROM numbers(30)",
                settings={"max_execution_time": 1, "max_block_size": 1},
            ),
            Transient,
            "cannot do it now",
        ),
    ],
)
def test_what_the_engine_refuses_says_what_to_do_next(
    settings: ClickHouseSettings,
    call: Callable[[Client], object],
    means: type[CandlewickError],
    says: str,
) -> None:
    with pytest.raises(CandlewickError, match=says) as found:
        ask(settings, call)

    assert type(found.value) is means


@pytest.mark.parametrize(
    "read",
    [
        lambda client: list(read_completeness(client, symbol="", interval="")),
        lambda client: Audit(client, symbol="", interval="").tallies(),
        lambda client: ModelTables(client).market_ms(),
        lambda client: PredictionTables(client).newest(),
        read_board,
    ],
)
def test_a_store_without_tables_says_what_makes_them(
    settings: ClickHouseSettings, read: Callable[[Client], object]
) -> None:
    with (
        connect_reader(settings) as client,
        pytest.raises(ContractMismatch, match="candlewick migrate"),
    ):
        read(client)


def test_the_api_reads_the_same_table_of_codes(settings: ClickHouseSettings) -> None:
    reader = Reader(settings)
    with pytest.raises(ContractMismatch, match="candlewick migrate"):
        reader.rows("SELECT nothing FROM words")
    wrong = settings.model_copy(update={"reader_user": "nobody"})
    with pytest.raises(ConfigurationError, match="CANDLEWICK_CLICKHOUSE__READER_PASSWORD"):
        Reader(wrong).rows("SELECT 1")
    reader.close()


def test_an_answer_that_fails_after_its_first_rows_is_no_answer(
    settings: ClickHouseSettings,
) -> None:
    reader = Reader(settings)
    with pytest.raises(ContractMismatch, match="refuses what this version asks: Code: 395"):
        reader.lines("SELECT throwIf(number = 900000) FROM numbers(1000000)", {})
    reader.close()


@pytest.mark.parametrize(
    ("connect", "setting"),
    [
        (connect_writer, "CANDLEWICK_CLICKHOUSE__PASSWORD"),
        (connect_reader, "CANDLEWICK_CLICKHOUSE__READER_PASSWORD"),
    ],
)
def test_a_refused_password_names_the_setting_and_not_the_password(
    settings: ClickHouseSettings, connect: Callable[[ClickHouseSettings], Client], setting: str
) -> None:
    guess = {"password": "guessed", "reader_password": "guessed"}
    wrong = ClickHouseSettings.model_validate(settings.model_dump() | guess)
    with pytest.raises(ConfigurationError, match=setting) as found:
        connect(wrong)

    assert "guessed" not in f"{found.value} {reader_login(wrong)} {writer_login(wrong)}"


def test_a_store_that_is_away_is_told_in_one_sentence() -> None:
    place = f"127.0.0.1:{free_port()}"
    away = ClickHouseSettings.model_validate({"url": f"http://{place}"})
    sentence = f"ClickHouse does not answer at {place}: .*CANDLEWICK_CLICKHOUSE__URL"
    for ask_it in (lambda: connect_writer(away), lambda: Reader(away).rows("SELECT 1")):
        with pytest.raises(Transient, match=sentence) as found:
            ask_it()
        assert str(found.value).count("(") == 1, "one reason, and no library's names around it"
        assert "refused" in str(found.value)


def test_a_call_that_takes_too_long_is_given_up(settings: ClickHouseSettings) -> None:
    begun_s = time.monotonic()
    with (
        connect_writer(settings) as client,
        pytest.raises(Transient, match=r"a long question\) has not answered within"),
    ):
        answered(
            writer_login(settings),
            "a long question",
            lambda: client.query("SELECT sleep(1.5)"),
            limit_s=0.2,
        )

    assert time.monotonic() - begun_s < 10


@contextmanager
def halted_rows(
    settings: ClickHouseSettings, *, limit_s: float
) -> Iterator[tuple[Iterator["pa.RecordBatch"], Relay]]:
    """Rows of an answer that stops coming in its middle."""
    large = "SELECT randomString(100) FROM numbers(300000)"
    with relay_to(settings.url, lambda passed: passed > 10_000_000) as way:
        slowed = settings.model_copy(update={"url": way.url})
        with connect_reader(slowed, silence_s=60) as client:
            yield batches_of(client, large, {}, limit_s=limit_s), way
        assert way.held.is_set()


def test_rows_that_stop_coming_are_given_up_after_their_limit(settings: ClickHouseSettings) -> None:
    with halted_rows(settings, limit_s=4) as (rows, _):
        begun_s = time.monotonic()
        with pytest.raises(Transient, match="has not answered within"):
            list(rows)
        took_s = time.monotonic() - begun_s

    assert took_s < 15  # a busy machine; the read under way ends after 30 s


def test_ctrl_c_ends_the_wait_for_rows_at_once(
    settings: ClickHouseSettings, request: pytest.FixtureRequest
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with halted_rows(settings, limit_s=60) as (rows, way):
        assert next(rows).num_rows
        pressed_s: list[float] = []

        def press() -> None:
            way.held.wait(30)
            pressed_s.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        threading.Timer(1, press).start()  # by then the rest is waited for
        with pytest.raises(KeyboardInterrupt):
            list(rows)

        assert time.monotonic() - pressed_s[0] < 5


def test_a_person_waits_for_rows_longer_than_a_service_does(settings: ClickHouseSettings) -> None:
    with connect_reader(settings, silence_s=1) as client:
        assert rows_of(client, "SELECT sleep(2)") == [(0,)]


def test_a_store_at_work_is_not_taken_for_one_that_is_away(settings: ClickHouseSettings) -> None:
    login = reader_login(settings)
    with (
        connect_reader(settings, silence_s=1) as client,
        pytest.raises(Transient, match="busy") as found,
    ):
        answered(login, "a question", lambda: client.query("SELECT sleep(3)"), limit_s=20)

    assert "start it" not in str(found.value)


@pytest.mark.parametrize(
    ("code", "said", "means"),
    [
        (252, "Too many parts (300)", Transient),
        (252, "Too many partitions for single INSERT block", PoisonMessage),
        (241, "Memory limit exceeded", Transient),
        (497, "Not enough privileges", ConfigurationError),
        (None, "HTTP 502", Transient),
        (99_999, "something new", ContractMismatch),
    ],
)
def test_a_code_means_the_same_to_everybody(
    code: int | None, said: str, means: type[CandlewickError]
) -> None:
    assert type(meaning(code, said, None, rows=ROWS)) is means


def test_rows_are_refused_only_where_there_were_rows() -> None:
    assert type(meaning(27, "Cannot parse input", None)) is ContractMismatch
