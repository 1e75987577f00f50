"""Clients of the stream that read the past: few at a time, and none keeps its place for others."""

import asyncio
import threading
from collections.abc import Awaitable, Generator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

import pytest
from starlette.types import Message

from api.live import catchup
from api.live.catchup import PLACES, Missed, Range
from api.live.connection import frames_of
from api.live.events import Event, Frames
from api.live.feed import Feed
from api.live.hub import Wish
from api.live.kinds import Kind
from api.live.position import Place
from api.live.sse_response import EventStream
from schemas.settings import ApiSettings, KafkaSettings, Settings

PLACE = (Kind.CANDLE, 0)
CLIENT = "192.0.2.7"
EVERYTHING = Wish(frozenset(Kind), frozenset())
PAST = 20
LONG_AGO, NOW = {PLACE: 0}, {PLACE: PAST}
DEADLINE_S = 10.0


@dataclass(slots=True)
class Broker:
    """Gives the past as `read_missed` does; `answers` is set while it does not stand still."""

    answers: threading.Event = field(default_factory=threading.Event)
    asked: threading.Semaphore = field(default_factory=partial(threading.Semaphore, 0))
    closed_in: list[threading.Thread] = field(default_factory=list)

    def read(
        self, _: KafkaSettings, ranges: Mapping[Place, Range]
    ) -> Generator[Missed, None, None]:
        self.asked.release()
        try:
            for offset in range(*ranges[PLACE]):
                self.answers.wait(DEADLINE_S)
                yield Missed((an_event(offset),), {PLACE: offset + 1})
        finally:
            self.closed_in.append(threading.current_thread())


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker()
    broker.answers.set()
    monkeypatch.setattr(catchup, "read_missed", broker.read)
    return broker


def an_event(offset: int) -> Event:
    return Event(PLACE, offset, "BTCUSDT", b"{}")


def a_feed(**limits: float) -> Feed:
    feed = Feed(Settings(api=ApiSettings.model_validate({"heartbeat_s": 0.02} | limits)))
    feed.hub.begin(NOW)
    return feed


def played(play: Awaitable[None]) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await play

    asyncio.run(in_time())


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def always() -> bool:
    return True


async def stall(feed: Feed) -> None:
    """Read the start of the past as a client, then nothing any more, until the server ends it."""
    taken: list[Message] = []

    async def send(message: Message) -> None:
        taken.append(message)
        if len(taken) > 3:
            await never()

    stream = EventStream(frames_of(feed, CLIENT, EVERYTHING, LONG_AGO, always), patience_s=0.01)
    await stream({"type": "http"}, never, send)


async def text_until(frames: Frames, wanted: str) -> str:
    text = ""
    while wanted not in text:
        text += b"".join(await anext(frames)).decode()
    return text


async def assert_served(feed: Feed) -> None:
    """A client gets the whole past."""
    async with aclosing(frames_of(feed, CLIENT, EVERYTHING, LONG_AGO, always)) as frames:
        text = await text_until(frames, f"id: c0:{PAST}\n")
    assert text.count("event: candle") == PAST


async def all_places_taken(feed: Feed, broker: Broker) -> list[asyncio.Task[None]]:
    """Clients that read the past while Kafka does not answer."""
    broker.answers.clear()
    reading = [asyncio.create_task(assert_served(feed)) for _ in range(PLACES)]
    for _ in reading:
        assert await asyncio.to_thread(broker.asked.acquire, timeout=DEADLINE_S)
    return reading


def test_clients_that_stop_reading_the_past_leave_their_places_to_others(broker: Broker) -> None:
    async def play() -> None:
        feed = a_feed()
        await asyncio.gather(*(stall(feed) for _ in range(PLACES)))
        await assert_served(feed)
        assert feed.hub.subscribers == 0

    played(play())

    assert len(broker.closed_in) == PLACES + 1
    assert threading.main_thread() not in broker.closed_in


def test_clients_that_leave_while_kafka_is_asked_leave_their_places_to_others(
    broker: Broker,
) -> None:
    async def play() -> None:
        feed = a_feed()
        reading = await all_places_taken(feed, broker)
        for task in reading:
            task.cancel()
        broker.answers.set()
        await asyncio.wait(reading)
        await assert_served(feed)

    played(play())

    assert len(broker.closed_in) == PLACES + 1


def test_a_client_that_waits_for_its_place_hears_so_and_is_dropped_once_it_is_overrun(
    broker: Broker,
) -> None:
    async def play() -> None:
        feed = a_feed(stream_queue=10)
        reading = await all_places_taken(feed, broker)
        waiting = frames_of(feed, CLIENT, EVERYTHING, LONG_AGO, always)
        assert "event: hello" in await text_until(waiting, "\n\n")
        assert await text_until(waiting, "\n\n") == ": heartbeat\nid: c0:0\n\n"
        for offset in range(PAST, PAST + 12):
            feed.hub.publish([an_event(offset)])
        assert "too slow" in await text_until(waiting, "event: dropped")
        broker.answers.set()
        await asyncio.gather(*reading, return_exceptions=True)
        await waiting.aclose()

    played(play())


def test_what_comes_while_a_client_is_greeted_comes_once() -> None:
    async def play() -> None:
        feed = a_feed()
        feed.hub.publish([an_event(PAST)])
        async with aclosing(frames_of(feed, CLIENT, EVERYTHING, NOW, always)) as frames:
            await anext(frames)  # hello
            feed.hub.publish([an_event(PAST + 1)])
            text = await text_until(frames, f"id: c0:{PAST + 2}\n")
            feed.hub.publish([an_event(PAST + 2)])
            text += await text_until(frames, f"id: c0:{PAST + 3}\n")
        assert text.count("event: candle") == 3

    played(play())


def test_a_client_that_takes_the_past_too_slowly_goes_on_from_its_last_id(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup, "LONGEST_S", 0.0)

    async def play() -> None:
        async with aclosing(frames_of(a_feed(), CLIENT, EVERYTHING, LONG_AGO, always)) as frames:
            text = await text_until(frames, "event: dropped")
        assert "id: c0:1\nevent: candle" in text
        assert "connect again with the last id" in text

    played(play())

    assert len(broker.closed_in) == 1
