# ruff: noqa: S608 - the SQL is put together from this file's own table names
import gzip
import itertools
import json
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path

import httpx
import lz4.frame
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from candlewick.clickhouse_server.frames import FrameEncoder, unframed
from tests.support.servers import (
    START_DEADLINE_S,
    RunningClickHouse,
    free_port,
    log_of,
    running_clickhouse,
    start_clickhouse,
)

NUMBERS = itertools.count()
LATE = "SELECT throwIf(number = 900000) FROM numbers(1000000)"
ON_DISK = "only the disk knows"
DEADLINE_S = 30.0  # half of the time that a query takes which is to end before


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningClickHouse]:
    with running_clickhouse(tmp_path_factory.mktemp("server") / "clickhouse") as running:
        yield running


@pytest.fixture(scope="module")
def http(server: RunningClickHouse) -> Iterator[httpx.Client]:
    with server.http() as client:
        yield client


@pytest.fixture
def table(http: httpx.Client) -> str:
    name = f"t{next(NUMBERS)}"
    create_table(http, name)
    return name


def create_table(http: httpx.Client, name: str) -> None:
    run(
        http,
        f"CREATE TABLE {name} (id Int64, note String) ENGINE = ReplacingMergeTree ORDER BY id"
        " SETTINGS non_replicated_deduplication_window = 1000",
    )


def run(http: httpx.Client, sql: str | bytes, **parameters: str) -> str:
    response = http.post("/", content=sql, params=parameters)
    assert response.status_code == 200, response.text
    return response.text


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"


def refusal(http: httpx.Client, sql: str, **parameters: str) -> int:
    response = http.post("/", content=sql, params=parameters)
    code = int(response.headers["X-ClickHouse-Exception-Code"])
    assert response.status_code >= 400
    assert response.text.startswith(f"Code: {code}. DB::Exception: ")
    return code


def rows_of(count: int, first: int = 0) -> bytes:
    return b"".join(struct.pack("<qB", first + n, 1) + b"x" for n in range(count))


# --- queries ---


def test_ping_and_the_root_answer_without_credentials(server: RunningClickHouse) -> None:
    assert httpx.get(f"{server.url}/ping").text == "Ok.\n"
    assert httpx.get(server.url).text == "Ok.\n"


