"""The only place where ClickHouse is opened through its client library."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, Error
from clickhouse_connect.driver.httpclient import HttpClient
from clickhouse_connect.driver.query import TzMode
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Timeout

from clients.clickhouse_errors import (
    Login,
    at_place,
    meaning,
    reader_login,
    root_of,
    writer_login,
)
from clients.limits import begun, within
from clients.proxies import keep_loopback_direct
from schemas.errors import CandlewickError, Transient
from schemas.settings import ClickHouseSettings

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ClickHouseError",
    "Client",
    "answered",
    "batches_of",
    "connect_reader",
    "connect_writer",
    "meaning_of",
    "rows_of",
]
ValueT = TypeVar("ValueT")
CONNECT_S: Final = 5
SILENCE_S: Final = 30  # between two bytes
LONGEST_S: Final = 300.0
for _name in ("clickhouse_connect", "urllib3.connectionpool"):  # they log what they also raise
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def connect_writer(
    settings: ClickHouseSettings,
    *,
    database: str | None = None,
    silence_s: int = SILENCE_S,
    compress: bool = True,
) -> Client:
    """Open a client as the user that writes.

    Args:
        settings: Where the store is.
        database: Another one than is set.
        silence_s: Longest wait for the next byte of an answer.
        compress: Whether what is sent and read is packed on the way.

    Raises:
        Transient: ClickHouse does not answer, or cannot now.
        ConfigurationError: It refuses, for example the password.
        ContractMismatch: It has no such database.
    """
    return _connect(writer_login(settings), settings, database, silence_s, compress=compress)


def connect_reader(
    settings: ClickHouseSettings, *, silence_s: int = SILENCE_S, times: TzMode = "naive_utc"
) -> Client:
    """Open a client as the user that may only read; for the rest as `connect_writer`.

    Args:
        settings: Where the store is.
        silence_s: Longest wait for the next byte of an answer.
        times: Whether times of UTC come with their zone (``aware``).
    """
    login = reader_login(settings)
    return _connect(login, settings, None, silence_s, compress=True, times=times)


def answered(
    login: Login | None, what: str, call: Callable[[], ValueT], *, limit_s: float, rows: bytes = b""
) -> ValueT:
    """Return what a call returns, within a limit for the whole of it.

    Args:
        login: Whose client asks, for the error; None where that is not known.
        what: What is asked for, for the error.
        call: Asks; one that is given up goes on until it ends.
        limit_s: How long to wait, in seconds.
        rows: What is inserted, for a refusal of the rows.

    Raises:
        Transient: ClickHouse is away or busy.
        PoisonMessage: It refuses these rows.
        ContractMismatch: Its tables are not as this version knows them.
        ConfigurationError: It refuses the login.
    """
    try:
        return within(limit_s, f"ClickHouse{at_place(login)} ({what})", call)
    except (ClickHouseError, HTTPError, OSError) as error:
        raise meaning_of(error, login, rows=rows) from error


def rows_of(
    client: Client,
    query: str,
    parameters: Mapping[str, object] | None = None,
    *,
    limit_s: float = LONGEST_S,
) -> Sequence[Sequence[Any]]:
    """Return the rows of a query for a person, who may wait; raises as `answered` does."""
    bound = dict(parameters or {})
    # Our own server sends no byte before it has the rows: the wait for one is the whole limit.
    if isinstance(client, HttpClient):
        client.timeout = Timeout(connect=CONNECT_S, read=limit_s)
    return answered(
        None, "question", lambda: client.query(query, bound).result_rows, limit_s=limit_s
    )


def batches_of(
    client: Client,
    query: str,
    parameters: Mapping[str, object],
    *,
    limit_s: float = LONGEST_S,
) -> Iterator["pa.RecordBatch"]:
    """Yield the rows of a query as Arrow while they come, so that few are in memory here.

    Args:
        client: Asks.
        query: Ends with neither FORMAT nor SETTINGS.
        parameters: Values of ``{name:Type}``.
        limit_s: How long the whole answer may take, in seconds, what is done with it included.

    Raises:
        Transient: The answer broke off, too; for the rest as `answered`.
    """
    from pyarrow import ArrowException  # noqa: PLC0415 - heavy, and few ask in this way

    end_s = time.monotonic() + limit_s

    def ask(call: Callable[[], ValueT]) -> ValueT:
        left_s = max(0.0, end_s - time.monotonic())
        try:
            return answered(None, "rows", call, limit_s=left_s)
        except ArrowException as error:  # no end, or the server's words in the middle
            raise Transient(f"ClickHouse's answer broke off: {error}") from error

    bound = dict(parameters)
    answer = ExitStack()
    stream = answer.enter_context(
        ask(lambda: client.query_arrow_stream(query, bound, use_strings=True))
    )
    try:
        while (batch := ask(lambda: next(stream, None))) is not None:
            yield batch
    finally:
        # It cannot be closed before a read that is under way has ended: nobody waits for that.
        begun("closing an answer", answer.close)


def meaning_of(error: Exception, login: Login | None, *, rows: bytes = b"") -> CandlewickError:
    """Return an error of the client library as what to do next."""
    code = error.code if isinstance(error, Error) else None
    said = root_of(error) if code is None else str(error).strip() or repr(error)
    if code is None and _was_silent(error):
        return Transient(
            f"ClickHouse{at_place(login)} has not answered in time: it is busy, or asked for too "
            f"much; try again, or ask for less ({said})"
        )
    return meaning(code, said, login, rows=rows)


def _was_silent(error: BaseException | None) -> bool:
    """Return whether there was a connection, on which nothing came."""
    while error is not None and not isinstance(error, ReadTimeoutError):
        error = error.__cause__
    return error is not None


def _connect(
    login: Login,
    settings: ClickHouseSettings,
    database: str | None,
    silence_s: int,
    *,
    compress: bool,
    times: TzMode = "naive_utc",
) -> Client:
    keep_loopback_direct()
    try:
        return clickhouse_connect.get_client(
            dsn=settings.url,
            username=login.user,
            password=login.password,
            database=database or settings.database,
            connect_timeout=CONNECT_S,
            send_receive_timeout=silence_s,
            compress=compress,
            tz_mode=times,
            autogenerate_session_id=False,  # else one question at a time
        )
    except (ClickHouseError, HTTPError, OSError) as error:
        raise meaning_of(error, login) from error
