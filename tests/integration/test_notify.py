"""Notifications end to end: real topics in, real HTTP and mail out."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result
from confluent_kafka import Producer, TopicPartition
from typer.testing import CliRunner

from candlewick.cli import build_app
from clients.kafka.group import GroupOffsets
from clients.kafka.partition import partition_of
from clients.kafka.unread import Unread
from schemas import topics
from schemas.codecs import CONTRACT_HEADER
from schemas.replayed import REPLAYED
from sinks.notify import loop
from sinks.notify.reading import Reading
from sinks.notify.rules import stale
from sinks.notify.rules.mismatch import MismatchRule
from sinks.notify.store import Store
from tests.support.api_market import a_gap, a_model_event, a_prediction, say
from tests.support.builders import MINUTE_MS, START_MS, a_candle
from tests.support.notifying import Notifying, all_read, eventually, notifying, working
from tests.support.receivers import Webhook, running_mailbox, running_webhook
from tests.support.servers import RunningKafka, running_kafka

DRIFT = "rules: [{when: drift}]"
SECRET = "hunter2"  # noqa: S105 - the secret of an example
NEWER_GAP = [(CONTRACT_HEADER, b"gap.v9")]
DAY = "{from: '00:00', to: '23:59:59.999999', zone: UTC}"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path_factory.mktemp("notify"), partitions=2) as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with running_webhook() as running:
        yield running


def drift(kafka: RunningKafka, *numbers: int, symbol: str = "BTCUSDT") -> None:
    """Events of a model, each with its number as identity."""
    events = [a_model_event("drift", at_ms=START_MS + n, symbol=symbol) for n in numbers]
    say(kafka, topics.MODEL_VERSIONS, events)


def soon(notify: Notifying, holds: Callable[[], object]) -> None:
    eventually(holds, lambda: notify.log)


def test_an_event_is_sent_once_across_kill_restart_and_repetition(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path
) -> None:
    """And the log, however talkative, never has an address."""
    drift(kafka, 1)  # before the first start
    with running_webhook() as broken:
        broken.status = 500
        targets = {"hook": hook.url(SECRET), "broken": broken.url(SECRET)}
        with notifying(tmp_path, kafka, targets, DRIFT, CANDLEWICK_LOG_LEVEL="DEBUG") as notify:
            drift(kafka, 2)
            soon(notify, lambda: "target hook took 1 event" in notify.log)
            soon(notify, lambda: "target broken: it answered with status 500" in notify.log)
            notify.kill()
            drift(kafka, 2, 2, 3)
            notify.start()
            soon(notify, lambda: len(hook.posts) == 2)
            drift(kafka, 3, 2, 4)
            soon(notify, lambda: len(hook.posts) == 3)

    assert [post["title"] for post in hook.posts] == ["Candlewick: drift"] * 3
    assert not any("before" in text for text in hook.texts)
    assert SECRET not in notify.log
    assert not any(str(port) in notify.log for port in (hook.port, broken.port))


def test_a_kill_between_send_and_answer_repeats_the_message_and_says_so(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path
) -> None:
    with notifying(tmp_path, kafka, {"hook": hook.url()}, DRIFT) as notify:
        hook.may_answer.clear()
        drift(kafka, 10)
        soon(notify, lambda: hook.posts)
        notify.kill()
    hook.may_answer.set()
    with working(tmp_path, kafka, {"hook": hook.url()}, DRIFT):
        eventually(lambda: len(hook.posts) == 2)

    assert "may have been sent before" not in hook.texts[0]
    assert "may have been sent before" in hook.texts[1]


def test_every_rule_sees_its_events_in_the_topics(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path
) -> None:
    rules = """
    limit: {messages: 100}
    old_minutes: 10000
    rules:
    - {when: gap, minutes: 0}
    - {when: mismatch, minutes: 0}
    - {when: price, symbols: [BTCUSDT], crosses: 102}
    - {when: volatility, above_percent: 2}
    - {when: chance, above_percent: 60}
    - {when: drift}
    - {when: promotion}
    """
    candles = [
        replace(a_candle(open_ms=START_MS + n * MINUTE_MS), close_e8=price * 10**8)
        for n, price in enumerate((101, 103))
    ]
    theirs = replace(candles[0], status="official", source="rest", volume_e8=4 * 10**8)
    sure = replace(a_prediction(minute=0), chance_up=0.75, chance_champion=True)
    likely = replace(sure, open_e8=100 * 10**8)
    events = [a_model_event("promoted", at_ms=START_MS + 20), a_model_event("trained")]
    with working(tmp_path, kafka, {"hook": hook.url()}, rules):
        say(kafka, topics.CANDLES, [candles[1], candles[0]], headers=[REPLAYED])
        say(kafka, topics.CANDLES, candles)
        eventually(lambda: hook.posts)  # the market's clock is known
        say(kafka, topics.KLINES, [theirs])
        say(kafka, topics.GAPS, [a_gap(1, "found")])
        say(kafka, topics.PREDICTIONS, [likely])
        say(kafka, topics.MODEL_VERSIONS, events)
        drift(kafka, 20)
        eventually(lambda: len(hook.posts) == 7, lambda: hook.texts)

    told = {post["title"]: post["message"] for post in hook.posts}
    names = ("gap", "mismatch", "price", "volatility", "chance", "drift", "promotion")
    assert set(told) == {f"Candlewick: {name}" for name in names}
    assert told["Candlewick: price"].startswith("BTCUSDT rose to 103.00 and crossed 102.00")
    assert told["Candlewick: mismatch"].endswith("differs from the exchange's in volume")


def test_a_symbol_that_the_market_has_left_behind_is_told(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stale, "SETTLED_MS", 500)
    others = [
        replace(a_candle(open_ms=START_MS + n * MINUTE_MS), symbol=symbol)
        for symbol, minutes in (("ETHUSDT", range(30, 31)), ("BTCUSDT", range(30, 41)))
        for n in minutes
    ]
    rules = "rules: [{when: stale, minutes: 5}]"
    with working(tmp_path, kafka, {"hook": hook.url()}, rules, "BTCUSDT", "ETHUSDT"):
        say(kafka, topics.CANDLES, others)
        eventually(lambda: hook.posts)

    assert hook.texts[0].startswith("ETHUSDT: no candle for 10 minutes (the last one ended")


def test_after_a_restart_a_backfill_is_known_as_history_before_the_first_candle(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "TELL_MS", 0)
    there, rules = {"hook": hook.url()}, "rules: [{when: mismatch}]"
    newest = a_candle(open_ms=START_MS + 500 * MINUTE_MS)
    past = [
        replace(a_candle(open_ms=START_MS + n * MINUTE_MS), status="official", source="rest")
        for n in range(300)
    ]
    with working(tmp_path, kafka, there, rules):
        say(kafka, topics.CANDLES, [newest])
        eventually(lambda: all_read(kafka, topics.CANDLES))
    with working(tmp_path, kafka, there, rules):
        say(kafka, topics.KLINES, past)
        eventually(lambda: all_read(kafka, topics.KLINES))

    with closing(Store(tmp_path / "notify" / "store.sqlite")) as store:
        assert len(store.notes("mismatch", MismatchRule(when="mismatch").fingerprint)) == 1


def test_a_gap_that_was_repaired_in_a_pause_is_not_told(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its repair is so far behind it that the records between them do not come at once."""
    monkeypatch.setattr(loop, "LOOK_MS", 0)
    there = {"hook": hook.url()}
    rules = "limit: {messages: 100}\nrules: [{when: gap, minutes: 0}, {when: drift}]"
    with working(tmp_path, kafka, there, rules):
        pass
    found, repaired = a_gap(1, "found"), a_gap(1, "repaired")
    others = [a_gap(number, "repaired") for number in range(2, 1_500)]
    say(kafka, topics.GAPS, [found, *others, repaired, a_gap(1_500, "found")])
    with working(tmp_path, kafka, there, rules):
        eventually(lambda: hook.posts)
        drift(kafka, 90)
        eventually(lambda: len(hook.posts) == 2)

    (gap, _) = hook.texts
    assert "5 trades missing" in gap
    assert [post["title"] for post in hook.posts] == ["Candlewick: gap", "Candlewick: drift"]


