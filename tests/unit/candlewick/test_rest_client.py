"""What both clients of the REST API share: calls, pages, waiting, the stream's frames, errors."""

import inspect
import json
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import api.payloads
import api.routes.health
from api.http.records import plain
from candlewick import AsyncClient, Client, LiveCandle, PredictionRow, ScoreRow
from candlewick.client.rest import calls, health_rows, prediction_calls, prediction_rows, rows
from candlewick.client.rest.answers import ApiError, ApiUnavailable, error_of, reached, read_answer
from candlewick.client.rest.attempts import Attempts
from candlewick.client.rest.call import PAGE_ROWS, Paging, moment
from candlewick.client.rest.following import Following, StreamEvent
from candlewick.client.rest.sse import Frame, FrameParser
from clients.retry import LONGEST_S
from schemas.errors import ConfigurationError, ContractMismatch, Transient
from tests.support.api_market import a_gap, a_prediction, a_quarter, a_score

PAYLOADS = [
    import_module(f"api.payloads.{found.name}") for found in iter_modules(api.payloads.__path__)
]
OF_THE_API = {
    name: shape
    for module in (*PAYLOADS, api.routes.health)
    for name, shape in vars(module).items()
    if inspect.isclass(shape) and issubclass(shape, BaseModel)
}
SAME_NAMES = [
    (mine, OF_THE_API[name])
    for ours in (rows, prediction_rows, health_rows)
    for name, mine in vars(ours).items()
    if inspect.isclass(mine) and mine.__module__ == ours.__name__ and name in OF_THE_API
]


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(("mine", "of_the_api"), SAME_NAMES, ids=lambda row: str(row.__name__))
def test_a_row_has_every_field_that_the_api_answers(
    mine: type[rows.Row], of_the_api: type[BaseModel]
) -> None:
    theirs = of_the_api.model_fields
    others = {name: field for name, field in mine.model_fields.items() if name not in theirs}

    assert set(theirs) <= set(mine.model_fields)
    assert [name for name, field in others.items() if field.is_required()] == []


def test_rows_are_compared_with_the_api_by_name() -> None:
    compared = {mine.__name__ for mine, _ in SAME_NAMES}

    assert {"CandleRow", "CurrentPrediction", "OutcomeRow", "SkillRow", "Health"} <= compared


@pytest.mark.parametrize(
    ("shape", "record"),
    [
        (LiveCandle, a_quarter(0)),
        (PredictionRow, a_prediction()),
        (ScoreRow, a_score(a_prediction(), error_bp=1.5)),
        (rows.GapRow, a_gap(1, "found")),
    ],
)
def test_an_event_has_every_field_of_its_record(shape: type[rows.Row], record: object) -> None:
    assert set(shape.model_fields) == set(plain(record))


@pytest.mark.parametrize("name", ["candles", "scores", "gaps", "health", "stream", "sign_in"])
def test_both_clients_have_the_same_calls(name: str) -> None:
    blocking, other = getattr(Client, name), getattr(AsyncClient, name)

    assert [*inspect.signature(blocking).parameters] == [*inspect.signature(other).parameters]
    assert inspect.getdoc(blocking)
    assert inspect.getdoc(other)


def test_what_a_method_returns_can_be_read_from_its_signature() -> None:
    told = inspect.signature(Client.candles).return_annotation

    assert str(told).endswith("Iterator[candlewick.client.rest.rows.CandleRow]")


def a_page(numbers: range, cursor: str | None) -> rows.PageOf[rows.CandleRow]:
    data = [rows.CandleRow(symbol="BTCUSDT", interval="15m", open_ms=n) for n in numbers]
    return rows.PageOf[rows.CandleRow](data=data, next_cursor=cursor)


def test_pages_are_followed_by_their_cursor_until_there_is_none() -> None:
    paging = Paging(calls.candles("BTCUSDT", start="2026-01-01"))
    first = paging.next_call()
    assert first is not None
    assert first.parameters["limit"] == PAGE_ROWS
    assert "cursor" not in first.parameters
    assert [row.open_ms for row in paging.take(a_page(range(3), "after-2"))] == [0, 1, 2]
    second = paging.next_call()
    assert second is not None
    assert second.parameters["cursor"] == "after-2"
    assert second.parameters["from"] == "2026-01-01"
    paging.take(a_page(range(3, 5), None))

    assert paging.next_call() is None


def test_a_limit_ends_in_the_middle_of_what_the_api_has() -> None:
    paging = Paging(calls.search(["BTCUSDT"], limit=4))
    limits = []
    while (call := paging.next_call()) is not None:
        assert call.body is not None
        limits.append(call.body["limit"])
        paging.take(a_page(range(3), "more"))

    assert limits == [4, 1]
    assert Paging(calls.candles("BTCUSDT", limit=0)).next_call() is None


