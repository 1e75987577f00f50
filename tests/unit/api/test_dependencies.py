"""The API's pure parts: times, cursors, formats, positions, freshness, users as CSV."""

from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.accounts.csv_files import harmless, read_users, write_users
from api.accounts.users import Role, User, password_fault, username_fault
from api.http.connections import MOST_HEAD_BYTES
from api.http.cursors import cursor_of, key_of
from api.http.prices import parse_price
from api.http.problems import CATALOGUE, Problem
from api.http.records import decimal_text, plain
from api.http.times import END_MS, SECONDS, iso, parse_time
from api.live.current_prediction import current_prediction
from api.live.events import Event, sse
from api.live.hub import Hub, Subscriber, Wish
from api.live.kinds import Kind
from api.live.market import Market
from api.live.position import LONGEST, parse_position, position_text
from api.queries.clickhouse import Reader, bind
from api.queries.formats import Format, choose_format
from api.queries.recent_skill import RecentSkill
from schemas.market import Candle
from schemas.predictions import Prediction
from schemas.settings import ClickHouseSettings
from tests.support.api_market import QUARTER_MS, SYMBOLS, a_prediction, a_quarter
from tests.support.builders import START_MS

PLACE = (Kind.CANDLE, 0)
EVERYTHING = Wish(frozenset(Kind), frozenset())


@given(st.integers(0, END_MS - 1))
def test_a_time_is_read_back_as_it_is_written(time_ms: int) -> None:
    assert parse_time(iso(time_ms)) == time_ms


@given(st.just(0) | st.integers(SECONDS.stop, END_MS - 1))
def test_milliseconds_are_read_back(time_ms: int) -> None:
    assert parse_time(str(time_ms)) == parse_time(time_ms) == time_ms


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "1e12", "9" * 15, "1969-12-31", "٣٤"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|between|month|day"):
        parse_time(text)


@given(st.integers(1, 2**63 - 1))
def test_a_price_is_read_back_as_it_is_written(price_e8: int) -> None:
    assert parse_price(decimal_text(price_e8)) == price_e8


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.0", "-1", "1e5", "60,000", " 1", "1.", ".5", "0.123456789", "٣", "nan", "1\n"],
)
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"price"):
        parse_price(text)


@pytest.mark.parametrize("text", ["92233720369", "9" * 4000])
def test_what_is_larger_than_a_price_can_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"price"):
        parse_price(text)


@given(st.integers(-(2**100), 2**100))
def test_a_decimal_keeps_every_digit_and_no_zero_at_its_end(value: int) -> None:
    text = decimal_text(value)
    whole, _, rest = text.partition(".")

    assert int(whole + rest.ljust(8, "0")) == value
    assert not rest.endswith("0")


def test_an_unknown_time_of_a_record_is_null() -> None:
    shown = plain(replace(a_quarter(0), event_ms=-1, price_variation_e16=None))

    assert (shown["event_ms"], shown["event_time"], shown["price_variation"]) == (None, None, None)


@given(st.integers(0, 2**61), st.text(max_size=30))
def test_a_cursor_gives_its_key_back(number: int, text: str) -> None:
    assert key_of(cursor_of((number, text)), (int, str)) == (number, text)


@given(st.text(max_size=50))
def test_what_is_no_cursor_is_a_problem_of_the_caller(text: str) -> None:
    with pytest.raises(Problem):
        key_of(text, (int, str, int, str, int))


@pytest.mark.parametrize(
    ("wanted", "accept", "given_"),
    [
        (None, None, Format.JSON),
        (None, "*/*", Format.JSON),
        (None, "text/html, text/csv;q=0.9, */*;q=0.1", Format.CSV),
        (Format.ARROW, "text/csv", Format.ARROW),
        (None, "application/vnd.apache.parquet", Format.PARQUET),
        (None, "text/csv;q=0, application/json;q=0.1", Format.JSON),
    ],
)
def test_the_format_is_what_is_asked_for(
    wanted: Format | None, accept: str | None, given_: Format
) -> None:
    assert choose_format(wanted, accept) is given_


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        ("a\tb\\", "a\\tb\\\\"),
        (["x", "it's"], "['x','it\\\\'s']"),
        ([], "[]"),
    ],
)
def test_values_are_escaped_for_the_store(value: int | str | list[str], text: str) -> None:
    assert bind(value) == text


@given(st.dictionaries(st.tuples(st.sampled_from(Kind), st.integers(0, 9)), st.integers(0, 10**15)))
def test_a_position_is_read_back(position: dict[tuple[Kind, int], int]) -> None:
    assert parse_position(position_text(position, Kind)) == position


@given(
    st.integers(1, 500), st.integers(0, 10**12 - 500), st.sets(st.sampled_from(Kind), min_size=1)
)
@example(500, 10**12 - 500, set(Kind))  # the longest of them
def test_an_id_of_hundreds_of_partitions_is_taken_again(
    partitions: int, first: int, kinds: set[Kind]
) -> None:
    hub = Hub()
    hub.begin({(kind, number): first + number for kind in Kind for number in range(partitions)})

    said = hub.text(frozenset(kinds))

    assert len(said) <= LONGEST
    assert parse_position(said) == {
        (kind, number): at for (kind, number), at in hub.position.items() if kind in kinds
    }