def test_a_partition_with_a_newer_record_stands_still_alone_and_is_seen_in_the_health(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "TELL_MS", 0)
    offsets = GroupOffsets(kafka.settings)
    of_one_partition = replace(a_gap(1, "found"), symbol="ETHUSDT")
    with working(tmp_path, kafka, {"hook": hook.url()}, "rules: [{when: gap, minutes: 0}]"):
        say(kafka, topics.GAPS, [of_one_partition])
        eventually(lambda: hook.posts)
        producer = Producer({"bootstrap.servers": kafka.bootstrap})
        partition = partition_of("ETHUSDT", 2)
        producer.produce(topics.GAPS.name, b"\0\0\0\0\7", "ETHUSDT", partition, headers=NEWER_GAP)
        assert producer.flush(20) == 0
        eventually(lambda: offsets.notes(topics.NOTIFY_GROUP))
        say(kafka, topics.GAPS, [a_gap(3, "found")])
        eventually(lambda: len(hook.posts) == 2)

        (said,) = offsets.notes(topics.NOTIFY_GROUP)
    assert said.startswith(f"market.gaps.v1 [{partition}] stands still at a record of a newer")
    assert [text.partition(":")[0] for text in hook.texts] == ["ETHUSDT", "BTCUSDT"]


def test_before_the_broker_has_answered_nothing_counts_as_read_to_its_end(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    with closing(Store(tmp_path / "store.sqlite")) as store:
        reading = Reading(kafka.settings, [topics.GAPS], store)
        with closing(reading):
            assert reading.is_behind(topics.GAPS.name, "BTCUSDT")
            eventually(
                lambda: (
                    not list(reading.records())
                    and not reading.is_behind(topics.GAPS.name, "BTCUSDT")
                )
            )


def test_a_partition_of_which_nothing_is_read_is_noticed(
    kafka: RunningKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[str]()
    quick = partial(Unread, give_up=told.append, patience_s=0.2, look_s=0.05)
    monkeypatch.setattr("sinks.notify.reading.Unread", quick)
    hanging = TopicPartition(topics.GAPS.name, partition_of("BTCUSDT", 2))
    with (
        closing(Store(tmp_path / "store.sqlite")) as store,
        closing(Reading(kafka.settings, [topics.GAPS], store)) as reading,
    ):
        eventually(lambda: not list(reading.records()) and reading.read_to())
        assert told == []
        reading._consumer.pause([hanging])  # as if another broker were asked
        say(kafka, topics.GAPS, [a_gap(1, "found")])
        eventually(lambda: not list(reading.records()) and told)

    assert f"{hanging.topic} [{hanging.partition}]" in told[0]


def test_what_came_in_a_pause_is_summed_up_and_not_lost(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path
) -> None:
    rules = "old_minutes: 0\nrules: [{when: drift}]"
    there = {"hook": hook.url()}
    with working(tmp_path, kafka, there, rules):
        pass
    drift(kafka, *range(100, 122))
    with working(tmp_path, kafka, there, rules):
        eventually(lambda: hook.posts)

    assert hook.posts[0]["title"] == "Candlewick: 22 events"
    assert "while notifications were paused" in hook.texts[0]
    assert "and 17 more: 17 drift" in hook.texts[0]


def test_quiet_hours_hold_events_across_a_restart_until_they_end(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path
) -> None:
    there = {"hook": hook.url()}
    urgent = "{when: promotion, quiet_hours: send}"
    with working(tmp_path, kafka, there, f"quiet_hours: {DAY}\nrules: [{{when: drift}}, {urgent}]"):
        drift(kafka, 200, 201)
        say(kafka, topics.MODEL_VERSIONS, [a_model_event("promoted", at_ms=START_MS + 200)])
        eventually(lambda: hook.posts)
        eventually(lambda: all_read(kafka))
    assert [post["title"] for post in hook.posts] == ["Candlewick: promotion"]
    with working(tmp_path, kafka, there, f"rules: [{{when: drift}}, {urgent}]"):
        eventually(lambda: len(hook.posts) == 3)


def test_a_target_that_fails_holds_up_nobody_and_is_seen_in_the_health(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path
) -> None:
    offsets = GroupOffsets(kafka.settings)
    with running_webhook() as broken:
        broken.status = 500
        targets = {"good": hook.url(), "broken": broken.url(SECRET)}
        with working(tmp_path, kafka, targets, DRIFT):
            drift(kafka, 300)
            eventually(lambda: hook.posts)
            eventually(lambda: offsets.notes(topics.NOTIFY_GROUP))
            (said,) = offsets.notes(topics.NOTIFY_GROUP)
            assert said.startswith("target broken has failed since ")
            assert said.endswith("(it answered with status 500), 1 event waiting")
            broken.status = 200
            eventually(lambda: broken.posts)
            eventually(lambda: not offsets.notes(topics.NOTIFY_GROUP))


@pytest.fixture
def candlewick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """`candlewick notify`, with the rules of the folder."""

    def run(targets: dict[str, str], *options: str) -> Result:
        urls = " ".join(f"{name}={url}" for name, url in targets.items())
        monkeypatch.setenv("CANDLEWICK_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("CANDLEWICK_NOTIFY__RULES", str(tmp_path / "rules.yaml"))
        monkeypatch.setenv("CANDLEWICK_NOTIFY__TARGETS", urls)
        return CliRunner().invoke(build_app(["notify", "status"]), ["notify", *options])

    return run


def test_a_test_message_reaches_every_target_or_says_why_not(
    hook: Webhook, tmp_path: Path, candlewick: Callable[..., Result]
) -> None:
    (tmp_path / "rules.yaml").write_text(DRIFT)
    with running_webhook() as broken, running_mailbox() as box:
        broken.status = 401
        targets = {
            "hook": hook.url(SECRET),
            "mail": f"mailto://127.0.0.1:{box.port}/?from=a@example.com&to=b@example.com",
            "broken": broken.url(SECRET),
            "gone": f"json://127.0.0.1:9/{SECRET}",
        }
        done = candlewick(targets, "--test")

    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "hook: sent",
        "mail: sent",
        "broken: not sent: it answered with status 401",
        "gone: not sent: it does not answer, or refuses the connection",
    ]
    assert hook.posts[0]["title"] == box.mails[0]["Subject"] == "Candlewick: test"
    assert hook.texts[0] in str(box.mails[0].get_payload())
    assert box.receivers == ["rcpt TO:<b@example.com>"]


def test_check_tells_every_error_on_its_own_line(
    tmp_path: Path, candlewick: Callable[..., Result]
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n- when: gap\n  minuts: 5\n- when: stale\n  minutes: 1\n")
    wrong = candlewick({"hook": f"json://x/{SECRET}"}, "--check")
    rules.write_text(DRIFT)
    unknown = candlewick({"hook": f"bogus://x/{SECRET}"}, "--check")
    right = candlewick({"hook": f"json://x/{SECRET}"}, "--check", str(rules))

    assert [line.partition(": ")[0] for line in wrong.output.splitlines()] == [
        f"{rules}:3",
        f"{rules}:5",
    ]
    assert "the address of target hook" in str(unknown.exception)
    assert right.output == "1 rule, targets hook: no errors\n"
    assert [wrong.exit_code, unknown.exit_code, right.exit_code] == [1, 1, 0]
    assert SECRET not in "".join((*wrong.output, str(unknown.exception), right.output))