def test_a_moment_keeps_its_zone_and_must_have_one() -> None:
    east = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    assert moment("start", east) == "2026-01-01T12:00:00+02:00"
    assert moment("start", 1_767_261_600_000) == 1_767_261_600_000
    with pytest.raises(ConfigurationError, match="start=2026-01-01T12:00:00 has no time zone"):
        calls.candles("BTCUSDT", start=east.replace(tzinfo=None))


def test_prices_to_be_above_are_sent_as_plain_decimals() -> None:
    call = prediction_calls.prediction("PEPEUSDT", above=[Decimal("1E-7"), "0.5", 100])

    assert call.parameters["above"] == ["0.0000001", "0.5", "100"]
    assert "above" not in prediction_calls.prediction("PEPEUSDT").parameters


def a_refusal(status: int, **members: object) -> httpx.Response:
    body = {"type": "/problems/some-kind", "title": "A title", "status": status, **members}
    return httpx.Response(status, content=json.dumps(body))


def test_a_problem_becomes_an_error_with_its_members() -> None:
    errors = [{"place": "query.symbol", "message": "is missing"}]
    error = error_of(a_refusal(422, detail="query.symbol: is missing", errors=errors))

    assert type(error) is ApiError
    assert str(error) == "query.symbol: is missing (422)"
    assert (error.status, error.kind, error.title) == (422, "some-kind", "A title")
    assert error.errors[0].place == "query.symbol"


def test_a_problem_that_passes_says_when_to_ask_again() -> None:
    error = error_of(a_refusal(503, detail="Kafka is away", retry_after_s=7))

    assert isinstance(error, ApiUnavailable)
    assert isinstance(error, Transient)
    assert error.retry_after_s == 7


def test_the_page_of_a_proxy_is_an_error_too() -> None:
    answer = httpx.Response(502, text="<h1>Bad\n Gateway</h1>", headers={"Retry-After": "3"})
    error = error_of(answer)

    assert str(error) == "<h1>Bad Gateway</h1> (502)"
    assert isinstance(error, ApiUnavailable)
    assert error.retry_after_s == 3


@pytest.mark.parametrize(
    "body", ['{"message":"Service Unavailable"}', "{}", '{"type": "/x", "status": 503}']
)
def test_the_object_of_a_gateway_is_no_problem_without_words(body: str) -> None:
    error = error_of(httpx.Response(503, text=body, headers={"Retry-After": "20"}))

    assert isinstance(error, ApiUnavailable)
    assert (str(error), error.retry_after_s) == (f"{body} (503)", 20)


def test_a_problem_waits_as_long_as_its_header_says_where_it_does_not_itself() -> None:
    body = {"title": "Too many requests"}
    error = error_of(httpx.Response(429, json=body, headers={"Retry-After": "9"}))

    assert isinstance(error, ApiUnavailable)
    assert (str(error), error.retry_after_s) == ("Too many requests (429)", 9)


def test_an_answer_of_something_else_is_said_to_be_so() -> None:
    request = httpx.Request("GET", "http://127.0.0.1:1/v1/symbols?a=b")
    answer = httpx.Response(200, json={"rows": []}, request=request)

    with pytest.raises(ContractMismatch, match=r"1/v1/symbols answers otherwise .* \(data: Field"):
        read_answer(calls.symbols(), answer)


def test_pauses_grow_until_patience_ends_with_the_error() -> None:
    clock, error, pauses = Clock(), Transient("away", retry_after_s=0.1), []
    attempts = Attempts(20.0, clock)

    def ask_for_ever() -> None:
        while True:
            pauses.append(attempts.pause_s(error))
            clock.now_s += pauses[-1]

    with pytest.raises(Transient, match="away"):
        ask_for_ever()

    assert 10 < sum(pauses) <= 20
    assert all(later > before for before, later in pairwise(pauses))
    attempts.succeeded()
    assert attempts.pause_s(error) < 1


def test_patience_without_end_survives_any_number_of_failures() -> None:
    attempts = Attempts(math.inf, Clock())

    pauses = [attempts.pause_s(Transient("away")) for _ in range(1_100)]

    assert max(pauses) <= 1.25 * LONGEST_S


def test_a_wait_that_is_longer_than_patience_is_not_begun() -> None:
    with pytest.raises(Transient):
        Attempts(60.0).pause_s(Transient("busy", retry_after_s=61))
    with pytest.raises(Transient):
        Attempts(0).pause_s(Transient("away"))


def test_that_no_prediction_is_fresh_is_an_answer_and_not_asked_for_again() -> None:
    problem = a_refusal(503, type="/problems/no-fresh-prediction", retry_after_s=1)

    with pytest.raises(ApiUnavailable):
        Attempts(60.0).pause_s(error_of(problem))


FRAMES = (
    b"retry: 2000\nid: a\nevent: hello\ndata: {}\n\n: heartbeat\nid: b\n\n"
    b"event: gap\r\ndata: 1\r\ndata:2\r\n\r\ndata: x\r\r\n\nid: c\nevent: q\n\n"
)


