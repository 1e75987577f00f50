"""Conversion of pipeline events to Grafana annotations, each with its text and unique tag."""

from dataclasses import dataclass

from schemas.market import Gap, GapState
from schemas.predictions import ModelVersion

TAG = "candlewick"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mark on the dashboards' time axis.

    Attributes:
        begin_ms: Start, UTC epoch milliseconds; ``end_ms`` is the same for a single moment.
        kind: Tag of all events of this kind, such as ``gap`` or ``promoted``.
        key: Tag of this event alone, so that a repeated delivery updates its annotation.
        replaces: How the texts of the event's earlier states begin.
    """

    begin_ms: int
    end_ms: int
    text: str
    kind: str
    symbol: str
    key: str
    replaces: tuple[str, ...] = ()

    @property
    def tags(self) -> list[str]:
        """All tags of the annotation, sorted as Grafana returns them."""
        return sorted(tag for tag in (TAG, self.kind, self.symbol, self.key) if tag)


def of_gap(gap: Gap) -> Annotation:
    """Convert a gap to an annotation, from its discovery to the latest change of its state.

    All states of a gap share one key, so that `repaired` replaces `found`.
    """
    if gap.state == GapState.NEW_ERA:
        return Annotation(
            begin_ms=gap.changed_ms,
            end_ms=gap.changed_ms,
            text=f"{gap.symbol}: {gap.reason}",
            kind="new-era",
            symbol=gap.symbol,
            key=f"era:{gap.symbol}:{gap.era}",
        )
    trades = gap.last_agg_id - gap.first_agg_id + 1
    texts = {  # in the order of the states; their times may come from different clocks
        GapState.FOUND: f"{gap.symbol}: {trades} trades are missing (",
        GapState.GIVEN_UP: f"{gap.symbol}: {trades} trades are missing for good (",
        GapState.REPAIRED: f"{gap.symbol}: {trades} trades were missing and are repaired (",
    }
    state = GapState(gap.state)
    return Annotation(
        begin_ms=gap.noticed_ms,
        end_ms=max(gap.noticed_ms, gap.changed_ms),
        text=f"{texts[state]}{gap.reason})",
        kind="gap",
        symbol=gap.symbol,
        key=f"gap:{gap.symbol}:{_of_era(gap)}{gap.first_agg_id}-{gap.last_agg_id}",
        replaces=tuple(texts.values())[: [*texts].index(state)],
    )


def _of_era(gap: Gap) -> str:
    return f"{gap.era}:" if gap.era else ""  # an annotation of era 0 keeps its tag


def of_model(event: ModelVersion) -> Annotation:
    """Convert an event of a model to an annotation."""
    whose = event.symbol or "all symbols"
    version = f" {event.version}" if event.version else ""
    return Annotation(
        begin_ms=event.event_ms,
        end_ms=event.event_ms,
        text=f"{event.model}{version} {event.event} for {whose}: {event.reason}",
        kind=event.event,
        symbol=event.symbol,
        key=f"model:{event.key}",
    )
