"""What all rules have in common."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Final, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.symbol_patterns import check_name
from schemas.topics import Topic
from sinks.notify.event import Event, Moment, Record

MINUTE_MS: Final = 60_000
Severity = Literal["warning", "info"]
Note = dict[str, int]
_NOT_OF_THE_CONDITION: Final = {"name", "targets", "quiet_hours", "cooldown_minutes"}


def is_over(since_ms: int, minutes: float, moment: Moment) -> bool:
    """Tell whether so many minutes have passed since a time by our clock.

    A time ahead of us is that of an earlier process, whose clock was wrong: it is over.
    """
    return not 0 <= moment.now_ms - since_ms < minutes * MINUTE_MS


class Notes(Protocol):
    """What one rule remembers; it survives the process."""

    def get(self, key: str) -> Note | None:
        """Return what was written under a key."""

    def put(self, key: str, fields: Note) -> None:
        """Write under a key."""

    def drop(self, key: str) -> None:
        """Forget a key."""

    def items(self) -> list[tuple[str, Note]]:
        """Return everything that is written."""


def _symbol(name: str) -> str:
    check_name(name)
    return name.upper()


SymbolName = Annotated[str, AfterValidator(_symbol)]
RuleName = Annotated[str, Field(min_length=1, max_length=60)]
Minutes = Annotated[float, Field(ge=0, le=10_080, allow_inf_nan=False)]
Percent = Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)]


class Strict(BaseModel):
    """A part of the rules file: unknown keys are refused, and errors never show a value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Rule(Strict):
    """A rule: which records it reads, and which events it sees in them.

    It holds no state of its own: what it must remember it writes into its notes, which are stored
    together with the position in the topics.

    Attributes:
        name: Name in messages; if not set, it is made from `when`.
        targets: Names of the targets; empty for all.
        symbols: Symbols concerned; empty for all.
        quiet_hours: What happens to its events in a target's quiet hours.
        cooldown_minutes: How long further events of the same symbol are only counted.
    """

    severity: ClassVar[Severity] = "warning"
    view: ClassVar[str] = "quality"  # view of the page that shows more

    when: str
    name: RuleName | None = None
    targets: tuple[str, ...] = ()
    symbols: tuple[SymbolName, ...] = ()
    quiet_hours: Literal["hold", "send", "drop"] = "hold"
    cooldown_minutes: Minutes = 0

    @property
    def reads(self) -> tuple[Topic, ...]:
        """The topics whose records it takes."""
        return ()

    @property
    def fingerprint(self) -> str:
        """Identity of the condition: a changed rule begins with empty notes."""
        text = self.model_dump_json(exclude=_NOT_OF_THE_CONDITION)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def follows(self, symbol: str) -> bool:
        """Tell whether the rule concerns a symbol; empty stands for all symbols."""
        return not symbol or not self.symbols or symbol in self.symbols

    def take(self, record: Record, notes: Notes, moment: Moment) -> Iterable[Event]:
        """Read one record of a topic in `reads`, and return the events in it."""
        del record, notes, moment
        return ()

    def look(self, notes: Notes, moment: Moment) -> Iterable[Event]:
        """Return the events that come from time alone; called about once a second."""
        del notes, moment
        return ()

    def is_behind(self, symbol: str, moment: Moment) -> bool:
        """Tell whether records of a symbol exist that the rule has not seen yet."""
        return any(moment.is_behind(topic.name, symbol) for topic in self.reads)

    def chosen(self, symbols: Iterable[str]) -> Iterator[str]:
        """Yield those of the symbols that the rule concerns."""
        yield from (symbol for symbol in symbols if self.follows(symbol))