def test_query_comes_in_url_or_body_or_half_and_half(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert run(http, "SELECT 1;") == "1\n"
    assert run(http, "1 + 1", query="SELECT") == "2\n"


@pytest.mark.parametrize(
    ("format_", "body"),
    [
        ("TabSeparated", b"1\ta\n"),
        ("TSVWithNames", b"n\ts\n1\ta\n"),
        ("CSV", b'1,"a"\n'),
        ("JSONEachRow", b'{"n":1,"s":"a"}\n'),
        ("JSONCompactEachRow", b'[1, "a"]\n'),
        ("RowBinary", b"\x01\x01a"),
        ("RowBinaryWithNamesAndTypes", b"\x02\x01n\x01s\x05UInt8\x06String\x01\x01a"),
        ("Native", b"\x02\x01\x01n\x05UInt8\x01\x01s\x06String\x01a"),
    ],
)
def test_format_is_named_by_the_query_the_url_or_a_header(
    http: httpx.Client, format_: str, body: bytes
) -> None:
    sql = "SELECT 1 AS n, 'a' AS s"
    named = http.post("/", content=f"{sql} FORMAT {format_}")
    default = http.post("/", content=sql, params={"default_format": format_})
    header = http.post("/", content=sql, headers={"X-ClickHouse-Format": format_})

    assert {named.content, default.content, header.content} == {body}
    assert named.headers["X-ClickHouse-Format"] == format_


def test_empty_native_result_still_names_its_columns(http: httpx.Client) -> None:
    response = http.post("/", content="SELECT 1 AS n WHERE 0 FORMAT Native")

    assert response.content == b"\x01\x00\x01n\x05UInt8"


def test_parameters_and_settings_ride_in_the_url(http: httpx.Client) -> None:
    assert (
        run(http, "SELECT {n:Int8} + 1, {s:String}", param_n="4", param_s="a\\tb") == "5\ta\\tb\n"
    )
    assert run(http, "SELECT getSetting('max_threads')", max_threads="1") == "1\n"
    assert run(http, "SELECT currentDatabase()", database="system") == "system\n"


def test_ddl_has_no_format_and_a_query_has_its_summary(http: httpx.Client, table: str) -> None:
    ddl = http.post("/", content=f"TRUNCATE TABLE {table}")
    rows = http.post("/", content="SELECT 1", params={"query_id": "mine"})

    assert "X-ClickHouse-Format" not in ddl.headers
    assert json.loads(rows.headers["X-ClickHouse-Summary"])["result_rows"] == "1"
    assert rows.headers["X-ClickHouse-Query-Id"] == "mine"


def test_session_keeps_temporary_tables_but_not_the_settings_of_one_request(
    http: httpx.Client,
) -> None:
    run(http, "CREATE TEMPORARY TABLE kept (n Int8)", session_id="s", max_threads="1")
    run(http, "INSERT INTO kept VALUES (7)", session_id="s")

    assert run(http, "SELECT n FROM kept", session_id="s") == "7\n"
    assert run(http, "SELECT changed FROM system.settings WHERE name = 'max_threads'") == "0\n"
    assert refusal(http, "SELECT n FROM kept") == 60
    assert refusal(http, "SELECT 1", session_id="never", session_check="1") == 372


@pytest.mark.parametrize(("format_", "mark"), [("TSV", "\t"), ("CSV", ","), ("TSVRaw", "\t")])
def test_totals_and_extremes_stand_behind_the_rows(
    http: httpx.Client, format_: str, mark: str
) -> None:
    counts = "SELECT number % 2 AS k, count() FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k"
    numbers = "SELECT number FROM numbers(3)"
    totals = "0,5\n1,5\n\n0,10\n".replace(",", mark)
    extremes = "0\n1\n2\n\n0\n2\n"

    assert run(http, f"{counts} FORMAT {format_}") == totals
    assert run(http, f"SELECT * FROM ({counts}) FORMAT {format_}") == totals
    assert run(http, f"{numbers} FORMAT {format_}", extremes="1") == extremes
    assert run(http, f"{numbers} FORMAT {format_} SETTINGS extremes = 1") == extremes


def test_session_has_its_own_settings_and_database_again_after_a_request_with_others(
    http: httpx.Client,
) -> None:
    run(http, "SET max_block_size = 777", session_id="own")
    run(http, "USE system", session_id="own")
    others = {"max_block_size": "99", "max_threads": "1", "database": "default"}
    told = "SELECT currentDatabase(), getSetting('max_block_size'), getSetting('max_threads') > 1"
    assert run(http, told, session_id="own", **others) == "default\t99\t0\n"

    assert run(http, told, session_id="own") == "system\t777\t1\n"


@pytest.mark.parametrize("with_", [{"max_threads": "1"}, {"database": "default"}])
def test_what_a_statement_changes_is_its_sessions_whatever_comes_with_it(
    http: httpx.Client, with_: dict[str, str]
) -> None:
    session = f"lasting{next(NUMBERS)}"
    told = "SELECT currentDatabase(), getSetting('max_threads'), getSetting('max_block_size')"
    run(http, "USE system", session_id=session, **with_)
    run(http, "SET max_block_size = 777, max_threads = 2", session_id=session, **with_)

    assert run(http, told, session_id=session) == "system\t2\t777\n"
    assert refusal(http, "USE nowhere", session_id=session, **with_) == 81
    assert refusal(http, "SET max_threads = 'x'", session_id=session, **with_) == 27
    assert run(http, told, session_id=session) == "system\t2\t777\n"


def test_a_database_that_a_session_is_in_can_be_dropped_from_another(http: httpx.Client) -> None:
    run(http, "CREATE DATABASE dropped")
    run(http, "USE dropped", session_id="dropping")

    run(http, "DROP DATABASE dropped", session_id="dropping", database="default", max_threads="1")

    assert refusal(http, "USE dropped") == 81


def test_parameters_of_an_insert_are_unknown_to_the_next_request_of_its_session(
    http: httpx.Client, table: str
) -> None:
    insert = f"INSERT INTO {table} VALUES (1, {{note:String}})"
    run(http, insert, param_note="a\\tb", session_id="once")

    assert run(http, f"SELECT hex(note) FROM {table}") == b"a\tb".hex() + "\n"
    assert refusal(http, "SELECT {note:String}", session_id="once") == 456


# --- clickhouse-connect ---


def test_clickhouse_connect_reads_what_it_wrote(server: RunningClickHouse) -> None:
    client = server.client()
    client.command(
        "CREATE TABLE exact (at DateTime64(3, 'UTC'), volume Decimal(38, 8))"
        " ENGINE = ReplacingMergeTree ORDER BY at"
    )
    row = (datetime(2024, 8, 9, 12, 0, 0, 123000, tzinfo=UTC), Decimal("92233720368547.75808123"))
    client.insert("exact", [row], column_names=["at", "volume"])

    found = client.query("SELECT * FROM exact", query_tz="UTC", tz_mode="aware")
    arrow = client.query_arrow("SELECT volume FROM exact")
    client.close()
    assert found.result_rows == [row]
    assert arrow.column("volume").to_pylist() == [row[1]]


@pytest.mark.parametrize("told", ["by the request", "by the statement"])
def test_rows_of_many_blocks_are_one_json_array(server: RunningClickHouse, told: str) -> None:
    array = {"output_format_json_array_of_rows": "1"}
    inside = ", output_format_json_array_of_rows = 1" if told == "by the statement" else ""
    sql = f"SELECT number FROM numbers(9) FORMAT JSONEachRow SETTINGS max_block_size = 2{inside}"
    with server.http() as http:
        answer = run(http, sql, **({} if inside else array))

    assert [int(row["number"]) for row in json.loads(answer)] == list(range(9))


def test_clickhouse_connect_streams_and_inserts_raw(server: RunningClickHouse, table: str) -> None:
    client = server.client()
    rows = rows_of(1000)
    bodies = {None: rows, "lz4": lz4.frame.compress(rows), "gzip": gzip.compress(rows)}
    for coding, body in bodies.items():
        client.raw_insert(table, ["id", "note"], body, fmt="RowBinary", compression=coding)
    with client.query_row_block_stream("SELECT number FROM numbers(300000)") as stream:
        streamed = sum(len(block) for block in stream)
    with client.query_row_block_stream(LATE) as stream, pytest.raises(StreamFailureError):
        list(stream)
    with pytest.raises(DatabaseError, match="395"):
        client.query(LATE)
    count = client.query(f"SELECT count() FROM {table} FINAL").first_item
    client.close()
    assert streamed == 300_000
    assert count == {"count()": 1000}


# --- inserts and compression ---


@pytest.mark.parametrize(
    "body",
    [
        b"INSERT INTO {t} VALUES (1, 'x'), (2, 'x')",
        b"INSERT INTO {t} (id, note) FORMAT Values (1, 'x'), (2, 'x')",
        b"INSERT INTO {t} (id, note) FORMAT CSV\n1,x\n2,x\n",
        b"INSERT INTO {t} FORMAT TSV\n1\tx\n2\tx\n",
        b'/* FORMAT */ INSERT INTO {t} FORMAT JSONEachRow {"id":1,"note":"x"}{"id":2,"note":"x"}',
        b"INSERT INTO {t} SETTINGS max_threads = 1 FORMAT RowBinary\n" + rows_of(2, 1),
        b"INSERT INTO {t} SELECT number + 1, 'x' FROM numbers(2)",
    ],
)
def test_insert_takes_its_rows_from_any_format(http: httpx.Client, table: str, body: bytes) -> None:
    run(http, body.replace(b"{t}", table.encode()))

    assert run(http, f"SELECT * FROM {table} ORDER BY id") == "1\tx\n2\tx\n"


def test_insert_body_is_streamed_behind_the_query_of_the_url(
    http: httpx.Client, table: str
) -> None:
    pieces = (rows_of(10_000, first) for first in range(0, 100_000, 10_000))
    query = f"INSERT INTO {table} FORMAT RowBinary"

    response = http.post("/", params={"query": query}, content=pieces)

    assert json.loads(response.headers["X-ClickHouse-Summary"])["written_rows"] == "100000"
    assert run(http, f"SELECT count(), sum(id) FROM {table}") == "100000\t4999950000\n"


@pytest.mark.parametrize("format_", ["JSONLines", "NDJSON", "JSONCompactEachRow"])
def test_rows_of_json_are_streamed(http: httpx.Client, format_: str) -> None:
    answer = http.post("/", content=f"SELECT number FROM numbers(200000) FORMAT {format_}")

    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert len(answer.text.splitlines()) == 200_000


def test_large_answer_that_is_not_streamed_waits_for_its_client_on_the_disk(
    server: RunningClickHouse, http: httpx.Client
) -> None:
    sql = "SELECT number FROM numbers(3000000) FORMAT RowBinaryWithNamesAndTypes"
    with http.stream("POST", "/", content=sql) as answer:
        opened = [file.readlink() for file in Path(f"/proc/{server.pid}/fd").iterdir()]
        assert any("candlewick-rows" in place.parts for place in opened)
        body = answer.read()

    assert body[-8:] == struct.pack("<Q", 2_999_999)
    assert len(body) == len(b"\x01\x06number\x06UInt64") + 8 * 3_000_000


@pytest.mark.parametrize("coding", ["lz4", "zstd", "gzip", "deflate"])
def test_answer_is_compressed_as_accepted(server: RunningClickHouse, coding: str) -> None:
    sql = "SELECT number FROM numbers(200000)"
    account = (server.user, server.password)
    headers = {"Accept-Encoding": coding}
    with httpx.stream("POST", server.url, content=sql, auth=account, headers=headers) as answer:
        raw = b"".join(answer.iter_raw())

    assert answer.headers["Content-Encoding"] == coding
    plain = "".join(f"{n}\n" for n in range(200_000)).encode()
    assert len(raw) < len(plain) * 3 // 4
    if coding == "lz4":
        assert lz4.frame.decompress(raw) == plain


def test_own_compressed_blocks_work_both_ways(http: httpx.Client, table: str) -> None:
    rows = rows_of(200_000)
    framed = FrameEncoder().compress(rows)
    run(http, framed, query=f"INSERT INTO {table} FORMAT RowBinary", decompress="1")

    sql = f"SELECT id, note FROM {table} ORDER BY id FORMAT RowBinary"
    answer = http.post("/", content=sql, params={"compress": "1"})
    assert b"".join(unframed([answer.content])) == rows
    bad = bytes([framed[0] ^ 1]) + framed[1:]
    response = http.post(
        "/",
        params={"query": f"INSERT INTO {table} FORMAT RowBinary", "decompress": "1"},
        content=bad,
    )
    assert response.headers["X-ClickHouse-Exception-Code"] == "40"


def test_body_that_ends_inside_a_frame_inserts_nothing(http: httpx.Client, table: str) -> None:
    cut = lz4.frame.compress(rows_of(1000))[:-9]
    response = http.post(
        "/",
        params={"query": f"INSERT INTO {table} FORMAT RowBinary"},
        content=cut,
        headers={"Content-Encoding": "lz4"},
    )

    assert response.headers["X-ClickHouse-Exception-Code"] == "271"
    assert run(http, f"SELECT count() FROM {table}") == "0\n"


def test_same_token_inserts_once_and_another_token_again(http: httpx.Client, table: str) -> None:
    insert = f"INSERT INTO {table} VALUES (1, 'x')"
    for token in ("a:0:1-5", "a:0:1-5", "a:0:6-9"):
        run(http, insert, insert_deduplication_token=token)

    assert run(http, f"SELECT count() FROM {table}") == "2\n"


# --- errors ---


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT nope", 47),
        ("SELECT * FROM nowhere", 60),
        ("SELEC 1", 62),
        ("", 62),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT 1 FORMAT Nope", 73),
        ("INSERT INTO nowhere VALUES (1)", 60),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 48),
        ("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 48),
        ("SELECT throwIf(1)", 395),
    ],
)
def test_error_carries_its_code_in_the_header(http: httpx.Client, sql: str, code: int) -> None:
    assert refusal(http, sql) == code


