"""Faults, limits, parameters and control messages, without a server."""

from dataclasses import replace
from typing import get_args

import orjson
import pytest
from starlette.datastructures import QueryParams

from candlewick.exchange.faults.active import ActiveFaults, cuts
from candlewick.exchange.faults.faults import FAULT, Cut, Fault, Lifetime, Shutdown, Silence
from candlewick.exchange.faults.frames import Distortion, spoilt
from candlewick.exchange.faults.parsing import fault_from_text, fault_of
from candlewick.exchange.server import query_params
from candlewick.exchange.server.control import answer
from candlewick.exchange.server.errors import ApiError
from candlewick.exchange.server.limits import LimitRules, Limits
from candlewick.exchange.server.subscriptions import Subscriptions, TooManyStreams
from candlewick.exchange.streams.feed import Frame
from candlewick.exchange.streams.names import Topic

TOPIC = Topic("btcusdt@aggTrade", "BTCUSDT", "aggTrade", "", 1)
SYMBOLS = frozenset({"BTCUSDT"})


def frames(count: int) -> list[Frame]:
    body = '{"e":"aggTrade","T":1,"p":"1.0"}'
    return [Frame(1_000 + at, TOPIC, at, body) for at in range(count)]


def passed(*faults: str, count: int = 200, ordinal: int = 0) -> list[int]:
    arsenal = ActiveFaults()
    for fault in faults:
        arsenal.arm(fault_from_text(fault), 0)
    distortion = Distortion(arsenal)
    sent = [
        frame.number
        for frame in frames(count)
        for frame, _ in distortion.passed([frame], frame.event_ms, ordinal)
    ]
    return sent + [frame.number for frame, _ in distortion.passed([], 10**9, ordinal)]


def test_frames_pass_untouched_without_faults() -> None:
    assert passed() == list(range(200))


def test_a_share_of_the_frames_is_dropped_and_always_the_same() -> None:
    sent = passed("drop:probability=0.3")

    assert sent == passed("drop:probability=0.3", ordinal=5) == sorted(sent)
    assert 100 < len(sent) < 180
    assert sent != passed("drop:probability=0.3,seed=1")


def test_connections_may_lose_different_frames() -> None:
    fault = "drop:probability=0.3,per_connection=true"

    assert passed(fault, ordinal=1) != passed(fault, ordinal=2)


def test_a_range_of_ids_is_dropped() -> None:
    assert passed("drop:first_id=3,last_id=5", count=8) == [0, 1, 2, 6, 7]


def test_a_count_limits_what_a_connection_loses() -> None:
    assert passed("drop:count=3", count=6) == [3, 4, 5]


def test_frames_come_twice() -> None:
    assert passed("duplicate:first_id=1,last_id=1", count=3) == [0, 1, 1, 2]


def test_delayed_frames_are_overtaken() -> None:
    assert passed("delay:first_id=1,last_id=1,delay_ms=3", count=6) == [0, 2, 3, 1, 4, 5]


def test_a_frame_changes_places_with_the_next() -> None:
    assert passed("reorder:first_id=1,last_id=1", count=4) == [0, 2, 1, 3]


def test_frames_of_a_batch_change_places_with_their_next_however_late_the_batch_comes() -> None:
    arsenal = ActiveFaults()
    arsenal.arm(fault_from_text("reorder:probability=0.3"), 0)
    late = Distortion(arsenal).passed(frames(200), 10**9, 0)

    numbers = [frame.number for frame, _ in late]
    assert numbers == passed("reorder:probability=0.3")
    assert all(abs(number - place) <= 1 for place, number in enumerate(numbers))
    assert sum(number != place for place, number in enumerate(numbers)) > 60


def test_faults_of_other_symbols_and_streams_do_not_apply() -> None:
    assert passed("drop:symbol=ETHUSDT", "drop:stream=kline", count=3) == [0, 1, 2]


def test_a_fault_has_its_time() -> None:
    assert passed("drop:start_ms=1002,for_ms=2", count=6) == [0, 1, 4, 5]


@pytest.mark.parametrize("how", ["truncated", "not-json", "missing-field", "bad-number"])
def test_spoilt_frames_cannot_be_read(how: str) -> None:
    arsenal = ActiveFaults()
    arsenal.arm(fault_from_text(f"malformed:how={how}"), 0)
    (frame, found) = Distortion(arsenal).passed(frames(1), 2_000, 0)[0]

    assert found == how
    assert spoilt(frame.body, found) != frame.body
    assert spoilt(frame.body, "") == frame.body


