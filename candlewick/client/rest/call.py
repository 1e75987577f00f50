"""One request as a value, and rows that come in pages: what both clients ask, written once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import JsonValue

from candlewick.client.rest.rows import PageOf, RowT
from schemas.errors import ConfigurationError

Moment = datetime | int | str
"""A time: a datetime with a time zone, UTC epoch milliseconds, or ISO 8601 such as 2026-01-31."""
Value = str | int | list[str] | None
"""Of a parameter; None leaves it out, and a list repeats it."""
AnswerT = TypeVar("AnswerT")
PAGE_ROWS = 10_000  # what the API gives at most unless it is set otherwise


@dataclass(frozen=True, slots=True)
class Call(Generic[AnswerT]):
    """A request, and how its answer is read.

    Attributes:
        read: Makes the answer of the body; a ValueError is an answer of another version.
        query: Parameters of the address.
        body: JSON to send; None sends none.
        form: Fields of a form to send.
        also: Statuses besides 200 that have an answer to read.
    """

    path: str
    read: Callable[[bytes], AnswerT]
    query: Mapping[str, Value] = field(default_factory=dict)
    body: Mapping[str, JsonValue] | None = None
    form: Mapping[str, str] | None = None
    also: frozenset[int] = frozenset()

    @property
    def method(self) -> str:
        """GET, or POST if something is sent."""
        return "GET" if self.body is None and self.form is None else "POST"

    @property
    def parameters(self) -> dict[str, str | int | list[str]]:
        """The parameters that have a value."""
        asked = self.query.items()
        return {name: value for name, value in asked if value is not None and value not in ("", [])}


@dataclass(frozen=True, slots=True)
class Pages(Generic[RowT]):
    """Rows that come page by page.

    Attributes:
        shape: Type of a page.
        limit: Most rows in all; None for every row.
    """

    path: str
    shape: type[PageOf[RowT]]
    query: Mapping[str, Value] = field(default_factory=dict)
    body: Mapping[str, JsonValue] | None = None
    limit: int | None = None


class Paging(Generic[RowT]):
    """Walks through pages: what to ask next, until a page is the last one."""

    def __init__(self, pages: Pages[RowT]) -> None:
        self._pages = pages
        self._left = pages.limit
        self._cursor: str | None = None
        self._ended = pages.limit == 0

    def next_call(self) -> Call[PageOf[RowT]] | None:
        """Return the call for the next page; None after the last one."""
        if self._ended:
            return None
        pages = self._pages
        rows = PAGE_ROWS if self._left is None else min(self._left, PAGE_ROWS)
        place: dict[str, str | int | None] = {"limit": rows, "cursor": self._cursor}
        read = pages.shape.model_validate_json
        if pages.body is None:
            return Call(pages.path, read, {**pages.query, **place})
        return Call(pages.path, read, body={**pages.body, **place})

    def take(self, page: PageOf[RowT]) -> list[RowT]:
        """Return the rows of a page that has come, and move on behind it."""
        rows = page.data if self._left is None else page.data[: self._left]
        if self._left is not None:
            self._left -= len(rows)
        self._cursor = page.next_cursor
        self._ended = self._cursor is None or self._left == 0
        return rows


def moment(name: str, value: Moment | None) -> str | int | None:
    """Return a time as the API takes it.

    Raises:
        ConfigurationError: A datetime has no time zone.
    """
    if not isinstance(value, datetime):
        return value
    if value.utcoffset() is None:
        raise ConfigurationError(
            f"{name}={value.isoformat()} has no time zone: write datetime(..., tzinfo=UTC)"
        )
    return value.isoformat()


def names(values: Iterable[str] | str) -> list[str]:
    """Return names as a list; a single one may be a plain text."""
    return [values] if isinstance(values, str) else list(values)


def grouped(
    symbol: str | None,
    model: str | None,
    by: Iterable[str],
    period: tuple[Moment | None, Moment | None],
) -> dict[str, Value]:
    """Return the parameters of figures by model and these keys, over a period."""
    start, end = period
    return {
        "symbol": symbol,
        "model": model,
        "by": ",".join(names(by)),
        "from": moment("start", start),
        "to": moment("end", end),
    }


def rows_of(shape: type[PageOf[RowT]]) -> Callable[[bytes], list[RowT]]:
    """Return a reader of answers that are one list."""
    return lambda body: shape.model_validate_json(body).data