@pytest.mark.parametrize("sql", [b"'unclosed", b"/* unclosed", b"\xff\xfe", b"SELECT 1 `"])
def test_what_is_no_statement_is_an_error(http: httpx.Client, sql: bytes) -> None:
    answer = http.post("/", content=sql)

    assert answer.headers["X-ClickHouse-Exception-Code"] in {"62", "46"}, answer.text
    assert answer.status_code in {400, 404}


@pytest.mark.parametrize(
    "space",
    "\u0085\u00a0\u180e\u2000\u2003\u200a\u200b\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff",
)
def test_spaces_of_pasted_text_are_spaces(http: httpx.Client, table: str, space: str) -> None:
    assert run(http, f"{space}SELECT{space}1{space}AS{space}a{space}") == "1\n"
    run(http, f"INSERT{space}INTO{space}{table}{space}VALUES (1, 'x')")
    assert run(http, f"SELECT count() FROM {table}") == "1\n"


@pytest.mark.parametrize("sql", [b"SELECT 1 FORMAT \xff", b"INSERT INTO {t} FORMAT \xff\n1"])
def test_a_format_whose_name_is_no_text_is_a_mistake_of_syntax(
    http: httpx.Client, table: str, sql: bytes
) -> None:
    answer = http.post("/", content=sql.replace(b"{t}", table.encode()))

    assert answer.headers["X-ClickHouse-Exception-Code"] == "62", answer.text


