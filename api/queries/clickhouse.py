"""Reads ClickHouse over HTTP as a read-only user. Queries are our own text; values are bound.

Plain HTTP, because rows are passed on as ClickHouse writes them: JSON, CSV, Parquet, Arrow.
Source: ClickHouse documentation, "HTTP Interface".
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from urllib.parse import urlencode, urlsplit

import orjson
import urllib3

from clients.clickhouse_errors import at_place, meaning, reader_login, root_of
from clients.limits import within
from schemas.errors import CandlewickError, Transient
from schemas.settings import ClickHouseSettings

Value = str | int | Sequence[str]
Row = dict[str, object]
CONNECT_S = 3.0
ANSWER_S = 25.0  # from the query to the last byte of the answer
LONGEST_QUERY_S = "20"
_CODE = "X-ClickHouse-Exception-Code"
# Source: ClickHouse, src/Common/ErrorCodes.cpp. Limits that a query itself has met.
_TOO_SLOW, _MEMORY = {159, 160, 307}, 241
_OF_THE_QUERY = ("query memory limit", "(for query)")  # else it is that of the whole server
_LONGEST_REASON = 200
_TOO_LARGE_S = 120.0  # longer than clients go on asking: the next attempt would end as this one
# Source: ClickHouse documentation, "Formats settings": numbers that a double would spoil as text.
_JSON: dict[str, int | str] = {
    "date_time_output_format": "iso",
    "output_format_json_quote_decimals": 1,
    "output_format_json_quote_64bit_integers": 0,
}
_ARRAY = {"output_format_json_array_of_rows": 1}


class Reader:
    """Reads tables; thread-safe."""

    def __init__(
        self, settings: ClickHouseSettings, *, connections: int = 16, answer_s: float = ANSWER_S
    ) -> None:
        """Create a reader; it connects with the first query.

        Args:
            settings: Address of ClickHouse, and account of the read-only user.
            connections: Largest number of queries at the same time.
            answer_s: Time limit of a whole call, in seconds.
        """
        self._settings = settings
        self._connections = connections
        self._answer_s = answer_s
        self._login = reader_login(settings)
        self._path = urlsplit(settings.url).path or "/"
        self._always = {
            "database": settings.database,
            "max_execution_time": LONGEST_QUERY_S,
            "wait_end_of_query": "1",  # else an error behind the first rows comes with status 200
        }
        self._pool = self._new_pool()

    def lines(self, query: str, parameters: Mapping[str, Value]) -> list[bytes]:
        """Return the rows of a query, each as a JSON object in the form of `json`."""
        return self.raw(query, parameters, "JSONEachRow", _JSON).splitlines()

    def json(self, query: str, parameters: Mapping[str, Value]) -> bytes:
        """Return the rows of a query as JSON objects, separated by a comma and a line break.

        Decimals are strings, times are ISO 8601. Raises as `raw` does.
        """
        found = self.raw(query, parameters, "JSONEachRow", _JSON | _ARRAY)
        return found.removeprefix(b"[\n").removesuffix(b"]\n").removesuffix(b"\n")

    def rows(self, query: str, parameters: Mapping[str, Value] | None = None) -> list[Row]:
        """Return the rows of a query; decimals are strings."""
        return [orjson.loads(line) for line in self.lines(query, parameters or {})]

    def raw(
        self,
        query: str,
        parameters: Mapping[str, Value],
        form: str,
        settings: Mapping[str, int | str] | None = None,
    ) -> bytes:
        """Return a query's result in one of ClickHouse's formats.

        Raises:
            Transient: ClickHouse is down, busy or too slow, or the query asks for too much.
            ConfigurationError: ClickHouse refuses the login.
            ContractMismatch: The tables are not as this version needs them.
        """
        bound = {f"param_{name}": bind(value) for name, value in parameters.items()}
        asked = urlencode({**self._always, **bound, **(settings or {})})
        pool = self._pool
        try:
            response = within(
                self._answer_s,
                f"ClickHouse at {self._login.place}",
                lambda: pool.urlopen(
                    "POST",
                    f"{self._path}?{asked}",
                    body=f"{query} FORMAT {form}".encode(),
                    pool_timeout=ceil(self._answer_s),
                    redirect=False,
                ),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise meaning(None, root_of(error), self._login) from error
        except Transient:
            self._let_go(pool)
            raise
        if response.status != HTTPStatus.OK:
            raise self._meaning(response)
        return response.data

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _new_pool(self) -> urllib3.HTTPConnectionPool:
        settings = self._settings
        return urllib3.connection_from_url(
            settings.url,
            maxsize=self._connections,
            block=True,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=self._answer_s),
            headers={
                "X-ClickHouse-User": self._login.user,
                "X-ClickHouse-Key": self._login.password,
                # Packing and unpacking takes longer than all the rest of a month of candles.
                "Accept-Encoding": "identity",
            },
        )

    def _let_go(self, pool: urllib3.HTTPConnectionPool) -> None:
        """Replace the pool, because the call that was given up still uses its connection."""
        if self._pool is pool:
            self._pool = self._new_pool()
            pool.close()

    def _meaning(self, response: urllib3.BaseHTTPResponse) -> CandlewickError:
        code = response.headers.get(_CODE, "")
        said = response.data.decode(errors="replace").strip() or f"HTTP {response.status}"
        number = int(code) if code.isdecimal() else None
        if number in _TOO_SLOW or (number == _MEMORY and _is_of_the_query(said)):
            line = said.splitlines()[0][:_LONGEST_REASON]
            return Transient(
                f"ClickHouse{at_place(self._login)} gave up a question that is too large for it: "
                f"ask for a shorter range, or for fewer symbols ({line})",
                retry_after_s=_TOO_LARGE_S,
            )
        return meaning(number, said, self._login)


def _is_of_the_query(said: str) -> bool:
    return any(words in said.lower() for words in _OF_THE_QUERY)


def bind(value: Value) -> str:
    """Return a value in the form that a query needs for ``{name:Type}``.

    Source: ClickHouse documentation, "HTTP Interface": values are escaped as in TabSeparated.
    """
    if isinstance(value, int):
        return str(value)
    return _escaped(value if isinstance(value, str) else _array(value))


def _array(values: Sequence[str]) -> str:
    quoted = (_escaped(value).replace("'", "\\'") for value in values)
    return "[" + ",".join(f"'{value}'" for value in quoted) + "]"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\0", "\\0")
