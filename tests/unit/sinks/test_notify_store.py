"""What notifications remember, and what becomes of an event on its way to the targets."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from schemas import topics
from schemas.errors import ConfigurationError, RestartNeeded
from sinks.notify.delivery import FIRST_PAUSE_MS, TROUBLED, Delivery
from sinks.notify.dispatch import Dispatch
from sinks.notify.event import Moment
from sinks.notify.mailbox import LONGEST_LINE, Message, Waiting
from sinks.notify.plan import Limit, Plan, RulesFile, Target, named_rules
from sinks.notify.quiet_hours import QuietHours
from sinks.notify.sending import NotSent
from sinks.notify.store import MOST_WAITING, Store
from tests.support.api_market import a_model_event
from tests.support.builders import START_MS
from tests.support.notes import at
from tests.support.notifying import eventually

ALWAYS = QuietHours.model_validate({"from": "00:00", "to": "23:59:59", "zone": "UTC"})
HOUR_MS = 3_600_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "store.sqlite")) as opened:
        yield opened


def a_plan(
    *rules: dict[str, object],
    targets: tuple[str, ...] = ("phone",),
    quiet: QuietHours | None = None,
) -> Plan:
    file = RulesFile.model_validate({"rules": list(rules) or [{"when": "drift"}]})
    url = SecretStr("json://127.0.0.1/secret")
    found = tuple(Target(name, url, Limit(), quiet) for name in targets)
    return Plan(found, named_rules(file, targets), HOUR_MS)


def drift(
    store: Store, plan: Plan, *numbers: int, moment: Moment | None = None, age_ms: int = 0
) -> None:
    """Let events of a model come, each with its number as identity."""
    now = moment or at(0, market_ms=0)
    with store.step():
        dispatch = Dispatch(plan, store, now.now_ms)
        for number in numbers:
            event = a_model_event("drift", at_ms=START_MS + number)
            dispatch.take(topics.MODEL_VERSIONS, event, replace(now, age_ms=age_ms))
        dispatch.look(now)


def texts(store: Store, target: str = "phone") -> list[str]:
    return [one.text for one in store.waiting(target)]


def test_an_event_waits_once_for_each_target_however_often_it_comes(store: Store) -> None:
    plan = a_plan(targets=("phone", "mail"))
    drift(store, plan, 1, 1)
    drift(store, plan, 1, 2)

    assert len(texts(store, "phone")) == len(texts(store, "mail")) == 2


def test_a_step_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.step():
            store.go_to("topic", 0, "id", 5)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert store.positions() == {}


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    plan = a_plan({"when": "drift", "cooldown_minutes": 10})
    path = tmp_path / "store.sqlite"
    with closing(Store(path)) as store:
        drift(store, plan, 1, 2)
        with store.step():
            store.go_to("topic", 0, "id", 5)
    with closing(Store(path)) as store:
        drift(store, plan, 1, 2, 3)

        assert store.positions() == {("topic", 0): ("id", 5)}
        assert len(texts(store)) == 1
        assert store.cooldown("drift", "BTCUSDT") is not None


def test_a_second_process_is_refused(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="end the other"):
        Store(store.path)


def test_a_file_that_is_broken_is_told(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"this is no database" * 100)

    with pytest.raises(ConfigurationError, match="remove it"):
        Store(path)


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "store.sqlite").mkdir()

    for path in (tmp_path / "store.sqlite", tmp_path / "file" / "store.sqlite"):
        with pytest.raises(ConfigurationError, match="make it writable"):
            Store(path)


def test_a_file_that_cannot_be_written_ends_the_process(store: Store) -> None:
    store.close()

    with pytest.raises(RestartNeeded), store.step():
        pass


def test_in_a_cooldown_events_are_counted_and_told_at_its_end(store: Store) -> None:
    plan = a_plan({"when": "drift", "cooldown_minutes": 10})
    drift(store, plan, 1, 2, 3)
    assert len(texts(store)) == 1
    drift(store, plan, moment=at(10, market_ms=0))

    assert texts(store)[1].startswith("BTCUSDT: 2 more since the last message, the newest: ")
    drift(store, plan, 4, moment=at(11, market_ms=0))
    assert len(texts(store)) == 3


def test_an_event_just_behind_a_cooldown_does_not_hide_those_counted_in_it(store: Store) -> None:
    plan = a_plan({"when": "drift", "cooldown_minutes": 10})
    drift(store, plan, 1, 2, 3)
    drift(store, plan, 4, moment=at(10, market_ms=0))
    drift(store, plan, 5, moment=at(11, market_ms=0))

    _, counted, _ = texts(store)
    assert counted.startswith("BTCUSDT: 2 more since the last message, the newest: ")
    assert store.cooldown("drift", "BTCUSDT") == at(20).now_ms


def test_a_cooldown_of_a_process_whose_clock_was_ahead_is_no_longer_than_its_own(
    store: Store,
) -> None:
    plan = a_plan({"when": "drift", "cooldown_minutes": 10})
    drift(store, plan, 1, 2, moment=at(24 * 60, market_ms=0))
    drift(store, plan, 3, moment=at(0, market_ms=0))
    drift(store, plan, moment=at(10, market_ms=0))

    _, counted = texts(store)
    assert counted.startswith("BTCUSDT: 2 more since the last message")


def test_what_a_process_whose_clock_was_ahead_has_sent_is_forgotten(store: Store) -> None:
    with store.step():
        store.done("phone", [], START_MS + HOUR_MS, HOUR_MS)
        store.done("phone", [], START_MS, HOUR_MS)

    assert store.sent("phone") == [START_MS]


def test_quiet_hours_drop_by_the_clock_on_the_wall(store: Store) -> None:
    noon = QuietHours.model_validate({"from": "12:00", "to": "13:00", "zone": "UTC"})
    plan = a_plan({"when": "drift", "quiet_hours": "drop"}, quiet=noon)
    wall_ms = START_MS - START_MS % (24 * HOUR_MS) + 12 * HOUR_MS
    drift(store, plan, 1, moment=at(0, market_ms=0, wall_ms=wall_ms))
    drift(store, plan, 2, moment=at(0, market_ms=0, wall_ms=wall_ms + HOUR_MS))

    assert [one.raised_ms for one in store.waiting("phone")] == [wall_ms + HOUR_MS]


@pytest.mark.parametrize(("age_ms", "is_old"), [(HOUR_MS - 1, False), (HOUR_MS + 1, True)])
def test_an_event_that_was_stored_long_ago_is_old(store: Store, age_ms: int, is_old: bool) -> None:  # noqa: FBT001
    drift(store, a_plan(), 1, age_ms=age_ms)

    assert [one.is_old for one in store.waiting("phone")] == [is_old]


def test_an_event_that_is_old_by_the_markets_clock_is_old(store: Store) -> None:
    drift(store, a_plan(), 1, moment=at(0, market_ms=START_MS + 2 * HOUR_MS))

    assert [one.is_old for one in store.waiting("phone")] == [True]


def test_quiet_hours_drop_what_a_rule_says_is_to_be_dropped(store: Store) -> None:
    dropped, held = ({"when": "drift", "quiet_hours": word} for word in ("drop", "hold"))
    drift(store, a_plan(dropped, quiet=ALWAYS), 1)
    assert texts(store) == []
    drift(store, a_plan(held, quiet=ALWAYS), 2)
    assert len(texts(store)) == 1


def test_where_very_many_wait_they_are_counted_and_none_is_lost(store: Store) -> None:
    drift(store, a_plan(), *range(MOST_WAITING + 50))
    waiting = store.waiting("phone")

    assert len(waiting) == MOST_WAITING
    assert sum(one.count for one in waiting) == store.count("phone") == MOST_WAITING + 50


def test_targets_and_rules_that_are_gone_are_forgotten(store: Store) -> None:
    drift(store, a_plan(targets=("phone", "mail")), 1)
    with store.step():
        gone = store.forget(["phone"], ["drift"])

    assert gone == [("mail", 1)]
    assert texts(store, "mail") == []


class Targets:
    """What takes messages, or refuses them."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.got: list[tuple[str, Message]] = []

    def send(self, target: Target, message: Message) -> None:
        if target.name in self.failing:
            raise NotSent(f"{target.name}: it answered with status 500")
        self.got.append((target.name, message))


