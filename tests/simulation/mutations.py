"""Safety lines of the product, each broken on purpose: the simulation must see every one."""

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from processors.candles.agents import KafkaOutlet
from processors.candles.fold import CandleFold
from processors.candles.held_states import HeldStates
from processors.candles.keeping import StateKeeper
from producers.trades.publisher import Publisher
from producers.trades.symbol_stream import SymbolFlow
from sinks.batches import Pending
from sinks.delivery import Delivery
from sinks.drain import Drain
from tests.simulation.faults import Odds


@dataclass(frozen=True, slots=True)
class Mutation:
    """One line that is replaced in a method.

    Attributes:
        what: What the product does then.
        seed: From this one on, some seed finds it soon.
        odds: What goes wrong around it, where drawn odds find it in too few schedules.
    """

    what: str
    owner: type
    method: str
    line: str
    instead: str
    seed: int = 1
    odds: Odds | None = None


_PLAN = "self._commit({place: (b.first, plan_of(b)) for place, b in batches.items()})"
_DONE = "self._commit({place: (b.last + 1, '') for place, b in batches.items()})"
MUTATIONS = (
    Mutation(
        "the worker commits what is folded, not what is stored",
        StateKeeper, "kept", "self._kept.get(partition)", "self._folded.get(partition)",
    ),
    Mutation(
        "the worker takes a state for stored whatever Kafka says",
        StateKeeper, "_begin", "sent = await self._send(records) if records else []",
        "sent = (await self._send(records) if records else []) and []",
    ),
    Mutation(
        "the worker commits what it has not stored",
        StateKeeper, "_begin", "dict(self._folded), self._states.unstored()",
        "dict(self._folded), []",
    ),
    Mutation(
        "the worker sends candles and does not remember them",
        HeldStates, "_dumped", "for candle in self.outbox(key)", "for candle in ()",
        odds=Odds(kill=0.003, send_fails=0.8),
    ),
    Mutation(
        "the worker forgets the watermark",
        CandleFold, "take", "self._advance(block.watermark_ms)", "pass",
    ),
    Mutation(
        "the worker does not send candles again that Kafka did not take",
        KafkaOutlet, "_send_again", "await self._send_closed(topic, bunch.records, acknowledged)",
        "pass",
        odds=Odds(kill=0.0005, send_fails=0.6),
    ),
    Mutation(
        "a part of a gap sends its quiet minutes again under the same revision",
        CandleFold, "_send_again", "if again is not None:", "if False:",
        odds=Odds(frame_drops=0.4, rest_lags=0.7),
    ),
    Mutation(
        "the stream says that nothing was traded while a trade is missing",
        SymbolFlow, "_is_whole",
        "not self.eras and self.evidence.suspect_ms is None and self.continuity.settled", "True",
        odds=Odds(kill=0.001, frame_drops=0.4),
    ),
    Mutation(
        "the stream takes two connections for one without a gap between them",
        SymbolFlow, "lose_sight", "self.continuity.lose_sight(opened_ms)", "pass",
        odds=Odds(cut=0.004),
    ),
    Mutation(
        "a gap is told as repaired before its trades are in Kafka",
        Publisher, "send", "not self._blocks[message.key] and ", "",
        seed=82,
    ),
    Mutation(
        "the sink commits before it inserts",
        Drain, "_deliver", _PLAN, _DONE,
    ),
    Mutation(
        "the sink does not write the bounds of a batch before it inserts it",
        Drain, "_deliver", _PLAN,
        "pass",
    ),
    Mutation(
        "the sink drops the token",
        Delivery, "_insert", "token=self.token(part)", 'token=""',
    ),
    Mutation(
        "the sink cuts a batch without regard to its bounds",
        Pending, "cut", "if not self.reaches_plan:", "if False:",
    ),
)  # fmt: skip


@contextmanager
def broken(mutation: Mutation) -> Iterator[None]:
    """Let the product have the mutation, for a while."""
    function: Callable[..., Any] = getattr(mutation.owner, mutation.method)
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(mutation.line) == 1, f"{mutation.what}: this line is not there once"
    names: dict[str, Any] = {}
    exec(source.replace(mutation.line, mutation.instead), function.__globals__, names)  # noqa: S102
    with patch.object(mutation.owner, mutation.method, names[mutation.method]):
        yield