@pytest.mark.parametrize(
    "query_id", ["\N{CYRILLIC CAPITAL LETTER ZHE}1", "a\nb", "\N{LATIN SMALL LETTER E WITH ACUTE}"]
)
def test_an_id_that_is_no_header_is_refused_before_anything_is_stored(
    http: httpx.Client, table: str, query_id: str
) -> None:
    assert refusal(http, f"INSERT INTO {table} VALUES (1, 'x')", query_id=query_id) == 36
    assert run(http, f"SELECT count() FROM {table}") == "0\n"


def test_an_error_that_quotes_bytes_which_are_no_text_is_an_error(http: httpx.Client) -> None:
    answer = http.post("/", content=b"SELECT no_such_function('\xff')")

    code = answer.headers["X-ClickHouse-Exception-Code"]
    if sys.version_info[:3] <= (3, 11, 2):  # Debian bookworm's: it loses what it cannot decode
        assert (code, answer.status_code) == ("1002", 500)
        assert "bytes that are not UTF-8" in answer.text
    else:
        assert (code, answer.status_code) == ("46", 404)


def test_a_statement_that_unpacks_to_megabytes_is_refused_at_once(http: httpx.Client) -> None:
    packed = gzip.compress(b"INSERT INTO x (" + b"a," * (1 << 20))
    answer = http.post("/", content=packed, headers={"Content-Encoding": "gzip"}, timeout=20)

    # As a ClickHouse server says it; 396 would mean that it passes by itself.
    assert answer.headers["X-ClickHouse-Exception-Code"] == "62", answer.text
    assert "Max query size exceeded" in answer.text


def test_an_insert_of_many_small_pieces_is_read_once_not_at_each(
    http: httpx.Client, table: str
) -> None:
    def pieces() -> Iterator[bytes]:
        yield f"INSERT INTO {table} (id) ".encode()
        yield from itertools.repeat(b" ", 20_000)
        yield b"VALUES (1), "
        yield b"(2)"

    assert http.post("/", content=pieces(), timeout=60).text == ""
    assert run(http, f"SELECT sum(id) FROM {table}") == "3\n"


def test_unknown_setting_and_database_are_errors(http: httpx.Client) -> None:
    assert refusal(http, "SELECT 1", no_such_setting="1") == 115
    assert refusal(http, "SELECT 1", database="nowhere") == 81


def test_get_only_reads(http: httpx.Client, table: str) -> None:
    response = http.get("/", params={"query": f"DROP TABLE {table}"})

    assert response.headers["X-ClickHouse-Exception-Code"] == "164"


@pytest.mark.parametrize("session", [{}, {"session_id": "asks"}])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "sql",
    [
        "WITH 1 AS id INSERT INTO {t} SELECT id, 'x'",
        "SELECT 1 PARALLEL WITH INSERT INTO {t} SELECT 1, 'x'",
        "INSERT INTO {t} WITH 1 AS id SELECT id, 'x'",
    ],
)
def test_nothing_is_written_by_who_asks_to_read(
    http: httpx.Client, table: str, sql: str, method: str, session: dict[str, str]
) -> None:
    asked = {"query": sql.replace("{t}", table), "readonly": "1" if method == "POST" else "0"}
    response = http.request(method, "/", params=asked | session)

    # 36: the engine runs a SELECT beside nothing else.
    assert response.headers["X-ClickHouse-Exception-Code"] in {"164", "36"}, response.text
    assert run(http, f"SELECT count() FROM {table}") == "0\n"


def test_a_session_writes_on_after_it_was_read_with_a_get(http: httpx.Client, table: str) -> None:
    session = {"session_id": "both"}
    run(http, "CREATE TEMPORARY TABLE both (n Int8)", **session)

    asked = {"query": "SELECT count() FROM both SETTINGS max_threads = 1", **session}
    assert http.get("/", params=asked).text == "0\n"
    assert run(http, f"INSERT INTO {table} VALUES (1, 'x')", **session) == ""
    asked = {"query": "SELECT {n:Int8} SETTINGS max_threads = 1", "param_n": "7"}
    assert http.get("/", params=asked | session).text == http.get("/", params=asked).text == "7\n"