@pytest.mark.parametrize(
    ("what", "field", "by"), [("event", "E", 500), ("trade", "T", 500), ("id", "a", 500)]
)
def test_one_field_of_a_frame_is_ahead(what: str, field: str, by: int) -> None:
    arsenal = ActiveFaults()
    arsenal.arm(fault_from_text(f"ahead:what={what},by={by}"), 0)
    body = {"e": "aggTrade", "E": 10, "T": 9, "a": 8}
    sent = Frame(1_000, TOPIC, 8, orjson.dumps(body).decode())
    ((frame, _),) = Distortion(arsenal).passed([sent], 2_000, 0)

    assert orjson.loads(frame.body) == body | {field: body[field] + by}  # type: ignore[operator]


@pytest.mark.parametrize("what", ["event", "trade", "id", "candle", "unknown"])
def test_a_frame_that_holds_a_list_is_ahead_in_nothing(what: str) -> None:
    arsenal = ActiveFaults()
    arsenal.arm(fault_from_text(f"ahead:what={what}"), 0)
    every = Topic("!miniTicker@arr", "", "miniTicker", "", 1)
    sent = Frame(1_000, every, 1_000, '[{"e":"24hrMiniTicker","E":1000}]')

    assert (sent, "") in Distortion(arsenal).passed([sent], 2_000, 0)


def test_frame_of_an_unknown_type_comes_beside_the_true_one() -> None:
    arsenal = ActiveFaults()
    arsenal.arm(fault_from_text("ahead:what=unknown,by=7000"), 0)
    sent = [orjson.loads(f.body) for f, _ in Distortion(arsenal).passed(frames(1), 2_000, 0)]

    assert {"e": "foo", "E": 8_000} in sent
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("how", "trades"), [("same-id", [(20, 22), (23, 23)]), ("same-trade", [(19, 22)])]
)
def test_ids_of_trades_contradict_each_other(how: str, trades: list[tuple[int, int]]) -> None:
    arsenal = ActiveFaults()
    arsenal.arm(fault_from_text(f"contradict:how={how}"), 0)
    body = {"e": "aggTrade", "E": 10, "a": 8, "f": 20, "l": 22, "T": 9}
    sent = Frame(1_000, TOPIC, 8, orjson.dumps(body).decode())

    found = [orjson.loads(f.body) for f, _ in Distortion(arsenal).passed([sent], 2_000, 0)]

    assert found == [body | {"f": first, "l": last} for first, last in trades]


def test_frames_without_trade_ids_contradict_nothing() -> None:
    for how in ("same-id", "same-trade"):
        assert passed(f"contradict:how={how}", count=3) == [0, 1, 2]


def test_cuts_are_due_at_their_times() -> None:
    arsenal = ActiveFaults()
    once = arsenal.arm(Cut(start_ms=100), 0)
    often = arsenal.arm(Cut(start_ms=100, every_ms=10, count=3), 0)

    assert [cuts(once, Cut(start_ms=100), after, after + 50) for after in (0, 50, 100)] == [0, 1, 0]
    assert cuts(often, Cut(start_ms=100, every_ms=10), 0, 125) == 3
    assert cuts(often, Cut(start_ms=100, every_ms=10, count=2), 0, 1_000) == 2


@pytest.mark.parametrize("fault", [Cut(), Shutdown(), Lifetime(), Silence()])
def test_a_fault_of_connections_begins_behind_what_was_sent_before_it(fault: Fault) -> None:
    arsenal = ActiveFaults()

    assert arsenal.arm(fault, 100).start_ms == 101
    assert arsenal.arm(replace(fault, after_ms=500), 100).start_ms == 600
    assert arsenal.arm(replace(fault, start_ms=7), 100).start_ms == 7


@pytest.mark.parametrize("kind", ["rest-error", "rest-lag", "drop"])
def test_a_fault_of_requests_or_frames_begins_when_it_is_armed(kind: str) -> None:
    assert ActiveFaults().arm(fault_from_text(kind), 100).start_ms == 100


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("foo", "foo"),
        ("drop:nonsense=1", "nonsense"),
        ("drop:probability=2", "probability"),
        ("halt:minutes=5", "symbol"),
        ("cut:every_ms", "name=value"),
        ("rest-error:status=200", "status"),
    ],
)
def test_an_unknown_fault_is_a_clear_error(text: str, names: str) -> None:
    with pytest.raises(ValueError, match=names):
        fault_from_text(text)


