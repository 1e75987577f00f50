"""Events of the pipeline as Grafana's annotations: what they say, and what names them."""

from dataclasses import dataclass

from schemas.market import Gap, GapState
from schemas.predictions import ModelVersion

TAG = "candlewick"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mark on the dashboards' time axis.

    Attributes:
        begin_ms: UTC epoch milliseconds; ``end_ms`` is the same where it is a moment.
        key: The tag that only this event has: what is told twice is written once.
    """

    begin_ms: int
    end_ms: int
    text: str
    kind: str
    symbol: str
    key: str

    @property
    def tags(self) -> list[str]:
        """All tags, sorted as Grafana gives them back."""
        return sorted(tag for tag in (TAG, self.kind, self.symbol, self.key) if tag)


def of_gap(gap: Gap) -> Annotation:
    """Return a gap's annotation: from the trade before it to the moment that its state changed.

    All states of a gap have one key, so that `repaired` replaces `found`.
    """
    trades = gap.last_agg_id - gap.first_agg_id + 1
    texts = {
        GapState.FOUND: "are missing",
        GapState.REPAIRED: "were missing and are repaired",
        GapState.GIVEN_UP: "are missing for good",
    }
    return Annotation(
        begin_ms=gap.noticed_ms,
        end_ms=max(gap.noticed_ms, gap.changed_ms),
        text=f"{gap.symbol}: {trades} trades {texts[GapState(gap.state)]} ({gap.reason})",
        kind="gap",
        symbol=gap.symbol,
        key=f"gap:{gap.symbol}:{gap.first_agg_id}-{gap.last_agg_id}",
    )


def of_model(event: ModelVersion) -> Annotation:
    """Return the annotation of something that happened to a model."""
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
