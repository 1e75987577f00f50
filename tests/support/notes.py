"""What the rules of notifications are tested with: notes in memory, and moments."""

from collections.abc import Iterable, Mapping

from sinks.notify.event import Event, Moment, Record
from sinks.notify.rules.rule import Note, Rule
from tests.support.builders import START_MS


class Notes:
    """Notes in memory."""

    def __init__(self) -> None:
        self.written: dict[str, Note] = {}

    def get(self, key: str) -> Note | None:
        return self.written.get(key)

    def put(self, key: str, note: Note) -> None:
        self.written[key] = dict(note)

    def drop(self, key: str) -> None:
        self.written.pop(key, None)

    def items(self) -> list[tuple[str, Note]]:
        return list(self.written.items())


def at(minutes: float = 0, **more: int | tuple[str, ...] | Mapping[str, int]) -> Moment:
    """A moment so long after the start; names alone are traded since the start."""
    now_ms = START_MS + int(minutes * 60_000)
    if isinstance(names := more.get("traded"), tuple):
        more["traded"] = dict.fromkeys(names, START_MS)
    return Moment(now_ms, **{"wall_ms": now_ms, "market_ms": now_ms} | more)  # type: ignore[arg-type]


def told(rule: Rule, records: Iterable[Record], notes: Notes | None = None) -> list[Event]:
    """The events that a rule sees in records."""
    kept = Notes() if notes is None else notes
    return [event for record in records for event in rule.take(record, kept, at())]