def test_a_fault_is_not_a_list() -> None:
    with pytest.raises(ValueError, match="not a fault"):
        fault_of([1])


def test_the_schema_names_every_kind() -> None:
    schema = FAULT.json_schema()

    assert "rest-lag" in schema["discriminator"]["mapping"]
    assert len(schema["discriminator"]["mapping"]) == len(get_args(Fault))


def test_weight_is_counted_by_the_minute_and_an_obstinate_address_is_banned() -> None:
    limits = Limits(LimitRules(weight=10, strikes=2, ban_s=120))
    assert limits.charge("a", 10, 60.0) == 10
    assert limits.charge("b", 4, 60.0) == 4
    for _ in range(2):
        with pytest.raises(ApiError) as refused:
            limits.charge("a", 1, 65.5)
        assert (refused.value.status, refused.value.retry_after_s) == (429, 55)
    with pytest.raises(ApiError) as refused:
        limits.charge("a", 1, 66.0)
    assert (refused.value.status, refused.value.code) == (418, -1003)
    with pytest.raises(ApiError) as refused:
        limits.charge("a", 1, 150.0)
    assert (refused.value.status, refused.value.retry_after_s) == (418, 36)
    assert limits.charge("a", 1, 187.0) == 1


def test_a_new_minute_has_a_new_allowance() -> None:
    limits = Limits(LimitRules(weight=10))
    limits.charge("a", 10, 59.9)

    assert limits.charge("a", 3, 60.1) == 3


def read(query: QueryParams) -> query_params.Range:
    query_params.checked(query, ("symbol", "limit", "startTime"))
    return query_params.range_of(query, SYMBOLS)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", -1102),
        ("symbol=", -1105),
        ("symbol=btcusdt", -1100),
        ("symbol=FOOUSDT", -1121),
        ("symbol=BTCUSDT&limit=x", -1100),
        ("symbol=BTCUSDT&limit=0", -1130),
        ("symbol=BTCUSDT&symbol=BTCUSDT", -1101),
        ("symbol=BTCUSDT&foo=1", -1104),
        ("symbol=BTCUSDT&startTime=-5", -1100),
    ],
)
def test_a_wrong_parameter_has_its_code(query: str, code: int) -> None:
    with pytest.raises(ApiError) as refused:
        read(QueryParams(query))
    assert refused.value.code == code


def test_a_limit_above_the_most_is_the_most() -> None:
    assert query_params.range_of(QueryParams("symbol=BTCUSDT&limit=5000"), SYMBOLS).limit == 1_000


def ask(held: Subscriptions, **request: object) -> object:
    return orjson.loads(answer(orjson.dumps(request), held))


def test_control_messages_have_binances_answers() -> None:
    held = Subscriptions(SYMBOLS)
    names = ["btcusdt@aggTrade", "nosuch@aggTrade"]

    assert ask(held, method="SUBSCRIBE", params=names, id=1) == {"result": None, "id": 1}
    assert ask(held, method="LIST_SUBSCRIPTIONS", id="x") == {"result": names, "id": "x"}
    assert ask(held, method="UNSUBSCRIBE", params=names[1:], id=2) == {"result": None, "id": 2}
    assert list(held.topics) == names[:1]
    assert ask(held, method="GET_PROPERTY", params=["combined"], id=3) == {"result": False, "id": 3}
    assert ask(held, method="SET_PROPERTY", params=["combined", True], id=4) == {
        "result": None,
        "id": 4,
    }
    assert held.combined


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"{", 3),
        (b"[]", 2),
        (b"{}", 2),
        (b'{"method":"FOO","id":1}', 2),
        (b'{"method":"SUBSCRIBE","id":1}', 2),
        (b'{"method":"SUBSCRIBE","params":[1],"id":1}', 2),
        (b'{"method":"SUBSCRIBE","params":[],"id":1.5}', 2),
        (b'{"method":"GET_PROPERTY","params":["foo"],"id":1}', 0),
        (b'{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1),
    ],
)
def test_a_wrong_control_message_has_its_code(request_: bytes, code: int) -> None:
    assert orjson.loads(answer(request_, Subscriptions(SYMBOLS)))["error"]["code"] == code


def test_a_connection_has_1024_streams_at_most() -> None:
    held = Subscriptions(SYMBOLS)
    held.add([f"s{at}@trade" for at in range(1_024)])

    with pytest.raises(TooManyStreams):
        held.add(["one@more"])
    held.add(["s0@trade"])
