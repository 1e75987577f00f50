"""`candlewick.Client` and `AsyncClient` on a real API: typed rows, pages, errors, the stream."""

import asyncio
import inspect
import re
import socket
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

import candlewick
from candlewick.client.rest import calls, prediction_calls
from candlewick.stack.ports import free_port
from schemas import topics
from tests.support.api_market import a_gap, say
from tests.support.api_process import running_api
from tests.support.api_stage import PASSWORD, Stage
from tests.support.api_stream import streaming
from tests.support.builders import START_MS
from tests.support.relay import relay_to

SYMBOLS = ["BTCUSDT", "ETHUSDT"]
PAGE_ROWS = 700
STARTS = datetime.fromtimestamp(START_MS / 1000, UTC)
EXAMPLE = re.compile(r"Example::\n\n((?:(?:    .*)?\n)+)")
EXAMPLES = {
    name: EXAMPLE.search((inspect.getdoc(getattr(candlewick.Client, name)) or "") + "\n")
    for name in vars(candlewick.Client)
    if inspect.isfunction(getattr(candlewick.Client, name)) and not name.startswith("_")
}
WITHOUT_EXAMPLE = {"ask", "follow", "close", "sign_in"}


@pytest.fixture(scope="module")
def api(stage: Stage) -> Iterator[candlewick.Client]:
    with candlewick.Client(stage.api.url, patience_s=0) as client:
        yield client


def test_candles_are_typed_rows_in_order(api: candlewick.Client) -> None:
    first, *others = api.candles("BTCUSDT", start=STARTS, limit=5)

    assert len(others) == 4
    assert first.close == Decimal("101.00012345")
    assert first.open_time == STARTS
    assert first.close_time == STARTS + timedelta(minutes=15)
    assert (first.symbol, first.interval, first.status) == ("BTCUSDT", "15m", "complete")
    assert [row.open_ms for row in others] == [START_MS + n * 900_000 for n in range(1, 5)]


def test_fields_that_were_not_asked_for_are_none(api: candlewick.Client) -> None:
    (row,) = api.candles("BTCUSDT", fields=["close"], limit=1)

    assert row.close is not None
    assert row.volume is None


def test_pages_are_followed_without_a_word(stage: Stage, tmp_path: Path) -> None:
    with (
        running_api(
            tmp_path / "api", stage.kafka, stage.clickhouse, PAGE_ROWS=str(PAGE_ROWS)
        ) as paged,
        candlewick.Client(paged.url) as client,
        candlewick.Client(stage.api.url) as whole,
    ):
        ours = [*client.candles("BTCUSDT", start=STARTS)]
        found = [*client.search(SYMBOLS, start=STARTS, limit=1500)]
        outcomes = [*islice(client.outcomes("BTCUSDT"), 100)]
        expected = [*whole.candles("BTCUSDT", start=STARTS)]
        both = [*whole.search(SYMBOLS, start=STARTS, limit=1500)]

    assert len(ours) == 3000
    assert ours == expected
    assert len(found) == 1500
    assert found == both
    assert len({(row.issued_ms, row.model) for row in outcomes}) == 100


def test_every_other_call_answers_with_its_rows(api: candlewick.Client) -> None:
    now = api.prediction("BTCUSDT", above=[Decimal("1E+2"), "99"])
    skill = {row.model: row for row in api.scores(symbol="BTCUSDT", by=["symbol"])}

    assert (now.price, now.low_90, now.champion) == (Decimal(101), Decimal(97), True)
    assert [other.model for other in now.challengers] == ["reference"]
    assert now.chance is not None
    assert (now.chance.model, now.chance.up, now.chance_up) == ("online", 0.7, 0.7)
    assert [each.price for each in now.chance.above] == [100, 99]
    assert now.chance.above[1].chance == pytest.approx(0.7)
    assert {row.tenth for row in api.reliability(symbol="BTCUSDT", model="online")} == {5, 7}
    assert skill["online"].symbol == "BTCUSDT"
    assert skill["reference"].pinball_skill == 0
    assert {row.symbol for row in api.symbols()} >= set(SYMBOLS)
    assert {gap.state for gap in api.gaps(symbol="BTCUSDT")} == {"repaired"}
    assert sum(month.held for month in api.completeness(symbol="BTCUSDT")) > 0
    assert {row.model for row in api.predictions("BTCUSDT", model="online")} == {"online"}
    assert all(row.covered_50 for row in api.outcomes("BTCUSDT", model="online"))


