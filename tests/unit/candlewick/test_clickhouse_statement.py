import struct
import time
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from candlewick.clickhouse_server.codings import choose, decoded, encoder
from candlewick.clickhouse_server.errors import QueryError
from candlewick.clickhouse_server.frames import FrameEncoder, checksum, unframed
from candlewick.clickhouse_server.statement import Kind, Statement, read_statement

CODINGS = ["lz4", "zstd", "gzip", "deflate"]


def read(sql: bytes) -> Statement:
    statement = read_statement(sql, whole=True)
    assert statement is not None
    return statement


@pytest.mark.parametrize(
    ("sql", "kind", "format_"),
    [
        (b"SELECT 1", Kind.SELECT, None),
        (b"(SELECT 1) UNION ALL (SELECT 2) FORMAT CSV", Kind.SELECT, "CSV"),
        (
            b"WITH 1 AS format SELECT format FORMAT JSON SETTINGS max_threads = 1",
            Kind.SELECT,
            "JSON",
        ),
        (b"WITH 1 AS insert SELECT insert FROM numbers(1)", Kind.SELECT, None),
        (b"WITH insert AS (SELECT 1) SELECT * FROM insert", Kind.SELECT, None),
        (b"WITH x AS (SELECT 1) INSERT INTO t SELECT insert FROM x", Kind.COMMAND, None),
        (b"SELECT 'a FORMAT CSV' -- FORMAT TSV", Kind.SELECT, None),
        (b"SELECT 1 // ;\n /* /* ; */ ; */ AS a$$, 2 AS b$$", Kind.SELECT, None),
        (b"SHOW TABLES FORMAT TSV;", Kind.REPORT, "TSV"),
        (b"CREATE TABLE t (a String DEFAULT 'x;y') ENGINE = Memory;", Kind.COMMAND, None),
        (b"INSERT INTO t SELECT * FROM u", Kind.COMMAND, None),
        (b"INSERT INTO t (a) WITH 1 AS a SELECT a", Kind.COMMAND, None),
        (b"INSERT INTO `values` VALUES (';', 2); (3)", Kind.INSERT_ROWS, "Values"),
        (b"INSERT INTO d.format (a) FORMAT CSV 1;2", Kind.INSERT_ROWS, "CSV"),
    ],
)
def test_statement_says_how_it_is_run(sql: bytes, kind: Kind, format_: str | None) -> None:
    statement = read(sql)

    assert (statement.kind, statement.format) == (kind, format_)


@pytest.mark.parametrize(
    ("head", "rest"),
    [
        (b"INSERT INTO t (a) ", b"FORMAT Values (8)"),
        (b"INSERT INTO t ", b"FORMAT VALUES\n(8)"),
        (b"INSERT INTO format ", b"FORMAT Values(8)"),
        (b"INSERT INTO format ", b"VALUES (8)"),
        (b"INSERT INTO TABLE format ", b"VALUES (8)"),
        (b"INSERT INTO d.format ", b"VALUES (8)"),
    ],
)
def test_values_is_a_keyword_or_the_name_of_a_format(head: bytes, rest: bytes) -> None:
    statement = read(head + rest)

    assert statement.format is not None
    assert (statement.sql, statement.format.lower()) == (head, "values")
    assert (head + rest)[statement.data_start :].strip() == b"(8)"


@given(st.binary(), st.sampled_from([b"VALUES", b"FORMAT Native\n", b"FORMAT TSV \r\n"]))
def test_rows_begin_at_the_same_byte_wherever_the_body_was_cut(rows: bytes, rest: bytes) -> None:
    body = (
        b"INSERT /* FORMAT x */ INTO `a'b` (c, d) SETTINGS e = 'FORMAT CSV' " + rest + b"(" + rows
    )
    cuts = (read_statement(body[:size], whole=False) for size in range(len(body) + 1))
    statement = next(found for found in cuts if found is not None)

    assert body[statement.data_start :] == b"(" + rows
    assert statement.sql.endswith(b"'FORMAT CSV' ")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_statement_or_an_error_of_clickhouse(sql: bytes) -> None:
    try:
        code = 0 if read_statement(sql, whole=True) else None
    except QueryError as error:
        code = error.code

    assert code in {0, 48, 62}


@pytest.mark.parametrize(
    "again",
    [
        b"a,",
        b"a ",
        b"\xe2\x80\x98",
        b"FORMAT ",
        b"(",
        b"$a ",
        b"'' ",
        b"/*",
        b"$%d$ ",
        b"SELECT a ",
    ],
)
def test_reading_takes_as_long_as_the_statement_whatever_it_repeats(again: bytes) -> None:
    times = (64 << 10) // len(again)
    counted = (again % n for n in range(times)) if b"%d" in again else [again] * times
    began_s = time.process_time()

    with suppress(QueryError):
        read(b"INSERT INTO x " + b"".join(counted) + b" SELECT 1 FORMAT x")

    assert time.process_time() - began_s < 5  # it was minutes, and is a tenth of a second


@pytest.mark.parametrize("coding", CODINGS)
def test_a_small_body_that_unpacks_to_a_large_one_is_given_in_pieces(coding: str) -> None:
    out, zeros = encoder(coding), bytes(1 << 20)
    bomb = b"".join([*(out.compress(zeros) for _ in range(200)), out.flush()])

    sizes = [len(piece) for piece in decoded([bomb], coding)]

    assert sum(sizes) == 200 << 20
    assert max(sizes) <= 5 << 20


def test_a_block_that_promises_more_than_servers_write_is_refused() -> None:
    packed = zstandard.compress(bytes(200 << 20))
    for size in (200 << 20, 1000):
        block = struct.pack("<BII", 0x90, len(packed) + 9, size) + packed
        with pytest.raises(QueryError):
            list(unframed([checksum(block) + block]))


@given(st.lists(st.binary(max_size=200)), st.sampled_from(CODINGS), st.integers(1, 50))
def test_every_coding_gives_back_what_went_in(pieces: list[bytes], coding: str, cut: int) -> None:
    out = encoder(coding)
    packed = b"".join([*map(out.compress, pieces), out.flush()]) * 2
    received = [packed[start : start + cut] for start in range(0, len(packed), cut)]

    assert b"".join(decoded(received, coding)) == b"".join(pieces) * 2


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_frames_give_back_what_went_in(data: bytes, cut: int) -> None:
    packed = FrameEncoder().compress(data)
    received = [packed[start : start + cut] for start in range(0, len(packed), cut)]

    assert b"".join(unframed(received)) == data


def test_client_gets_the_first_coding_of_ours_that_it_accepts() -> None:
    assert choose("br, gzip;q=0.5, zstd") == "zstd"
    assert choose("lz4;q=0, deflate") == "deflate"
    assert choose("identity") == ""


def test_checksum_is_the_one_that_clickhouse_froze() -> None:
    block = bytes.fromhex("8217000000100000002201000100800500000000000000")
    assert checksum(block).hex() == "3dd1c0994b2e11293ca032d49b3660bf"