def until(delivery: Delivery, now_ms: int, holds: Callable[[], object]) -> None:
    def goes_on() -> object:
        delivery.step(now_ms, now_ms)
        return holds()

    eventually(goes_on)


def test_a_target_that_fails_does_not_hold_up_the_others_and_gets_all_later(store: Store) -> None:
    plan, there = a_plan(targets=("phone", "mail")), Targets("phone")
    drift(store, plan, 1)
    delivery = Delivery(plan, store, there.send)
    until(delivery, START_MS, lambda: store.count("mail") == 0)
    assert store.count("phone") == 1
    there.failing.clear()
    until(delivery, START_MS + FIRST_PAUSE_MS, lambda: store.count("phone") == 0)

    assert sorted(name for name, _ in there.got) == ["mail", "phone"]
    assert delivery.trouble() == ""


def test_pauses_grow_and_the_trouble_is_told_without_the_address(store: Store) -> None:
    plan, there = a_plan(), Targets("phone")
    drift(store, plan, 1)
    delivery = Delivery(plan, store, there.send)
    now_ms = START_MS
    for n in range(TROUBLED):
        assert delivery.trouble() == ""
        until(delivery, now_ms, lambda: delivery.failures("phone") > n)  # noqa: B023
        now_ms += FIRST_PAUSE_MS << n

    assert delivery.trouble() == (
        "target phone has failed since 2023-11-14 22:15 UTC (it answered with status 500), "
        "1 event waiting"
    )