@given(st.lists(st.integers(0, len(FRAMES)), max_size=8))
def test_frames_are_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(FRAMES)})
    parser = FrameParser()
    found = [frame for a, b in pairwise(places) for frame in parser.take(FRAMES[a:b])]

    assert found == [
        Frame("a", "hello", "{}"),
        Frame("b", "message", None),
        Frame("b", "gap", "1\n2"),
        Frame("b", "message", "x"),
        Frame("c", "q", None),
    ]


@given(st.binary(max_size=60))
def test_no_bytes_break_the_parser(noise: bytes) -> None:
    parser = FrameParser()
    parser.take(noise)

    assert Frame("z", "e", "d") in parser.take(b"\n\nid: z\nevent: e\ndata: d\n\n")


def a_frame(place: str, name: str, data: str) -> bytes:
    return f"id: {place}\nevent: {name}\ndata: {data}\n\n".encode()


def test_the_next_connection_goes_on_after_the_last_event() -> None:
    following = Following(["gap"], "BTCUSDT", None, 60.0)
    assert following.parameters == {"kinds": "gap", "symbols": "BTCUSDT"}
    assert "Last-Event-ID" not in following.headers
    gap = json.dumps(plain(a_gap(1, "found")))
    found = following.take(a_frame("g0:1", "hello", "{}") + a_frame("g0:2", "gap", gap))
    following.connected()
    following.take(b": heartbeat\nid: g0:9\n\n")

    assert [event.id for event in found] == ["g0:2"]
    assert found[0].data == rows.GapRow.model_validate_json(gap)
    assert following.headers["Last-Event-ID"] == "g0:9"


def test_lost_events_are_told_and_unknown_ones_passed_over() -> None:
    following = Following([], [], "c0:1", 60.0)
    lost = a_frame("c0:5", "lost", '{"records": 4, "reason": "deleted"}')
    events = following.take(a_frame("c0:2", "weather", "rain") + lost)

    assert [(event.kind, event.id) for event in events] == [("lost", "c0:5")]
    assert isinstance(events[0], StreamEvent)


def test_a_stream_that_drips_is_left() -> None:
    clock = Clock()
    following = Following([], [], None, 60.0, clock)
    following.connected()
    clock.now_s += 59
    following.take(b": ")
    clock.now_s += 2
    with pytest.raises(Transient, match="no whole event for 60 s"):
        following.take(b"h")


def test_a_slower_heartbeat_is_waited_for() -> None:
    following = Following([], [], None, 60.0)
    following.take(a_frame("c0:1", "hello", '{"heartbeat_s": 100.0}'))

    assert following.silence_s == 300


def test_a_hello_that_is_not_understood_is_of_another_version() -> None:
    with pytest.raises(ContractMismatch, match=r"an event hello .*heartbeat_s"):
        Following([], [], None, 60.0).take(a_frame("c0:1", "hello", '{"heartbeat_s": "soon"}'))


@pytest.mark.parametrize("place", ["c0:1\nc0:2", "c0:1\x00", "c0:é"])
def test_what_is_no_id_of_an_event_is_refused_at_once(place: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the id of an event"):
        Client("http://127.0.0.1:1").stream(last_event_id=place)


def test_an_id_that_was_read_as_a_line_is_taken_without_its_end() -> None:
    assert Following([], [], " c0:1\n", 60.0).headers["Last-Event-ID"] == "c0:1"


@pytest.mark.parametrize("error", [httpx.LocalProtocolError, httpx.UnsupportedProtocol])
def test_a_request_that_cannot_be_sent_is_not_tried_again(
    error: type[httpx.TransportError],
) -> None:
    with pytest.raises(ConfigurationError, match="cannot be sent"), reached("http://here"):
        raise error("illegal")


def test_connections_that_break_at_once_use_patience_up() -> None:
    clock = Clock()
    following = Following([], [], None, 30.0, clock)

    def connect_for_ever() -> None:
        while True:
            following.take(a_frame("c0:1", "hello", "{}"))
            clock.now_s += following.pause_s(following.ended())

    with pytest.raises(Transient, match="has ended the live stream"):
        connect_for_ever()


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://here", "", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the address of an API"):
        Client(url)


@pytest.mark.parametrize("url", ["http://ada:secret@here/", "https://secret@here", "x://a:secret@"])
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="token") as caught:
        Client(url)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["two words", "line\nend", "schlüssel"])
def test_what_is_no_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(ConfigurationError, match="not a token") as caught:
        Client("http://127.0.0.1:1", token=token)

    assert token not in str(caught.value)


def test_times_of_rows_are_aware() -> None:
    row = rows.CandleRow.model_validate(
        {"symbol": "A", "interval": "1m", "open_ms": 0, "open_time": "1970-01-01T00:00:00.000Z"}
    )

    assert row.open_time == datetime(1970, 1, 1, tzinfo=UTC)