def test_a_report_of_what_is_down_is_an_answer(api: candlewick.Client) -> None:
    report = api.health()  # no producers run here: whatever it says, it says it

    assert report.status in {"ok", "starting", "down"}
    assert report.parts["database"].ok


def test_a_refusal_says_what_is_wrong(api: candlewick.Client) -> None:
    with pytest.raises(candlewick.ApiError, match="NOSUCH") as unknown:
        list(api.candles("NOSUCH"))
    with pytest.raises(candlewick.ApiError) as wrong:
        list(api.candles("BTCUSDT", interval="7m"))
    with pytest.raises(candlewick.ApiError, match=r"password is wrong \(401\)"):
        api.sign_in("viewer", "guessed")

    assert (unknown.value.status, unknown.value.kind) == (404, "unknown-symbol")
    assert wrong.value.status == 422
    assert wrong.value.errors[0].place.endswith("interval")


def test_who_signs_in_is_known_from_then_on(stage: Stage, tmp_path: Path) -> None:
    environment = {"CANDLEWICK_API__USERS_URL": stage.users_url}
    with running_api(
        tmp_path / "api",
        stage.kafka,
        stage.clickhouse,
        {**environment, "CANDLEWICK_API__PUBLIC_READ": "false"},
    ) as closed:
        with candlewick.Client(closed.url) as client:
            with pytest.raises(candlewick.ApiError) as refused:
                client.symbols()
            token = client.sign_in("viewer", PASSWORD)
            seen = len(client.symbols())
        with candlewick.Client(closed.url, token=token.access_token) as other:
            assert len(other.symbols()) == seen > 0

    assert (refused.value.status, refused.value.kind) == (401, "sign-in")
    assert token.role == "viewer"


def test_an_api_that_is_away_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with candlewick.Client(url, patience_s=0) as away:
        with pytest.raises(candlewick.Transient, match=f"does not answer at {url}"):
            away.symbols()
        with pytest.raises(candlewick.Transient, match="does not answer"):
            next(away.stream(patience_s=0))


def test_a_call_is_tried_again_until_the_api_is_there(stage: Stage) -> None:
    with relay_to(stage.api.url) as way, candlewick.Client(way.url, patience_s=30) as client:
        client.symbols()
        way.cut()  # the kept connection breaks under the next call

        assert client.symbols()
        assert way.taken >= 2


def test_an_answer_that_drips_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        began_s = time.monotonic()
        with (
            candlewick.Client(url, limit_s=0.5, patience_s=0) as client,
            pytest.raises(candlewick.Transient, match=r"not answered within 0\.5 s"),
        ):
            client.health()
        took_s = time.monotonic() - began_s
        listener.shutdown(socket.SHUT_RDWR)

    assert took_s < 5


def drip(listener: socket.socket) -> None:
    with suppress(OSError):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            for _ in range(100):
                connection.sendall(b"x")
                threading.Event().wait(0.1)


def test_what_is_not_the_api_is_said_to_be_something_else(stage: Stage) -> None:
    with (
        candlewick.Client(stage.clickhouse.url, patience_s=0) as client,
        pytest.raises(candlewick.CandlewickError, match=r"\(404\)|otherwise than this version"),
    ):
        client.symbols()


def place_now(stage: Stage) -> str:
    """The place of the stream after what has happened so far."""
    with streaming(stage.api, "?kinds=gap") as client:
        return client.take(1, "hello")[0].id


def gaps_happen(stage: Stage, numbers: range) -> None:
    say(stage.kafka, topics.GAPS, [a_gap(n, "found") for n in numbers])