def test_bad_row_inserts_nothing_and_the_connection_lives_on(
    http: httpx.Client, table: str
) -> None:
    body = b"1\tx\n" * 300_000 + b"not a number\tx\n" + b"1\tx\n" * 300_000
    response = http.post("/", params={"query": f"INSERT INTO {table} FORMAT TSV"}, content=body)

    assert response.status_code == 400
    assert run(http, f"SELECT count() FROM {table}") == "0\n"


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_late_error_ends_the_body_with_its_tag_and_no_last_chunk(
    http: httpx.Client, coding: str
) -> None:
    kept = BytesIO()
    headers = {"Accept-Encoding": coding}
    with http.stream("POST", "/", content=LATE, headers=headers) as answer:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            kept.writelines(answer.iter_bytes())
        tag = answer.headers["X-ClickHouse-Exception-Tag"]

    body = kept.getvalue()
    assert body.endswith(f" {tag}\r\n__exception__\r\n".encode())
    assert f"__exception__\r\n{tag}\r\nCode: 395".encode() in body


def test_query_whose_client_waits_for_its_end_has_the_status_of_its_end(
    http: httpx.Client,
) -> None:
    whole = run(http, "SELECT number FROM numbers(300000)", wait_end_of_query="1")

    assert whole.splitlines() == [str(number) for number in range(300_000)]
    assert refusal(http, LATE, wait_end_of_query="1") == 395


def test_query_over_the_memory_cap_fails_and_the_server_lives(http: httpx.Client) -> None:
    assert refusal(http, "SELECT length(groupArray(number)) FROM numbers(200000000)") == 241
    assert run(http, "SELECT 1") == "1\n"


def test_query_stops_when_its_client_leaves(server: RunningClickHouse, http: httpx.Client) -> None:
    sql = "SELECT sleepEachRow(1) /* left */ FROM numbers(60) SETTINGS max_block_size = 1"
    account = {"X-ClickHouse-User": server.user, "X-ClickHouse-Key": server.password}
    running = (
        "SELECT count() FROM system.processes"
        " WHERE query LIKE 'SELECT sleep%' AND query LIKE '%left */%'"
    )
    client = HTTPConnection("127.0.0.1", server.port)
    client.request("POST", "/", sql, account)
    eventually(lambda: run(http, running) == "1\n")
    client.close()

    eventually(lambda: run(http, running) == "0\n")


@pytest.mark.parametrize("who", ["reader", "writer"])
def test_query_is_cancelled_by_the_id_that_its_own_user_gave_it(
    server: RunningClickHouse, http: httpx.Client, who: str
) -> None:
    accounts = {
        "reader": (server.reader, server.reader_password),
        "writer": (server.user, server.password),
    }
    other = accounts["writer" if who == "reader" else "reader"]
    kill = f"KILL QUERY WHERE query_id = 'of {who}'"
    sql = f"SELECT sleepEachRow(1), 'cancelled by {who}' FROM numbers(30)"
    asked = {"query_id": f"of {who}", "max_block_size": "1"}
    running = f"SELECT count() FROM system.processes WHERE query LIKE '%led by {who}%'"
    running += " AND query NOT LIKE '%processes%'"
    with server.http() as mine, ThreadPoolExecutor(1) as threads:
        mine.auth = httpx.BasicAuth(*accounts[who])
        answer = threads.submit(refusal, mine, sql, **asked, wait_end_of_query="1")
        eventually(lambda: run(http, running) == "1\n")
        assert httpx.post(server.url, content=kill, auth=other).status_code == 200
        assert run(http, running) == "1\n"
        assert httpx.post(server.url, content=kill, auth=accounts[who]).status_code == 200
        assert answer.result() == 394


def test_session_is_used_again_and_again_without_one_request_ending_another(
    http: httpx.Client,
) -> None:
    asked = [run(http, f"SELECT {n}", session_id="again", max_threads="1") for n in range(200)]

    assert asked == [f"{n}\n" for n in range(200)]


def test_small_answers_do_not_wait_for_the_network(http: httpx.Client) -> None:
    def quickest_s(ask: Callable[[], object]) -> float:
        times = []
        for _ in range(20):
            began = time.perf_counter()
            ask()
            times.append(time.perf_counter() - began)
        return min(times)

    bare_s = quickest_s(lambda: http.get("/ping"))  # as slow as the machine, and has no body
    # An answer whose end waits for its beginning to be acknowledged takes 40 ms more.
    assert quickest_s(lambda: run(http, "SELECT 1")) < bare_s + 0.03


# --- accounts ---


def test_credentials_come_basic_in_headers_or_in_the_url(server: RunningClickHouse) -> None:
    user, key = server.user, server.password
    ask = {"content": "SELECT 1"}
    offers = [
        httpx.post(server.url, auth=(user, key), **ask),
        httpx.post(server.url, headers={"X-ClickHouse-User": user, "X-ClickHouse-Key": key}, **ask),
        httpx.post(server.url, params={"user": user, "password": key}, **ask),
    ]
    assert [offer.text for offer in offers] == ["1\n"] * 3