def test_the_longest_id_leaves_room_for_the_rest_of_a_head() -> None:
    part = "c100:12345678,"  # in an address, both marks take three characters
    longest = quote(part * (LONGEST // len(part)), safe="")

    assert len(longest) + 2_000 < MOST_HEAD_BYTES


@pytest.mark.parametrize(
    "text", ["c0:\u0663", "c\u0660:1", "z0:1", "c0", "c0:-1", "c0:1," * (LONGEST // 5 + 1)]
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="event id"):
        parse_position(text)


def events(first: int, count: int, *, symbol: str = "BTCUSDT") -> list[Event]:
    return [Event(PLACE, first + n, symbol, b"{}") for n in range(count)]


@given(st.integers(0, 30), st.integers(1, 30), st.integers(1, 12))
def test_what_is_kept_is_everything_after_a_position_or_nothing(
    at: int, published: int, kept: int
) -> None:
    hub = Hub(kept)
    hub.begin({PLACE: 0})
    hub.publish(events(0, published))

    found = hub.since({PLACE: at})

    if found is None:
        assert at < published - kept
    else:
        assert [event.offset for event in found] == list(range(at, published))


def test_a_subscriber_that_does_not_take_is_overrun_and_holds_nothing() -> None:
    hub, slow = Hub(), Subscriber(EVERYTHING, "one", most=5)
    hub.begin({PLACE: 0})
    hub.add(slow)
    for first in range(0, 40, 4):
        hub.publish(events(first, 4))

    assert slow.overrun
    assert slow._waiting == []


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=6))
def test_records_that_are_no_events_are_passed_over_and_hide_none(
    batches: list[list[bool]],
) -> None:
    hub, subscriber = Hub(), Subscriber(EVERYTHING, "one", most=100)
    hub.begin({PLACE: 0})
    hub.add(subscriber)
    ids: list[int] = []
    offset = 0
    for batch in batches:
        places = {offset + number: is_event for number, is_event in enumerate(batch)}
        hub.publish(
            (event for at, is_event in places.items() if is_event for event in events(at, 1)),
            skipped=[(PLACE, at) for at, is_event in places.items() if not is_event],
        )
        ids += [at + 1 for at, is_event in places.items() if is_event]
        offset += len(batch)
        assert hub.position == {PLACE: offset}

    frames = b"".join(subscriber._waiting).decode().split("\n\n")
    said = [parse_position(frame.splitlines()[0].removeprefix("id: ")) for frame in frames if frame]
    assert said == [{PLACE: after} for after in ids]


def test_an_event_says_the_position_after_it() -> None:
    frame = sse(events(7, 1)[0], "c0:8")

    assert frame == b"id: c0:8\nevent: candle\ndata: {}\n\n"


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def now_ms(self) -> int:
        """The day after the market began."""
        return START_MS + 86_400_000 + int((self.now_s - 1000) * 1000)


def a_market() -> tuple[Market, Clock, RecentSkill]:
    clock = Clock()
    market = Market(SYMBOLS, clock, clock.now_ms)
    return market, clock, RecentSkill(Reader(ClickHouseSettings()))


def take(market: Market, *records: Candle | Prediction, is_new: bool = True) -> None:
    for record in records:
        market.take(record, received_ms=market.now_ms(), is_new=is_new)


def open_candle(event_ms: int, symbol: str = "ETHUSDT") -> Candle:
    number = (event_ms - START_MS) // QUARTER_MS
    return replace(a_quarter(number, symbol), status="open", revision=0, event_ms=event_ms)


def test_a_prediction_is_served_while_its_candle_is_open_and_it_is_recent() -> None:
    market, _, evidence = a_market()
    take(market, a_prediction(model="reference"), a_prediction())

    found = current_prediction(market, evidence, "BTCUSDT", stale_s=30)

    assert found["model"] == "online"
    assert found["price"] == "101"
    assert found["seconds_to_close"] == 600


def test_the_chance_is_that_of_its_own_champion() -> None:
    market, _, evidence = a_market()
    interval = replace(a_prediction(), chance_champion=False)
    chance = replace(a_prediction(model="reference"), chance_champion=True, chance_up=0.8)
    take(market, interval, chance)
    opened, least, most = 99 * 10**8, 1, 2**63 - 1

    found = current_prediction(
        market, evidence, "BTCUSDT", stale_s=30, above_e8=[most, opened, opened + 1, least]
    )

    assert (found["model"], found["chance_up"], found["chance_champion"]) == ("online", 0.7, False)
    shown = found["chance"]
    assert isinstance(shown, dict)
    above = shown.pop("above")
    assert shown == {"model": "reference", "open": "99", "up": 0.8}
    assert [each["price"] for each in above][1:3] == ["99", "99.00000001"]
    assert above[1]["chance"] == pytest.approx(0.8)
    assert [above[0]["chance"], above[3]["chance"]] == [0.0001, 0.9999]
    assert above[2]["chance"] <= above[1]["chance"]


def test_a_prediction_of_before_there_were_chances_has_none() -> None:
    market, _, evidence = a_market()
    outer = ("low_98_e8", "low_80_e8", "high_80_e8", "high_98_e8", "open_e8", "chance_up")
    old = replace(a_prediction(), **dict.fromkeys(outer), chance_champion=False)
    take(market, old)

    found = current_prediction(market, evidence, "BTCUSDT", stale_s=30, above_e8=[10**8])

    above = [{"price": "1", "chance": None}]
    assert found["chance"] == {"model": "online", "open": None, "up": None, "above": above}


@pytest.mark.parametrize("why", ["none", "old", "before we listened", "candle over"])
def test_an_old_prediction_is_never_served_as_fresh(why: str) -> None:
    market, clock, evidence = a_market()
    if why != "none":
        take(market, a_prediction(), is_new=why != "before we listened")
    if why == "old":
        clock.now_s += 31
    if why == "candle over":
        later = replace(a_quarter(1, "ETHUSDT"), event_ms=START_MS + QUARTER_MS)
        take(market, later)  # another symbol's time counts: the stream has passed it

    with pytest.raises(Problem) as caught:
        current_prediction(market, evidence, "BTCUSDT", stale_s=30)

    assert caught.value.kind.status == 503
    assert caught.value.members.retry_after_s == 5


def test_a_late_correction_does_not_turn_the_price_back() -> None:
    market, _, _ = a_market()
    take(market, a_quarter(5), a_quarter(2))

    assert market.heads["BTCUSDT"].event_ms == a_quarter(5).event_ms


@pytest.mark.parametrize("symbol", ["EVILUSDT", "ETHUSDT"])
@pytest.mark.parametrize("known", [0, 30])
def test_one_candle_of_the_future_does_not_end_the_predictions(symbol: str, known: int) -> None:
    market, _, evidence = a_market()
    take(market, *[open_candle(START_MS + 330_000 + n * 1000) for n in range(known)])
    take(market, a_prediction(minute=6))

    take(market, open_candle(4_070_908_800_000, symbol))

    assert current_prediction(market, evidence, "BTCUSDT", stale_s=30)["model"] == "online"
    assert market.head_ms < START_MS + QUARTER_MS
    assert market.ahead == (symbol == "ETHUSDT")


@pytest.mark.parametrize("seconds_each", [1, 60])
def test_a_market_with_times_of_its_own_is_followed(seconds_each: int) -> None:
    market, clock, _ = a_market()
    began_ms = START_MS - 10**11
    for n in range(60):
        clock.now_s += 1
        event_ms = began_ms + n * seconds_each * 1000
        take(market, *[open_candle(event_ms, symbol) for symbol in SYMBOLS])
        assert market.head_ms == event_ms


def test_a_clock_that_is_hours_behind_the_exchanges_is_found_out() -> None:
    market, _, _ = a_market()
    ahead_ms = market.now_ms() + 7_200_000
    take(market, *[open_candle(ahead_ms + n) for n in range(8)])

    assert market.head_ms == ahead_ms + 7
    assert market.exchange.offset_ms == pytest.approx(7_200_000, abs=10)


def test_a_head_that_was_believed_too_early_is_replaced() -> None:
    market, clock, _ = a_market()
    take(market, open_candle(market.now_ms() + 5_000))
    past_ms = START_MS - 10**11
    for n in range(20):
        clock.now_s += 1
        take(market, open_candle(past_ms + n * 1000))

    assert market.head_ms == past_ms + 19_000


@pytest.mark.parametrize("start", list("=+-@|%\t\r"))
def test_no_cell_that_goes_out_is_a_formula(start: str) -> None:
    assert harmless(f"{start}1").startswith("'")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_import(data: bytes) -> None:
    people, faults = read_users(data, most=5)

    assert bool(people) != bool(faults)


def test_a_file_with_more_users_than_allowed_is_refused_at_once() -> None:
    rows = "".join(f"user{n},viewer,correct horse battery\n" for n in range(6))

    people, faults = read_users(f"username,role,password\n{rows}".encode(), most=5)

    assert people == []
    assert len(faults) == 1


def test_users_go_out_without_anything_secret() -> None:
    text = write_users([User("ada", Role.ADMIN, START_MS, 3)])

    assert text == "username,role,created_time\r\nada,admin,2023-11-14T22:15:00.000Z\r\n"


@pytest.mark.parametrize("name", ["", "a", "=a1", "a b", "a\n", "ä" * 5, "a" * 64, "-ab", "ab."])
def test_names_that_would_confuse_are_refused(name: str) -> None:
    assert username_fault(name)


@pytest.mark.parametrize("password", ["short", "x" * 129, "aaaaaaaaaaaaaaaa", "my name is Ada 1"])
def test_poor_passwords_are_refused(password: str) -> None:
    assert password_fault(password, "ada")


def test_every_kind_of_problem_has_a_remedy_and_an_error_status() -> None:
    assert all(kind.remedy and kind.status >= 400 for kind in CATALOGUE.kinds.values())