def ids(events: list[candlewick.StreamEvent]) -> list[int]:
    return [e.data.first_agg_id for e in events if isinstance(e.data, candlewick.GapRow)]


def test_a_stream_that_breaks_goes_on_without_loss_or_repetition(stage: Stage) -> None:
    place = place_now(stage)
    with relay_to(stage.api.url) as way, candlewick.Client(way.url) as client:
        events = client.stream(kinds=["gap"], last_event_id=place)
        found = []
        for numbers in (range(1000, 1004), range(1004, 1008), range(1008, 1012)):
            gaps_happen(stage, numbers)
            found += [*islice(events, 4)]
            way.cut()

        assert way.taken >= 3

    assert ids(found) == [n * 10 for n in range(1000, 1012)]
    assert {event.kind for event in found} == {"gap"}
    assert found[0].id != found[1].id


def test_a_stream_begins_again_at_the_id_of_an_event(stage: Stage, api: candlewick.Client) -> None:
    place = place_now(stage)
    gaps_happen(stage, range(2000, 2004))
    first = [*islice(api.stream(kinds=["gap"], last_event_id=place), 2)]
    later = [*islice(api.stream(kinds=["gap"], last_event_id=first[-1].id), 2)]

    assert ids(first + later) == [20_000, 20_010, 20_020, 20_030]


def test_a_place_that_is_none_is_refused_at_once(api: candlewick.Client) -> None:
    with pytest.raises(candlewick.ApiError) as refused:
        next(api.stream(last_event_id="nonsense"))

    assert refused.value.status == 422


def test_the_other_client_answers_the_same_without_blocking(stage: Stage) -> None:
    async def ask() -> tuple[list[candlewick.CandleRow], Decimal, list[candlewick.StreamEvent]]:
        place = place_now(stage)
        gaps_happen(stage, range(3000, 3003))
        with relay_to(stage.api.url) as way:
            async with candlewick.AsyncClient(way.url) as client:
                events = client.stream(kinds=["gap"], last_event_id=place)
                happened = [await anext(events), await anext(events)]
                way.cut()
                happened.append(await anext(events))
                candles = [row async for row in client.candles("BTCUSDT", start=STARTS, limit=3)]
                now, _ = await asyncio.gather(client.prediction("BTCUSDT"), client.health())
                with pytest.raises(candlewick.ApiError, match="NOSUCH"):
                    await client.prediction("NOSUCH")
                return candles, now.price, happened

    with candlewick.Client(stage.api.url) as client:
        expected = [*client.candles("BTCUSDT", start=STARTS, limit=3)]
    candles, price, happened = asyncio.run(ask())

    assert candles == expected
    assert price == 101
    assert ids(happened) == [30_000, 30_010, 30_020]


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - WITHOUT_EXAMPLE))
def test_the_example_of_a_method_runs(name: str, stage: Stage, api: candlewick.Client) -> None:
    found = EXAMPLES[name]
    assert found is not None, "it has none"
    text = textwrap.dedent(found[1])
    if name == "stream":  # begins now: it waits for something to happen
        text = text.replace('kinds=["candle-live"]', 'kinds=["gap"]')

    with gaps_happening(stage) if name == "stream" else nullcontext():
        exec(compile(text, f"Client.{name}", "exec"), {"api": api})  # noqa: S102 - our own text


@contextmanager
def gaps_happening(stage: Stage) -> Iterator[None]:
    """One gap after the other, until the block ends."""
    enough = threading.Event()

    def happen() -> None:
        number = 4000
        while not enough.wait(0.2):
            gaps_happen(stage, range(number, number + 1))
            number += 1

    thread = threading.Thread(target=happen)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def test_every_call_is_a_method_of_both_clients() -> None:
    offered = {
        name
        for module in (calls, prediction_calls)
        for name, call in vars(module).items()
        if inspect.isfunction(call) and call.__module__ == module.__name__
    }

    for client in (candlewick.Client, candlewick.AsyncClient):
        assert offered - {"token"} <= set(vars(client))  # `sign_in` asks for it
