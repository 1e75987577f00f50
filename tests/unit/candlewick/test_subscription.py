"""What a subscription makes of the errors that its consumer is given."""

import gc
import time
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, Message, TopicPartition

from candlewick.client import subscription
from candlewick.client.request import SubscriptionRequest
from candlewick.client.start_position import Begun, TopicAt, refused
from candlewick.client.subscription import Subscription
from clients.kafka import unread
from clients.kafka.errors import BROKERS_DOWN, PARTITION_END, TIMED_OUT
from clients.kafka.unread import ReadSoFar
from schemas import topics
from schemas.codecs import message_of
from schemas.errors import ConfigurationError, Transient
from schemas.market import Candle
from schemas.settings import KafkaSettings
from tests.support.api_market import a_quarter

PLACE = topics.CANDLES.name


class Told:
    """A consumer in a group that is told these messages."""

    def __init__(self, *messages: Message) -> None:
        self.messages = [*messages]
        self.places: list[TopicPartition] = []
        self.joined = 0

    def subscribe(self, _: list[str], **told: Callable[..., None]) -> None:
        self.told = told
        self.joined += 1

    def unsubscribe(self) -> None:
        """Leave the group, to join it again."""

    def assign(self, places: list[TopicPartition]) -> None:
        self.places = places

    def poll(self, _: float) -> Message | None:
        return self.messages.pop(0) if self.messages else None

    def assignment(self) -> list[TopicPartition]:
        return self.places

    def store_offsets(self, *_: Message, **__: list[TopicPartition]) -> None:
        """Take it."""

    def close(self) -> None:
        """Leave the group."""


def a_subscription(
    told: Told, monkeypatch: pytest.MonkeyPatch, *, follow: bool = True
) -> Subscription[Candle]:
    monkeypatch.setattr(subscription, "open_subscriber", lambda *_, **__: told)
    monkeypatch.setattr(subscription, "partitions_of", lambda *_, **__: [0])
    wish = SubscriptionRequest(
        KafkaSettings(), topics.CANDLES, frozenset(), "beginning", "slow", follow=follow
    )
    return Subscription(Candle, wish)


def an_error(code: int) -> Message:
    return Message(topic=PLACE, partition=0, error=KafkaError(code))


def a_message(candle: Candle, offset: int = 0) -> Message:
    said = message_of(candle)
    return Message(
        topic=PLACE,
        partition=0,
        offset=offset,
        key=said.key,
        value=said.value,
        headers=[*said.headers],
    )


def test_a_program_that_was_too_slow_for_its_group_reads_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    too_slow = an_error(KafkaError._MAX_POLL_EXCEEDED)
    told = Told(too_slow, a_message(a_quarter(0)))

    with a_subscription(told, monkeypatch) as candles:
        assert candles.poll(5) == a_quarter(0)


def test_a_member_without_a_partition_has_read_all_until_the_group_settles_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Told()
    monkeypatch.setattr(subscription, "go_on_at", lambda *_: ([], []))

    with a_subscription(told, monkeypatch, follow=False) as candles:
        assert not candles.ended
        told.told["on_assign"](told, [])
        assert candles.ended
        told.told["on_revoke"](told, [])
        assert not candles.ended


def test_what_is_there_at_the_start_has_an_end_although_records_keep_coming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Told(*(a_message(a_quarter(n), n) for n in range(9)))
    empty, filled = Begun(TopicPartition(PLACE, 1, 4), 4), Begun(TopicPartition(PLACE, 0, 0), 3)
    monkeypatch.setattr(subscription, "go_on_at", lambda *_: ([empty], [filled]))

    with a_subscription(told, monkeypatch, follow=False) as candles:
        told.told["on_assign"](told, [])

        assert list(candles) == [a_quarter(n) for n in range(3)]


def test_an_end_that_kafka_tells_counts_where_the_last_record_was_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Told(a_message(a_quarter(0)), an_error(PARTITION_END))
    begun = Begun(TopicPartition(PLACE, 0, 0), 3)
    monkeypatch.setattr(subscription, "go_on_at", lambda *_: ([], [begun]))

    with a_subscription(told, monkeypatch, follow=False) as candles:
        told.told["on_assign"](told, [])

        assert list(candles) == [a_quarter(0)]


@pytest.mark.parametrize("why", [Transient("no answer"), ConfigurationError("no such offset")])
def test_a_member_whose_start_could_not_be_found_reads_nothing_and_joins_again(
    monkeypatch: pytest.MonkeyPatch, why: Exception
) -> None:
    told = Told(a_message(a_quarter(0)))
    begun = Begun(TopicPartition(PLACE, 0, 0), 1)
    answers = [why, ([], [begun])]

    def go_on_at(*_: object) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(subscription, "go_on_at", go_on_at)

    with a_subscription(told, monkeypatch, follow=False) as candles:
        with pytest.raises(type(why)):
            told.told["on_assign"](told, [begun.place])
        assert (told.places, candles.ended, told.joined) == ([], False, 1)
        assert candles.poll(0) is not None
        assert told.joined == 2  # once, and only when it is asked for a record
        told.told["on_assign"](told, [begun.place])
        assert told.places == [begun.place]


def test_partitions_are_watched_while_all_that_comes_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Told(a_message(a_quarter(0), 4), a_message(a_quarter(1), 5))
    begun = Begun(TopicPartition(PLACE, 0, 4), 4), Begun(TopicPartition(PLACE, 1, 0), 0)
    monkeypatch.setattr(subscription, "go_on_at", lambda *_: ([begun[0]], [begun[1]]))

    with a_subscription(told, monkeypatch) as candles:
        told.told["on_assign"](told, [])
        for _ in range(2):
            assert candles.poll(0) is not None
            assert candles._so_far.read_to() == {}  # there may be more
        assert candles.poll(0) is None
        assert candles._so_far.read_to() == {(PLACE, 0): 5, (PLACE, 1): -1}

        now_s = time.monotonic() + 60  # a program that works on a record
        monkeypatch.setattr(unread.time, "monotonic", lambda: now_s)
        assert candles._so_far.read_to() == {}
        assert candles.poll(0) is None
        told.told["on_revoke"](Told(), [])  # by a client that leaves late
        assert candles._so_far.read_to() == {(PLACE, 0): 5, (PLACE, 1): -1}
        told.told["on_revoke"](told, [])
        assert candles._so_far.read_to() == {}


def test_a_subscription_that_is_dropped_is_watched_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped = list[ReadSoFar]()

    def stop(so_far: ReadSoFar) -> None:
        stopped.append(so_far)

    monkeypatch.setattr(ReadSoFar, "stop", stop)
    told = Told()
    candles = a_subscription(told, monkeypatch)
    so_far = candles._so_far
    del candles, told.told
    gc.collect()

    assert stopped == [so_far]


@pytest.mark.parametrize("code", [BROKERS_DOWN, TIMED_OUT])
def test_brokers_that_do_not_answer_are_no_fault_of_the_settings(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    candles = a_subscription(Told(an_error(code)), monkeypatch)

    with pytest.raises(Transient, match="does not answer"):
        candles.poll(5)


def test_what_waiting_does_not_cure_is_refused() -> None:
    denied = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)

    with pytest.raises(ConfigurationError, match=rf"not allow .* {PLACE}.* give it the right"):
        raise refused(denied, TopicAt(PLACE, KafkaSettings()))
