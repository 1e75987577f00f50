"""2b, 2c and 2d: statements that cost much, bodies that unpack to much, inserts that break off."""

import gzip
import http.client
import struct
from base64 import b64encode
from contextlib import suppress
from functools import partial
from typing import Final

import httpx
import zstandard

from candlewick.stack.credentials import load
from tests.attack.store_door import as_reader, as_writer
from tests.attack.tally import Fault, Tally
from tests.attack.web import at_once
from tests.attack.world import World
from tests.support.stack import Stack, eventually

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS broken (id Int64, note String) ENGINE = MergeTree ORDER BY id"
)
_INSERT: Final = "INSERT INTO broken FORMAT RowBinary"
_ENDLESS: Final = (
    "SELECT sum(cityHash64(number)) FROM numbers(1000000000000) SETTINGS max_execution_time = 3"
)
_MB: Final = 1 << 20
_QUICK_S: Final = 15.0


def attack_resources(world: World, tally: Tally) -> None:
    """Ask for what costs much, as the reader; others are served meanwhile."""
    dear = (
        *("SELECT sleepEachRow(1) FROM numbers(3)",) * (20 if not world.is_short else 4),
        _ENDLESS,
        _ENDLESS,
        "SELECT length(arrayJoin(range(4000000000)))",
        "SELECT repeat('x', 10000000000)",
        "SELECT groupArray(number) FROM numbers(2000000000)",
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT " + "1 + " * 100_000 + "1",
        "SELECT * FROM " + "(SELECT * FROM " * 500 + "system.one" + ")" * 500,
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT * FROM r",
        "SELECT replaceRegexpAll(repeat('a', 100000), '(a+)+$', 'b')",
    )
    asks = [partial(_settled, tally, partial(as_reader, world.stack, sql)) for sql in dear]
    at_once([*asks, partial(_writer_is_served, world.stack, tally)], together=len(asks) + 1)


def attack_bombs(world: World, tally: Tally) -> None:
    """Send bodies that unpack to a hundred times their size, or to nothing."""
    zeros = bytes((20 if world.is_short else 100) * _MB)
    statement = b"INSERT INTO broken (" + b"id," * (2 * _MB // 3)
    bodies: list[tuple[str, bytes]] = [
        ("gzip", gzip.compress(zeros)),
        ("zstd", zstandard.compress(zeros)),
        ("gzip", gzip.compress(statement)),
        ("gzip", gzip.compress(b"SELECT 1")[:-6]),
        ("gzip", b"\x1f\x8b" + b"\xff" * 100),
        ("zstd", zstandard.compress(b"SELECT 1")[:-2]),
        ("zstd", b"\x28\xb5\x2f\xfd" + b"\xff" * 100),
        ("lz4", b"\x04\x22\x4d\x18" + b"\xff" * 100),
        ("deflate", b"\xff" * 100),
        ("br", b"\xff" * 100),
        ("gzip, gzip", gzip.compress(gzip.compress(b"SELECT 1"))),
    ]
    frames = [
        b"\0" * 16 + b"\x82" + struct.pack("<II", size, size) for size in (0, 9, 2**31, 2**32 - 1)
    ]
    as_writer(world.stack, _TABLE)
    asks = [
        partial(_post, world.stack, body, {"Content-Encoding": coding}) for coding, body in bodies
    ]
    asks += [
        partial(_post, world.stack, frame, {}, decompress="1", query=_INSERT) for frame in frames
    ]
    for ask in asks:
        _settled(tally, ask, is_refusal=True)
    _writer_is_served(world.stack, tally)


def attack_inserts(world: World, tally: Tally) -> None:
    """Insert what is broken or breaks off: all or nothing of it is stored, and once."""
    stack = world.stack
    as_writer(stack, _TABLE)
    good = b"".join(struct.pack("<qB", number, 1) + b"x" for number in range(1000))
    broken = [good[:-1], good + b"\x01", good + struct.pack("<qB", 1, 127) + b"x", b"\xff" * 5]
    broken += [world.random.randbytes(world.random.randrange(1, 40)) for _ in range(40)]
    for body in world.some(broken, in_short=20):
        _settled(tally, partial(_post, stack, body, {}, query=_INSERT))
    for _ in range(2 if world.is_short else 10):
        tally.tried += 1
        _break_off(stack, good)
    _holds(stack, tally, 0, "half an insert")
    token = {"query": _INSERT, "insert_deduplication_token": "attack"}
    as_writer(stack, "ALTER TABLE broken MODIFY SETTING non_replicated_deduplication_window = 100")
    sent = at_once([partial(_post, stack, good, {}, **token)] * 8, together=8)
    tally.tried += len(sent)
    _holds(stack, tally, 1000, "the same insert, sent eight times under one token")


def _holds(stack: Stack, tally: Tally, rows: int, what: str) -> None:
    """Blame an insert whose rows are not as many as it should have left."""
    count = "SELECT countIf(note = 'x' AND id BETWEEN 0 AND 999) FROM broken"
    try:
        eventually(lambda: as_writer(stack, count).text == f"{rows}\n", within_s=10)
    except AssertionError:
        found = as_writer(stack, count).text
        tally.blame(Fault.LOSS, f"{what}: {found.strip()} rows instead of {rows}")


def _break_off(stack: Stack, rows: bytes) -> None:
    """Promise more than is sent, then leave."""
    secret = load(stack.folder / "credentials").password
    who = b64encode(f"candlewick:{secret}".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports["clickhouse"], timeout=20)
    query = "/?database=candlewick&query=INSERT+INTO+broken+FORMAT+RowBinary"
    connection.putrequest("POST", query)
    connection.putheader("Authorization", f"Basic {who}")
    connection.putheader("Content-Length", str(2 * len(rows)))
    connection.endheaders(rows)
    connection.close()


def _post(stack: Stack, body: bytes, headers: dict[str, str], **in_url: str) -> httpx.Response:
    secret = load(stack.folder / "credentials").password
    return httpx.post(
        f"http://127.0.0.1:{stack.ports['clickhouse']}/",
        params={"database": "candlewick", **in_url},
        content=body,
        headers=headers,
        auth=("candlewick", secret),
        timeout=60,
    )


def _settled(tally: Tally, ask: partial[httpx.Response], *, is_refusal: bool = False) -> None:
    """Ask; an error of ClickHouse is an answer, no answer within a minute is none."""
    tally.tried += 1
    try:
        answer = ask()
    except httpx.TimeoutException:
        tally.blame(Fault.SILENCE, f"no answer within a minute to {ask.args[1:]!r:.120}")
        return
    except httpx.HTTPError:
        return  # hung up on: that is a refusal too
    has_code = "X-ClickHouse-Exception-Code" in answer.headers
    tally.answers[answer.status_code] += 1
    if answer.is_server_error and not has_code:
        tally.blame(Fault.ERROR, f"{answer.status_code} for {ask.args[1:]!r:.120}")
    if "Traceback" in answer.text[:10_000]:
        tally.blame(Fault.TRACE, f"in the answer to {ask.args[1:]!r:.120}")
    if is_refusal and answer.is_success:
        tally.blame(Fault.ACCEPTED, f"{ask.args[1:]!r:.120} got {answer.text[:50]!r}")


def _writer_is_served(stack: Stack, tally: Tally) -> None:
    with suppress(httpx.HTTPError):
        if as_writer(stack, "SELECT 1").elapsed.total_seconds() < _QUICK_S:
            return
    tally.blame(Fault.SILENCE, f"the writer had no answer within {_QUICK_S:.0f} s")
