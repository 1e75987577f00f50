"""A topic, a committed offset and a store that drops known tokens: that is all a crash leaves."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from sinks.batches import BATCH_ROWS, Batch, Pending, plan_of, planned_last
from sinks.tables import Rows
from tests.support.messages import Sent

RAW = Sent(b"BTCUSDT", b"raw")


def messages(*offsets: int, rows: int = 1) -> Batch:
    batch = Batch()
    for offset in offsets:
        batch.append(offset, RAW, Rows(f"{offset},".encode(), rows))
    return batch


@dataclass
class World:
    """What survives a crash of the process."""

    committed: int = 0
    metadata: str | None = None
    tokens: set[tuple[int, int]] = field(default_factory=set)
    stored: list[int] = field(default_factory=list)

    def insert(self, batch: Batch) -> None:
        if (batch.first, batch.last) not in self.tokens:
            self.tokens.add((batch.first, batch.last))
            self.stored.extend(int(text) for text in b"".join(batch.rows).decode().split(",")[:-1])


def live(world: World, arrivals: list[int], *, crash_after: int) -> None:
    """Run one process: messages up to each of `arrivals` are there when it cuts its next batch.

    It takes the steps plan, insert, commit for each batch and dies after `crash_after` of them.
    """
    pending, read, steps = Pending(planned=planned_last(world.metadata)), world.committed, 0
    for until in arrivals:
        for offset in range(read, until):
            pending.add(messages(offset), now_ms=0)
        read = max(read, until)
        batch = pending.cut()
        if batch is None:
            continue
        for step in range(3):
            if steps == crash_after:
                return
            steps += 1
            if step == 0:
                world.committed, world.metadata = batch.first, plan_of(batch)
            elif step == 1:
                world.insert(batch)
            else:
                world.committed, world.metadata = batch.last + 1, ""
        pending.done(batch, now_ms=0)


LIVES = st.lists(
    st.tuples(st.lists(st.integers(0, 60), min_size=1).map(sorted), st.integers(0, 30)), max_size=12
)


@given(LIVES)
def test_wherever_a_process_dies_every_row_is_stored_once(
    lives: list[tuple[list[int], int]],
) -> None:
    world, there = World(), 0
    for arrivals, crash_after in lives:
        there = max(there, *arrivals)
        live(world, [max(world.committed, n) for n in arrivals], crash_after=crash_after)

    live(world, [there, there], crash_after=-1)

    assert world.stored == list(range(there))
    assert world.committed == there


def test_a_batch_is_the_same_until_it_is_done() -> None:
    pending = Pending()
    pending.add(messages(7), now_ms=0)
    first = pending.cut()
    pending.add(messages(8), now_ms=0)

    assert first is not None
    assert pending.cut() == first
    pending.done(first, now_ms=0)
    assert pending.cut() == messages(8)


def test_a_planned_batch_waits_for_its_last_message() -> None:
    pending = Pending(planned=5)
    pending.add(messages(4), now_ms=0)

    assert pending.cut() is None
    pending.add(messages(5), now_ms=0)
    pending.add(messages(6), now_ms=0)
    assert pending.cut() == messages(4, 5)


def test_a_planned_batch_that_is_no_longer_in_the_topic_is_forgotten() -> None:
    pending = Pending(planned=5)
    pending.add(messages(9), now_ms=0)

    assert pending.cut() == messages(9)


def test_a_batch_ends_with_the_message_that_fills_it() -> None:
    pending = Pending()
    for offset in range(5):
        pending.add(messages(offset, rows=BATCH_ROWS // 2), now_ms=0)

    assert pending.full
    assert pending.cut() == messages(0, 1, rows=BATCH_ROWS // 2)


def test_messages_without_rows_fill_a_batch_too() -> None:
    pending, unreadable = Pending(), Batch()
    for offset in range(BATCH_ROWS + 1):
        unreadable.bury(offset, RAW, "unreadable")
    pending.add(unreadable, now_ms=0)

    first = pending.cut()

    assert first is not None
    assert first.last == BATCH_ROWS - 1
    pending.done(first, now_ms=0)
    assert not pending.full


def test_a_message_after_a_pause_is_due_soon() -> None:
    pending = Pending()
    pending.add(messages(0), now_ms=1000)
    pending.add(messages(1), now_ms=1050)

    assert not pending.due(now_ms=1099, linger_ms=500)
    assert pending.due(now_ms=1100, linger_ms=500)
    assert pending.due(now_ms=1020, linger_ms=20)


def test_a_batch_is_due_when_the_one_before_is_old_enough() -> None:
    pending = Pending()
    pending.add(messages(0), now_ms=1000)
    pending.done(messages(0), now_ms=1100)
    pending.add(messages(1), now_ms=1150)

    assert not pending.due(now_ms=1599, linger_ms=500)
    assert pending.due(now_ms=1600, linger_ms=500)
    pending.done(messages(1), now_ms=1600)
    pending.add(messages(2), now_ms=9000)
    assert pending.due(now_ms=9100, linger_ms=500)


def test_reading_that_starts_again_forgets_what_was_read_before() -> None:
    pending = Pending()
    for offset in (100, 101, 50, 51):
        pending.add(messages(offset), now_ms=0)

    assert pending.held == messages(50, 51)
    assert pending.rows == 2


@given(st.text() | st.none())
def test_metadata_of_anybody_else_is_no_plan(text: str | None) -> None:
    assert planned_last(text) is None


@given(st.integers(0, 2**63 - 1))
def test_a_plan_is_read_as_it_was_written(offset: int) -> None:
    assert planned_last(plan_of(messages(offset))) == offset


@given(st.integers(1, 200))
def test_halving_a_batch_reaches_every_message_and_loses_none(length: int) -> None:
    batch = messages(*range(length))
    while len(batch) > 1:
        left, right = batch.halves()
        joined = left.part(0, len(left))
        joined.extend(right)
        assert joined == batch
        batch = right


def test_messages_that_retention_removed_are_dead_letters_without_a_value() -> None:
    pending = Pending(is_whole=True, expected=3)
    pending.add(messages(3, 4, 7), now_ms=0)
    pending.add(messages(9), now_ms=0)

    assert pending.held.offsets == [3, 4, 5, 7, 8, 9]
    assert sorted(pending.held.reasons) == [5, 8]
    assert pending.held.reasons[5].startswith("records 5 to 6 were removed")


def test_what_retention_removes_during_a_first_run_is_a_dead_letter_too() -> None:
    pending = Pending(is_whole=True)
    pending.add(messages(20, 21), now_ms=0)  # what went before the first start is nobody's loss
    pending.add(messages(1000), now_ms=0)

    assert pending.held.offsets == [20, 21, 22, 1000]
    assert list(pending.held.reasons) == [22]


def test_what_compaction_removed_is_no_dead_letter() -> None:
    pending = Pending()
    pending.add(messages(0, 1), now_ms=0)
    pending.add(messages(9), now_ms=0)

    assert pending.held == messages(0, 1, 9)


def test_a_part_of_a_batch_knows_why_its_own_messages_cannot_be_read() -> None:
    batch = messages(1)
    batch.bury(2, RAW, "why")
    batch.extend(messages(3))

    assert batch.part(1, 3).reasons == {2: "why"}
    assert batch.part(2, 3).reasons == {}