def test_an_attempt_without_an_answer_is_repeated_and_says_so(tmp_path: Path) -> None:
    plan, path = a_plan(), tmp_path / "store.sqlite"
    with closing(Store(path)) as store:
        drift(store, plan, 1)
        waiting = store.waiting("phone")
        with store.step():  # what `Delivery` does before it sends; then the process is killed
            store.mark_unsure([one.number for one in waiting], is_unsure=True)
    there = Targets()
    with closing(Store(path)) as store:
        until(Delivery(plan, store, there.send), START_MS, lambda: there.got)

    assert "may have been sent before" in there.got[0][1].body


def test_what_may_have_been_sent_stays_so_when_the_next_attempt_is_refused(store: Store) -> None:
    plan, there = a_plan(), Targets("phone")
    drift(store, plan, 1)
    with store.step():
        store.mark_unsure([one.number for one in store.waiting("phone")], is_unsure=True)
    delivery = Delivery(plan, store, there.send)
    until(delivery, START_MS, lambda: delivery.failures("phone"))
    there.failing.clear()
    until(delivery, START_MS + FIRST_PAUSE_MS, lambda: there.got)

    assert "may have been sent before" in there.got[0][1].body


def test_a_message_that_was_refused_does_not_say_so(store: Store) -> None:
    plan, there = a_plan(), Targets("phone")
    drift(store, plan, 1)
    delivery = Delivery(plan, store, there.send)
    until(delivery, START_MS, lambda: delivery.failures("phone"))
    there.failing.clear()
    until(delivery, START_MS + FIRST_PAUSE_MS, lambda: there.got)

    assert "before" not in there.got[0][1].body


@pytest.mark.parametrize(
    ("url", "takes"),
    [
        (f"discord://{'1' * 18}/{'a' * 64}", 2_000),
        ("tgram://123456789:abcdefg_hijklmnop/12315544", 4_096),
    ],
)
def test_a_summary_is_never_longer_than_its_service_takes(
    store: Store, url: str, takes: int
) -> None:
    plan, there = a_plan(), Targets()
    plan = replace(plan, targets=(replace(plan.targets[0], url=SecretStr(url)),))
    long = Waiting(0, "drift", "info", "scores", "x" * LONGEST_LINE, START_MS)
    with store.step():
        for n in range(30):
            store.add("phone", replace(long, is_old=n % 2 == 0))
    until(Delivery(plan, store, there.send), START_MS, lambda: store.count("phone") == 0)

    ((_, message),) = there.got
    assert len(f"{message.title}\r\n{message.body}") <= takes
    assert "more: " in message.body


def test_a_rule_with_another_condition_begins_with_empty_notes(store: Store) -> None:
    with store.step():
        store.write_note("gap", "one", "key", "{}")

        assert store.notes("gap", "one") == {"key": "{}"}
        assert store.notes("gap", "other") == {}


def test_waiting_events_come_back_as_they_were(store: Store) -> None:
    put = Waiting(0, "gap", "warning", "quality", "text", 5, "send", 3, is_old=True, is_unsure=True)
    with store.step():
        store.add("phone", put)

    assert store.waiting("phone") == [replace(put, number=1)]
