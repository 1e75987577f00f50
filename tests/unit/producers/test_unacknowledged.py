"""What waits for Kafka, and where that has lasted for longest."""

from hypothesis import given
from hypothesis import strategies as st

from producers.unacknowledged import Place, Unacknowledged

SYMBOLS = st.sampled_from("ABC")


def test_nothing_waits_at_first_and_once_all_is_acknowledged() -> None:
    records = Unacknowledged()
    assert records.longest() is None

    for _ in range(3):
        records.sent("trades", "A")
    for _ in range(2):
        records.acknowledged("trades", "A")
    assert records.longest() is not None

    records.acknowledged("trades", "A")
    assert records.longest() is None
    assert (records.done, records.waiting) == (3, 0)


def test_one_symbol_that_stands_still_is_told_however_much_of_others_is_taken() -> None:
    records = Unacknowledged()
    records.sent("trades", "A")
    told = set()

    for _ in range(10):
        records.sent("trades", "B")
        records.sent("trades", "B")
        records.acknowledged("trades", "B")
        told.add(records.longest())

    assert told == {(Place("trades", "A"), 0)}


def test_the_same_symbol_in_another_topic_is_another_place() -> None:
    records = Unacknowledged()
    records.sent("gaps", "A")
    records.sent("trades", "A")

    records.acknowledged("trades", "A")

    assert records.longest() == (Place("gaps", "A"), 0)


@given(st.lists(st.tuples(st.booleans(), SYMBOLS)))
def test_it_is_the_symbol_that_got_nothing_for_longest_and_changes_with_its_next(
    steps: list[tuple[bool, str]],
) -> None:
    records, under_way, last = Unacknowledged(), dict.fromkeys("ABC", 0), dict[str, int]()
    for number, (is_sent, symbol) in enumerate(steps):
        before = records.longest()
        if is_sent:
            records.sent("trades", symbol)
            under_way[symbol] += 1
            last.setdefault(symbol, number)
        elif under_way[symbol]:
            records.acknowledged("trades", symbol)
            under_way[symbol] -= 1
            last[symbol] = number
            if not under_way[symbol]:
                del last[symbol]
        longest = records.longest()
        found = None if longest is None else longest[0].key
        assert found == min(last, key=lambda name: last[name], default=None)
        if before is not None and (is_sent or symbol != before[0].key):
            assert longest == before
        if before is not None and not is_sent and symbol == before[0].key:
            assert longest != before
    assert records.waiting == sum(under_way.values())
