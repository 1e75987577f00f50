"""2a: the reader of ClickHouse who wants more, and writers who ask to read only."""

import itertools
from typing import Final

import httpx

from candlewick.stack.credentials import load
from tests.attack.tally import Fault, Tally
from tests.attack.world import World
from tests.support.stack import Stack

_PATIENCE_S: Final = 60.0
_SECRET: Final = "only the disk knows"  # noqa: S105 - it stands in a file of ours
_FORBIDDEN: Final = (  # nothing of this is reading a table; {d} is a file on the disk
    "INSERT INTO trades (symbol) VALUES ('EVIL')",
    "INSERT INTO FUNCTION file('{d}', 'CSV', 'n Int8') VALUES (1)",
    "CREATE TABLE evil (n Int8) ENGINE = Memory",
    "CREATE TABLE evil ENGINE = File(CSV) AS SELECT 1",
    "CREATE FUNCTION evil AS x -> x",
    "CREATE USER evil IDENTIFIED BY 'x'",
    "CREATE DATABASE evil",
    "DROP TABLE trades",
    "TRUNCATE TABLE trades",
    "ALTER TABLE trades DELETE WHERE 1",
    "DELETE FROM trades WHERE 1",
    "RENAME TABLE trades TO evil",
    "OPTIMIZE TABLE trades FINAL",
    "SYSTEM SHUTDOWN",
    "SYSTEM RELOAD CONFIG",
    "KILL QUERY WHERE 1",
    "GRANT ALL ON *.* TO reader",
    "SET readonly = 0",
    "SET allow_ddl = 1; DROP TABLE trades",
    "ATTACH TABLE evil (n Int8) ENGINE = Memory",
    "DETACH TABLE trades",
    "BACKUP TABLE trades TO File('{d}')",
    "SELECT 1 INTO OUTFILE '{d}'",
    "SELECT * FROM file('{d}', 'LineAsString')",
    "SELECT file('{d}')",
    "SELECT FILE('{d}')",
    "SELECT `file`('{d}')",
    "SELECT f('{d}') FROM (SELECT 1) WITH file AS f",
    "WITH file AS f SELECT f('{d}')",
    "SELECT {f:Identifier}('{d}')",
    "SELECT * FROM {f:Identifier}('{d}')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/bucket/key')",
    "SELECT * FROM remote('127.0.0.1', 'system', 'one')",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM sqlite('{d}', 'x')",
    "SELECT * FROM executable('cat {d}', 'LineAsString', 'l String')",
    "SELECT * FROM python('x')",
    "SELECT * FROM merge('system', 'process')",
    "SELECT * FROM input('l String')",
    "DESCRIBE TABLE file('{d}', 'LineAsString')",
    "DESCRIBE url('http://127.0.0.1:1/', 'CSV')",
    "EXPLAIN SELECT * FROM file('{d}', 'LineAsString')",
    "WITH 1 AS x INSERT INTO trades (symbol) SELECT 'EVIL'",
    "SELECT 1 PARALLEL WITH DROP TABLE trades",
    "EXECUTE AS default SELECT 1",
    "SELECT 1 SETTINGS readonly = 0, format_schema = '{d}:x'",
    "SELECT * FROM (SELECT * FROM file('{d}', 'LineAsString'))",
    "SELECT (SELECT any(line) FROM file('{d}', 'LineAsString', 'line String'))",
    "SELECT * FROM trades WHERE symbol IN file('{d}', 'LineAsString')",
    "SELECT dictGet('x', 'y', 1)",
    "SELECT getClientHTTPHeader('authorization')",
)
_DISGUISES: Final = (
    "{0}",
    " \n\t{0} ;",
    "/* SELECT */ {0}",
    "-- SELECT\n{0}",
    "/* /* */ */ {0}",
    "({0})",
    "EXPLAIN {0}",
)
_SETTINGS: Final = (
    {},
    {"readonly": "0"},
    {"allow_ddl": "1"},
    {"param_f": "file"},
    {"session_id": "e"},
)
_WRITES: Final = (
    "WITH 1 AS x INSERT INTO {t} SELECT 'EVIL'",
    "INSERT INTO {t} SELECT 'EVIL'",
    "INSERT INTO {t} VALUES ('EVIL')",
    "/**/ INSERT INTO {t} SELECT 'EVIL'",
    "ALTER TABLE {t} DELETE WHERE 1",
    "TRUNCATE TABLE {t}",
    "DROP TABLE {t}",
)
# Rows that differ in their keys: what came twice is merged meanwhile.
_COUNTS: Final = """
SELECT (SELECT uniqExact(symbol, agg_id) FROM trades),
    (SELECT uniqExact(symbol, interval, open_time) FROM candles)
"""


