"""Rule ``gap``: trades are missing, and the gap was not repaired in time."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas import topics
from schemas.market import Gap, GapState
from schemas.topics import Topic
from sinks.notify.event import Event, Moment, Record
from sinks.notify.rules.rule import MINUTE_MS, Note, Notes, Rule, is_over
from sinks.notify.text import counted, duration_text, time_text

_KEPT_MS: Final = 24 * 60 * MINUTE_MS  # a repeated older record may come so late


class GapRule(Rule):
    """A gap that is still open so many minutes after it was found, given up or not."""

    when: Literal["gap"]
    minutes: Annotated[float, Field(ge=0, le=10_080)] = 5

    @property
    def reads(self) -> tuple[Topic, ...]:
        """The topics that tell of it."""
        return (topics.GAPS,)

    def take(self, record: Record, notes: Notes, moment: Moment) -> Iterable[Event]:
        """Note the newest state of a gap; `look` reports it when its time has come."""
        if not isinstance(record, Gap) or record.state == GapState.NEW_ERA:
            return ()
        key = f"{record.symbol}:{record.era}:{record.first_agg_id}-{record.last_agg_id}"
        known = notes.get(key)
        rank = int(record.state != GapState.FOUND)
        if known and (record.changed_ms, rank) <= (known["changed_ms"], known["rank"]):
            return ()  # told again
        notes.put(
            key,
            {
                "open": int(record.state != GapState.REPAIRED and not (known or {}).get("told")),
                "given_up": int(record.state == GapState.GIVEN_UP),
                "rank": rank,
                "told": (known or {}).get("told", 0),
                "noticed_ms": known["noticed_ms"] if known else _noticed_ms(record, moment),
                "changed_ms": record.changed_ms,
                "trades": record.last_agg_id - record.first_agg_id + 1,
                "seen_ms": moment.now_ms,
            },
        )
        return ()

    def look(self, notes: Notes, moment: Moment) -> Iterator[Event]:
        """Report each gap that has been open for too long."""
        for key, gap in notes.items():
            if gap["open"] and is_over(gap["noticed_ms"], self.minutes, moment):
                if self.is_behind(_symbol(key), moment):
                    continue  # its repair may be among what is not read yet
                yield _event(key, gap, moment)
                notes.put(key, gap | {"open": 0, "told": 1})
            elif not gap["open"] and moment.now_ms - gap["seen_ms"] > _KEPT_MS:
                notes.drop(key)


def _symbol(key: str) -> str:
    return key.partition(":")[0]


def _noticed_ms(gap: Gap, moment: Moment) -> int:
    # By our clock: that of the stream may be another, or have been wrong when the stream began.
    before_ms = max(0, gap.changed_ms - gap.noticed_ms)
    return moment.now_ms - (moment.age_ms or 0) - before_ms


def _event(key: str, gap: Note, moment: Moment) -> Event:
    symbol, open_ms = _symbol(key), max(0, moment.now_ms - gap["noticed_ms"])
    noticed_ms = moment.wall_ms - open_ms
    trades, since = counted(gap["trades"], "trade"), f"found {time_text(noticed_ms)}"
    if gap["given_up"]:
        text = f"{symbol}: {trades} missing, and the repair was given up ({since})"
    else:
        open_for = duration_text(open_ms)
        text = f"{symbol}: {trades} missing and not repaired for {open_for} ({since})"
    return Event(key, symbol, text, noticed_ms)