def test_wrong_or_no_credentials_are_refused(server: RunningClickHouse) -> None:
    wrong = httpx.post(server.url, auth=(server.user, "guess"), content="SELECT 1")
    nobody = httpx.post(server.url, content="SELECT 1")

    assert (wrong.status_code, wrong.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    assert (nobody.status_code, nobody.headers["X-ClickHouse-Exception-Code"]) == (401, "194")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {t} VALUES (1, 'x')",
        "DROP TABLE {t}",
        "CREATE TABLE other (n Int8) ENGINE = Memory",
        "KILL QUERY WHERE 1",
        "SYSTEM SHUTDOWN",
        "SET max_threads = 1",
        "SELECT 1 SETTINGS max_threads = 1",
        "SELECT file('{disk}')",
        "SELECT `file`('{disk}')",
        "SELECT `fil\\x65`('{disk}')",
        "SELECT 1 AS a$$, file('{disk}'), 2 AS b$$",
        "SELECT \u201cfile\u201d('{disk}')",
        "SELECT 1 // '\n, file('{disk}') -- '",
        "SELECT 1 /* /* */ ' */, file('{disk}') /* ' */",
        "SELECT 1 # '\n, file('{disk}') -- '",
        "SELECT * APPLY(file) FROM (SELECT '{disk}')",
        "SELECT arrayMap(file, ['{disk}'])",
        "SELECT * APPLY({f:Identifier}) FROM (SELECT '{disk}')",
        "SELECT * FROM file('{disk}', 'LineAsString')",
        "DESCRIBE file('{disk}', 'CSV')",
        'SELECT * FROM "{disk}"',
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key')",
        "SELECT * FROM executable('cat {disk}', 'LineAsString', 'l String')",
        "SELECT * FROM remote('127.0.0.1', 'system', 'one')",
        "SELECT * FROM eval('SELECT 1')",
        "SELECT 1 INTO OUTFILE '{disk}'",
        "INSERT INTO FUNCTION file('{disk}', 'CSV', 'n Int8') VALUES (1)",
    ],
)
def test_reader_neither_writes_nor_reaches_the_disk(
    server: RunningClickHouse, table: str, tmp_path: Path, sql: str
) -> None:
    disk = tmp_path / "secret"
    disk.write_text(ON_DISK)
    text = sql.replace("{t}", table).replace("{disk}", str(disk))
    answer = httpx.post(
        server.url,
        content=text,
        params={"param_f": "file"},
        auth=(server.reader, server.reader_password),
    )

    assert answer.headers["X-ClickHouse-Exception-Code"] in {"164", "48"}
    assert ON_DISK not in answer.text
    assert disk.read_text() == ON_DISK


def test_reader_calls_no_model_over_the_network(
    server: RunningClickHouse, http: httpx.Client
) -> None:
    names = "SELECT name FROM system.functions WHERE match(name, '^(ai|AI)[A-Z]')"
    known = run(http, names).split()
    with server.http() as reader:
        reader.auth = httpx.BasicAuth(server.reader, server.reader_password)
        allowed = [name for name in known if refusal(reader, f"SELECT {name}('x', 'y')") != 164]

    assert known
    assert not allowed


def test_reader_reads_tables_and_only_harmless_settings(
    server: RunningClickHouse, http: httpx.Client, table: str
) -> None:
    run(http, f"INSERT INTO {table} VALUES (1, 'x')")
    client = server.client(username=server.reader, password=server.reader_password)
    assert client.query(f"SELECT * FROM {table}").result_rows == [(1, "x")]
    with pytest.raises(DatabaseError, match="164"):
        client.command(f"DROP TABLE {table}")
    client.close()

    with server.http() as reader:
        reader.auth = httpx.BasicAuth(server.reader, server.reader_password)
        assert run(reader, "SELECT 1", max_execution_time="5", readonly="0") == "1\n"
        assert refusal(reader, "SELECT 1", format_schema="/etc/passwd:x") == 164


def test_reader_sees_neither_statements_nor_errors_of_others(
    server: RunningClickHouse, http: httpx.Client
) -> None:
    refusal(http, "SELECT * FROM of_the_writer")
    with ThreadPoolExecutor() as threads, server.http() as reader:
        reader.auth = httpx.BasicAuth(server.reader, server.reader_password)
        running = threads.submit(run, http, "SELECT sleep(3), 'secret' SETTINGS max_threads = 1")
        try:
            wait_until_it_runs(server)
            for sql in (
                "SELECT query FROM system.processes",
                "SELECT p.query FROM system.one AS o JOIN system.processes AS p ON 1 = 1",
                "WITH p AS (SELECT * FROM `system`.`processes`) SELECT query FROM p",
                "SELECT query FROM {d:Identifier}.{t:Identifier}",
                "SHOW PROCESSLIST",
                "SELECT last_error_message FROM system.errors",
            ):
                assert run(reader, sql, param_d="system", param_t="processes") == ""
            assert run(reader, "SELECT query FROM processes", database="system") == ""
            assert refusal(reader, "SELECT query FROM merge('system', 'process')") == 164
        finally:
            running.result()


def wait_until_it_runs(server: RunningClickHouse) -> None:
    deadline = time.monotonic() + 10
    sql = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleep(3)%'"
    with server.http() as writer:
        while run(writer, sql) == "0\n":
            assert time.monotonic() < deadline


# --- the process ---


def test_rows_on_their_way_are_in_the_data_folder_and_gone_after_a_kill(tmp_path: Path) -> None:
    place = tmp_path / "it's"
    with running_clickhouse(place) as server, server.http() as http:
        create_table(http, "t")
        before = set(Path(tempfile.gettempdir()).glob("candlewick-rows-*"))
        with ThreadPoolExecutor() as threads:
            ends = threading.Event()

            def rows() -> Iterator[bytes]:
                yield b"1\tx\n" * 100_000
                ends.wait(20)

            asked = {"query": "INSERT INTO t FORMAT TSV"}
            sending = threads.submit(http.post, "/", params=asked, content=rows())
            deadline = time.monotonic() + 10
            while not (on_their_way := list((place / "candlewick-rows").iterdir())):
                assert time.monotonic() < deadline
            server.kill()
            ends.set()
            with suppress(httpx.TransportError):
                sending.result()
        assert on_their_way[0].exists()

        server.restart()
        assert list((place / "candlewick-rows").iterdir()) == []
        assert set(Path(tempfile.gettempdir()).glob("candlewick-rows-*")) == before
        assert run(http, "INSERT INTO t FORMAT TSV 1\tx") == ""
        assert run(http, "SELECT count() FROM t") == "1\n"


