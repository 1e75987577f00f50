"""The candle reducer as its worker drives it, without Kafka."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from processors.candles.admission import Admitted, admit
from processors.candles.id_jumps import Kept
from processors.candles.reducer import fold
from processors.candles.state import CandleRules
from processors.candles.state_record import CandleRecord, dump_record, load_record
from schemas import codecs
from schemas.market import Candle, TradeBlock, empty_block
from tests.support.builders import newest_revisions

RULES = CandleRules()
Candles = dict[Any, Candle]


class Reducer:
    """Takes blocks as they come from a partition; each record passes through its bytes."""

    def __init__(self) -> None:
        self.record: CandleRecord | None = None
        self.closed: list[Candle] = []
        self.refused: list[TradeBlock] = []
        self.left_out: list[tuple[tuple[int, int], ...]] = []
        self.offset = 0

    def take(self, block: TradeBlock, *, offset: int | None = None) -> None:
        at = self.offset if offset is None else offset
        self.offset = max(self.offset, at + 1)
        message = codecs.message_of(block)
        kept = Kept(0, at, block, message.key, message.value, message.headers)
        admitted = admit(self.record, kept, RULES)
        self.refused += [refused.kept.block for refused in admitted.refused]
        self.left_out += [refused.left_out for refused in admitted.refused]
        self.closed += [codecs.decode(Candle, raw) for _, raw in admitted.closed]
        if admitted.state is None or self._holds(admitted):
            return
        record = CandleRecord(at, admitted.state, doubts=admitted.doubts)
        self.record = load_record(dump_record(record))

    def _holds(self, admitted: Admitted) -> bool:
        held = self.record
        return held is not None and (held.state, held.doubts) == (admitted.state, admitted.doubts)

    def take_all(self, blocks: Sequence[TradeBlock]) -> "Reducer":
        for block in blocks:
            self.take(block)
        return self

    def spoil(self, block: TradeBlock) -> None:
        """Fold a block undoubted, as earlier versions did; their states had no `seen_ms`."""
        assert self.record is not None
        step = fold(self.record.state, block, RULES)
        self.closed += step.closed
        step.state.seen_ms = 0
        self.record = replace(self.record, state=step.state)

    def candles(self) -> Candles:
        return newest_revisions(self.closed)


def heartbeat(next_agg_id: int, watermark_ms: int) -> TradeBlock:
    return empty_block(
        "BTCUSDT",
        next_agg_id=next_agg_id,
        next_trade_id=next_agg_id,
        received_ms=watermark_ms,
        watermark_ms=watermark_ms,
    )
