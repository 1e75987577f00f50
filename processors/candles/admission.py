"""One message of a symbol: decides whether it is believed, folds it, encodes its candles. Pure."""

from dataclasses import dataclass, replace
from typing import Final

from clients.watching.log import EventLog
from processors.candles.id_jumps import ENOUGH, Decision, Doubts, Kept, decide
from processors.candles.record import candle_of
from processors.candles.reducer import Step, fold, restarted_state
from processors.candles.state import CandleRules, CandleState
from processors.candles.state_record import CandleRecord
from processors.metrics import candles_closed
from schemas import codecs
from schemas.market import CandleStatus
from schemas.validation import validate

_log: Final = EventLog(__name__)


@dataclass(frozen=True, slots=True)
class Refused:
    """A block for the dead letters.

    Attributes:
        kept: Its message.
        reason: Why, for people.
        left_out: Aggregate ids ``[first, next)`` that are in no candle, where others of the block
            are; empty where none is.
    """

    kept: Kept
    reason: str
    left_out: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Admitted:
    """Result of one message.

    Attributes:
        state: The symbol's new state; None before the first accepted block.
        doubts: Messages that are still undecided.
        closed: Candles to send, in order: the interval of each, and the encoded candle.
        refused: Blocks for the dead letters.
    """

    state: CandleState | None
    doubts: Doubts
    closed: tuple[tuple[str, bytes], ...] = ()
    refused: tuple[Refused, ...] = ()


def admit(record: CandleRecord | None, now: Kept, rules: CandleRules) -> Admitted:
    """Return the result of a message; ``record`` is not changed."""
    if record is None:
        return _folded(None, Decision(Doubts(), (now,)), rules)
    is_new = now.offset > record.offset
    decision = decide(record.state, record.doubts, now, is_new=is_new)
    state = record.state
    if decision.start_over:
        first = decision.fold[0].block
        _log.warning(
            "state_started_over",
            "{symbol}: trades go on from id {id}, against a state of id {state_id} at "
            "{state_ms} ms: it starts over",
            symbol=first.symbol,
            id=first.first_agg_id,
            state_id=state.next_agg_id,
            state_ms=state.head_ms,
        )
        state = restarted_state(state, first)
    return _folded(state, decision, rules)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A block in a state: the state after it, and the candles to send, encoded."""

    step: Step
    candles: tuple[tuple[str, bytes], ...]


def _folded(state: CandleState | None, decision: Decision, rules: CandleRules) -> Admitted:
    doubts, refused = decision.doubts, [Refused(*one) for one in decision.refused]
    closed: list[tuple[str, bytes]] = []
    for kept in decision.fold:
        if state is not None and kept.block.era > state.era:
            _log.warning("era_began", "{reason}", reason=_new_era(state, kept))
        taken, reason = _tried(state, kept, rules)
        if doubts.strays and taken is not None:  # it is not decided about: nothing is refused yet
            reason = ""
        is_taken = taken is not None and not (reason and taken.step.is_left_out)
        doubts = replace(doubts, failures=0 if is_taken else doubts.failures + 1)
        if doubts.failures >= ENOUGH and (afresh := _afresh(state, kept, rules)):
            taken, reason, doubts = afresh, "", replace(doubts, failures=0)
        if reason:
            refused.append(Refused(kept, reason, _left_out(taken) if is_taken else ()))
        if taken is not None:
            state = taken.step.state
            closed += taken.candles
            candles_closed(taken.step.closed)
    return Admitted(state, doubts, tuple(closed), tuple(refused))


def _new_era(state: CandleState, kept: Kept) -> str:
    return (
        f"{kept.block.symbol}: ids begin again: era {kept.block.era} begins with id "
        f"{kept.block.first_agg_id}, era {state.era} ended before {state.next_agg_id}"
    )


def _tried(state: CandleState | None, kept: Kept, rules: CandleRules) -> tuple[_Taken | None, str]:
    """Return what a block leads to, and why it is a dead letter; empty where it is none."""
    try:
        taken = _step(state, kept, rules)
    except Exception as error:  # noqa: BLE001 - its trace is logged
        _log.exception(
            "block_not_folded",
            "{symbol}: a block cannot be folded",
            error,
            symbol=kept.block.symbol,
        )
        return None, f"the reducer cannot take it: {error!r}"
    for clash in taken.step.clashes:
        _log.warning(
            "trade_clash",
            "{symbol}, offset {offset}: {clash}",
            symbol=kept.block.symbol,
            offset=kept.offset,
            clash=clash,
        )
    return taken, "; ".join(str(clash) for clash in taken.step.clashes if clash.left_out)


def _left_out(taken: _Taken | None) -> tuple[tuple[int, int], ...]:
    clashes = () if taken is None else taken.step.clashes
    return tuple((c.agg_id, c.agg_id + c.left_out) for c in clashes if c.left_out)


def _afresh(spoilt: CandleState | None, kept: Kept, rules: CandleRules) -> _Taken | None:
    """Fold a failed block into a fresh state: when several in a row fail, the state is at fault."""
    try:
        return _step(spoilt and restarted_state(spoilt, kept.block), kept, rules)
    except Exception as error:  # noqa: BLE001 - its trace is logged
        _log.exception(
            "block_given_up",
            "{symbol}: nor can it be without a state",
            error,
            symbol=kept.block.symbol,
        )
        return None


def _step(state: CandleState | None, kept: Kept, rules: CandleRules) -> _Taken:
    step = fold(state, kept.block, rules)
    # Reject the block now if it makes a candle invalid: an invalid candle could never be sent.
    held = list(step.state.current.items())
    held += [
        (key[0], step.state.earlier[key]) for key in step.state.unsent & step.state.earlier.keys()
    ]
    for interval, building in held:
        validate(candle_of(kept.block.symbol, interval, building, CandleStatus.GAPPED))
    return _Taken(step, tuple((c.interval, codecs.encode(c)) for c in step.closed))