def test_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    with running_clickhouse(tmp_path / "data") as server:
        with server.http() as http:
            create_table(http, "t")
        enough = threading.Event()

        def insert(client_number: int) -> None:
            with server.http() as mine, suppress(httpx.TransportError):
                for batch in itertools.count(client_number, 3):
                    run(mine, batch_of(batch), insert_deduplication_token=f"t:0:{batch}")
                    acknowledged.append(batch)
                    if len(acknowledged) > 60:
                        enough.set()

        with ThreadPoolExecutor(3) as pool:
            clients = [pool.submit(insert, number) for number in range(3)]
            assert enough.wait(20)
            server.kill()
        for client in clients:
            client.result()
        server.restart()
        with server.http() as http:
            stored = run(http, "SELECT intDiv(id, 100), count() FROM t GROUP BY 1").split()
            sizes = dict(zip(map(int, stored[::2]), map(int, stored[1::2]), strict=True))
            assert set(acknowledged) <= set(sizes)
            assert set(sizes.values()) == {100}
            run(
                http,
                batch_of(acknowledged[-1]),
                insert_deduplication_token=f"t:0:{acknowledged[-1]}",
            )
            assert run(http, "SELECT count() FROM t") == f"{100 * len(sizes)}\n"


def batch_of(number: int) -> str:
    rows = "".join(f"{number * 100 + row}\tx\n" for row in range(100))
    return f"INSERT INTO t FORMAT TSV\n{rows}"


def test_times_without_a_zone_are_utc_wherever_the_machine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    with running_clickhouse(tmp_path / "data") as server, server.http() as http:
        assert run(http, "SELECT timezone(), toDateTime(0)") == "UTC\t1970-01-01 00:00:00\n"


def exit_code(process: subprocess.Popen[str]) -> int:
    """How it ended; where it does not end it is not left behind."""
    try:
        return process.wait(START_DEADLINE_S)
    finally:
        process.kill()
        process.wait()


def test_second_process_on_a_folder_is_refused_in_one_line(server: RunningClickHouse) -> None:
    second = start_clickhouse(server.path, free_port())

    assert exit_code(second) == 1
    line = log_of(server.path).read_text().splitlines()[-1]
    assert f"another process owns {server.path} (PID: {server.pid})" in line


def test_taken_port_is_refused_in_one_line(server: RunningClickHouse, tmp_path: Path) -> None:
    second = start_clickhouse(tmp_path / "other", server.port)

    assert exit_code(second) == 1
    (line,) = log_of(tmp_path / "other").read_text().splitlines()
    assert f"cannot listen on 127.0.0.1:{server.port}" in line


def test_no_password_no_server(tmp_path: Path) -> None:
    process = start_clickhouse(tmp_path / "data", free_port(), password="")

    assert exit_code(process) == 1
    (line,) = log_of(tmp_path / "data").read_text().splitlines()
    assert "CANDLEWICK_CLICKHOUSE__PASSWORD" in line


def test_sigterm_ends_it_cleanly_beside_a_running_query(tmp_path: Path) -> None:
    with running_clickhouse(tmp_path / "data") as server:
        long = "SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1"
        with ThreadPoolExecutor(1) as pool, server.http() as http:
            asked = {"wait_end_of_query": "1"}
            answer = pool.submit(http.post, "/", content=long, params=asked)
            with server.http() as other:
                count = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleep%'"
                eventually(lambda: run(other, count) == "1\n")
            assert server.stop() == 0
            assert "QUERY_WAS_CANCELLED" in answer.result().text


def test_readers_beside_a_writer_see_no_error(server: RunningClickHouse, table: str) -> None:
    def write() -> None:
        with server.http() as http:
            for batch in range(30):
                content = rows_of(1000, batch * 1000)
                run(http, content, query=f"INSERT INTO {table} FORMAT RowBinary")

    def read() -> list[int]:
        with server.http() as http:
            return [int(run(http, f"SELECT count() FROM {table}")) for _ in range(30)]

    with ThreadPoolExecutor(9) as pool:
        writer = pool.submit(write)
        readers = [pool.submit(read) for _ in range(8)]
        writer.result()
        assert all(reader.result() == sorted(reader.result()) for reader in readers)


def test_a_session_is_free_as_soon_as_an_answer_of_many_blocks_has_ended(
    server: RunningClickHouse,
) -> None:
    with server.client() as client:
        for _ in range(20):
            assert len(client.query("SELECT number FROM numbers(200000)").result_rows) == 200_000
            assert client.command("SELECT 1") == 1


# --- forms ---


def external(name: str, **described: str) -> ExternalData:
    return ExternalData(data=b"1\ta\n2\tb\n", file_name=f"{name}.tsv", **described)


@pytest.mark.parametrize("who", ["writer", "reader"])
@pytest.mark.parametrize(
    "described",
    [
        {"structure": "`n` Int8, word Enum8('a' = -1, 'b' = 2)"},
        {"fmt": "TSV", "types": "Int8,LowCardinality(Nullable(String))"},
    ],
)
def test_external_data_is_a_table_of_one_statement(
    server: RunningClickHouse, who: str, described: dict[str, str]
) -> None:
    name = f"sent{next(NUMBERS)}"
    reader = {"username": server.reader, "password": server.reader_password}
    account = reader if who == "reader" else {}
    with server.client(**account) as client:
        sql = f"SELECT * FROM {name} WHERE 1 < {{least:Int8}} ORDER BY ALL"
        found = client.query(sql, {"least": 2}, external_data=external(name, **described))
        assert found.result_rows == [(1, "a"), (2, "b")]
        with pytest.raises(DatabaseError, match="60"):
            client.query(f"SELECT * FROM {name}")