def attack(world: World, tally: Tally) -> None:
    """Ask as the reader for what is not reading, and write as one who asked to read only."""
    disk = world.stack.folder.parent / "secret"
    disk.write_text(_SECRET)
    before = world.stack.rows(_COUNTS)
    disguised = list(itertools.product(_FORBIDDEN, _DISGUISES))
    for text, disguise in world.some(disguised, in_short=60):
        sql = disguise.replace("{0}", text.replace("{d}", str(disk)))
        settings = {"param_f": "file", **world.random.choice(_SETTINGS)}
        answer = as_reader(world.stack, sql, settings)
        tally.tried += 1
        if _SECRET in answer.text or disk.read_text() != _SECRET:
            tally.blame(Fault.ACCEPTED, f"the disk was reached by {sql}")
    after = world.stack.rows(_COUNTS)
    if any(int(str(now)) < int(str(was)) for was, now in zip(before[0], after[0], strict=True)):
        tally.blame(Fault.LOSS, f"rows are gone: {before} became {after}")
    evil = world.stack.rows("SELECT count() FROM trades WHERE symbol = 'EVIL'")
    if evil != [(0,)]:
        tally.blame(Fault.ACCEPTED, f"the reader wrote: {evil}")
    _read_only(world.stack, tally)


def _read_only(stack: Stack, tally: Tally) -> None:
    as_writer(stack, "CREATE TABLE attacked (s String) ENGINE = MergeTree ORDER BY s")
    as_writer(stack, "INSERT INTO attacked VALUES ('first')")
    for text, method in itertools.product(_WRITES, ("GET", "HEAD", "POST")):
        sql = text.replace("{t}", "attacked")
        as_writer(stack, sql, {"readonly": "1"}, method=method)
        tally.tried += 1
        found = as_writer(stack, "SELECT s FROM attacked").text
        if found != "first\n":
            tally.blame(Fault.ACCEPTED, f"{method} {sql}: {found}")
    as_writer(stack, "DROP TABLE attacked")


def as_reader(stack: Stack, sql: str, settings: dict[str, str] | None = None) -> httpx.Response:
    """Ask the store as who may only read."""
    secret = load(stack.folder / "credentials").reader_password
    return _asked(stack, sql, settings, ("reader", secret), "POST")


def as_writer(
    stack: Stack, sql: str | bytes, settings: dict[str, str] | None = None, *, method: str = "POST"
) -> httpx.Response:
    """Ask the store as who may write."""
    secret = load(stack.folder / "credentials").password
    return _asked(stack, sql, settings, ("candlewick", secret), method)


def _asked(
    stack: Stack,
    sql: str | bytes,
    settings: dict[str, str] | None,
    who: tuple[str, str],
    method: str,
) -> httpx.Response:
    in_url = {"query": sql} if method != "POST" and isinstance(sql, str) else {}
    return httpx.request(
        method,
        f"http://127.0.0.1:{stack.ports['clickhouse']}/",
        params={"database": "candlewick", **in_url, **(settings or {})},
        content=None if in_url else sql,
        auth=who,
        timeout=_PATIENCE_S,
    )
