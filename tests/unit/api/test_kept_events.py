"""What the API keeps of the live stream."""

import tracemalloc

from api.live.events import event_of
from api.live.kinds import Kind
from tests.support.builders import a_candle

EVENTS = 200


def test_a_kept_event_takes_little_more_memory_than_its_text() -> None:
    record, place = a_candle(), (Kind.CANDLE, 0)
    event_of(record, place, 0)
    tracemalloc.start()
    try:
        kept = [event_of(record, place, offset) for offset in range(EVENTS)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    text = sum(len(event.data) for event in kept)
    assert taken / EVENTS < text / EVENTS + 500