def test_external_data_leaves_a_session_as_it_was(server: RunningClickHouse) -> None:
    with server.client() as client:  # it has a session
        client.command("CREATE TEMPORARY TABLE mine (n Int8)")
        described = {"structure": "n Int8, word String"}
        for _ in range(2):
            asked = client.query("SELECT n FROM sent", external_data=external("sent", **described))
            assert asked.result_rows == [(1,), (2,)]
        with pytest.raises(DatabaseError, match="57"):
            client.query("SELECT 1", external_data=external("mine", **described))
        bad = external("sent", structure="n Int8, word Int8")
        with pytest.raises(DatabaseError, match="27"):
            client.query("SELECT n FROM sent", external_data=bad)
        assert client.query("SELECT count() FROM mine").result_rows == [(0,)]
        with pytest.raises(DatabaseError, match="60"):
            client.query("SELECT n FROM sent")


@pytest.mark.parametrize(
    "structure",
    [
        "",
        "n",
        "n String DEFAULT file('{disk}')",
        "n String MATERIALIZED file('{disk}')",
        "n String DEFAULT (file('{disk}'))",
        "n Tuple(a String) DEFAULT (file('{disk}'))",
        "n String) AS SELECT file('{disk}') AS n --",
        "n String) ENGINE = File(CSV, '{disk}') -- (",
        "n String) AS SELECT (file('{disk}') AS n",
        "n Array(String]) DEFAULT [file('{disk}')",
        "n String /* */ , m String DEFAULT file('{disk}')",
        "n String; SELECT 1",
    ],
)
def test_structure_of_external_data_is_names_and_types_only(
    server: RunningClickHouse, tmp_path: Path, structure: str
) -> None:
    disk = tmp_path / "secret"
    disk.write_text(ON_DISK)
    answer = httpx.post(
        server.url,
        params={"sent_structure": structure.replace("{disk}", str(disk)), "query": "SELECT 1"},
        files={"sent": ("sent.tsv", b"")},
        auth=(server.reader, server.reader_password),
    )

    assert answer.headers["X-ClickHouse-Exception-Code"] == "36", answer.text


def test_a_form_holds_the_statement_and_its_parameters(
    server: RunningClickHouse, http: httpx.Client
) -> None:
    with server.client(form_encode_query_params=True) as client:
        assert client.query("SELECT {word:String}", {"word": "ä\n'x"}).result_rows == [("ä\n'x",)]
        assert client.command("SELECT {n:Int8}", {"n": 7}) == 7
    parts = {"query": (None, "+ {n:Int8}"), "param_n": (None, "2")}
    assert http.post("/", params={"query": "SELECT 1"}, files=parts).text == "3\n"


def test_a_form_of_the_reader_writes_nothing(server: RunningClickHouse, table: str) -> None:
    answer = httpx.post(
        server.url,
        files={"query": (None, f"INSERT INTO {table} SELECT n, '' FROM sent"), "sent": b"1\n"},
        params={"sent_types": "Int8"},
        auth=(server.reader, server.reader_password),
    )

    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


def test_a_form_that_is_broken_or_too_large_is_refused(http: httpx.Client) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    broken = http.post("/", content=b"--c\r\n\r\n", headers=kind)
    endless = http.post("/", files={"sent": b"1\n" * (33 << 20)}, params={"sent_types": "Int8"})
    packed = http.post("/", files={"query": b"x"}, headers={"Content-Encoding": "gzip"})

    codes = [answer.headers["X-ClickHouse-Exception-Code"] for answer in (broken, endless, packed)]
    assert codes == ["36", "36", "48"]


# --- words of the reader, and errors ---


def test_a_misspelt_word_is_a_mistake_of_syntax_for_the_reader_too(
    server: RunningClickHouse, http: httpx.Client
) -> None:
    assert http.get("/", params={"query": "SELEC 1"}).headers["X-ClickHouse-Exception-Code"] == "62"
    with server.http() as reader:
        reader.auth = httpx.BasicAuth(server.reader, server.reader_password)
        assert refusal(reader, "SELEC 1") == 62
        assert refusal(reader, "SELEC 1; DROP TABLE x") == 62
        assert refusal(reader, "DROP NOTHING AT ALL") == 62
        assert refusal(reader, "DROP TABLE nowhere") == 164
        assert refusal(reader, "INSERT INTO nowhere VALUES (1)") == 164


def test_an_error_says_its_code_once(http: httpx.Client, table: str) -> None:
    answer = http.post("/", content=f"INSERT INTO {table} FORMAT TSV\nx\ty\n")

    assert answer.text.startswith("Code: 27. DB::Exception: Cannot parse input")
    assert answer.text.count("DB::Exception") == 1


@pytest.mark.parametrize("engine", ["= Kafka", "Kafka", "= `Kafka`"])
def test_a_table_that_reads_kafka_is_refused_with_what_to_do(
    http: httpx.Client, engine: str
) -> None:
    settings = (
        "kafka_broker_list = 'k:9092', kafka_topic_list = 't', kafka_group_name = 'g',"
        " kafka_format = 'Avro'"
    )
    sql = f"CREATE TABLE queue (n Int8) ENGINE {engine} SETTINGS {settings}"

    answer = http.post("/", content=sql)

    assert answer.headers["X-ClickHouse-Exception-Code"] == "48"
    assert "needs a ClickHouse server" in answer.text
    assert run(http, "EXISTS TABLE queue") == "0\n"
