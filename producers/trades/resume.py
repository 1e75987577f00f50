"""State that earlier runs left in Kafka: each symbol's newest block and its unrepaired gaps."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from clients.kafka.reader import TopicReader
from clients.kafka.records import Message
from producers.dead_letters import Burial
from producers.trades.id_jumps import NEAR
from producers.trades.publisher import READER
from schemas import topics
from schemas.codecs import record_in
from schemas.errors import PoisonMessage
from schemas.market import Candle, CandleSource, Gap, GapState, TradeBlock

RecordT = TypeVar("RecordT")
Bury = Callable[[PoisonMessage, Message], None]
LOOK_BACK: Final = (500, 5_000, 50_000)  # records before the end of each partition
LOOK_BACK_GAPS: Final = 2_000
LOOK_BACK_CANDLES: Final = 5_000


@dataclass(frozen=True, slots=True)
class Past:
    """The state that earlier runs left of one symbol.

    Attributes:
        last_block: The block with the highest ids; None for a new symbol.
        open_gaps: Gaps that were found or given up, but not repaired.
        held: Ids ``[first, next)`` of the blocks that were read, in any order.
        candles_to_ms: End of the exchange's newest candle by interval, as the stream published it.
    """

    last_block: TradeBlock | None = None
    open_gaps: list[Gap] = field(default_factory=list)
    held: list[tuple[int, int]] = field(default_factory=list)
    candles_to_ms: dict[str, int] = field(default_factory=dict)


def read_past(bootstrap_servers: str, symbols: Iterable[str]) -> dict[str, Past]:
    """Read the state of each symbol from Kafka.

    A symbol without a block in the last 50,000 records of each partition counts as new, because a
    followed symbol has at least one block a minute.

    Raises:
        ConfigurationError: Kafka does not answer, or a topic does not exist.
    """
    wanted, bury = set(symbols), Burial(bootstrap_servers, reader=READER).bury
    with TopicReader(bootstrap_servers, "candlewick-producer") as reader:
        gaps = open_gaps(_records(Gap, reader.newest(topics.GAPS, LOOK_BACK_GAPS), bury))
        blocks, held = _newest_blocks(reader, wanted, {gap.symbol for gap in gaps}, bury)
        candles = reader.newest(topics.KLINES, LOOK_BACK_CANDLES)
        ends = _candle_ends(_records(Candle, candles, bury))
    return {
        symbol: Past(
            blocks.get(symbol),
            [gap for gap in gaps if gap.symbol == symbol],
            held.get(symbol, []),
            {interval: end_ms for (name, interval), end_ms in ends.items() if name == symbol},
        )
        for symbol in wanted
    }


def _newest_blocks(
    reader: TopicReader, wanted: set[str], gapped: set[str], bury: Bury
) -> tuple[dict[str, TradeBlock], dict[str, list[tuple[int, int]]]]:
    longest = max((high - low for low, high in reader.spans(topics.TRADES).values()), default=0)
    for depth in LOOK_BACK:
        newest: dict[str, Newest] = {}
        held: dict[str, list[tuple[int, int]]] = {symbol: [] for symbol in gapped}
        messages = (m for m in reader.newest(topics.TRADES, depth) if _may_be(m, wanted | gapped))
        for block in _records(TradeBlock, messages, bury):
            if block.symbol in gapped:
                held[block.symbol].append((block.first_agg_id, block.next_agg_id))
            newest.setdefault(block.symbol, Newest()).see(block)
        if wanted <= newest.keys() or longest <= depth:
            break
    return {symbol: one.block for symbol, one in newest.items() if one.block}, held


def _may_be(message: Message, symbols: set[str]) -> bool:
    """Tell by its key whether a record is to be read: another symbol's need not be decoded."""
    key = message.key()
    return key is None or key.decode(errors="replace") in symbols


def _records(record: type[RecordT], messages: Iterable[Message], bury: Bury) -> Iterator[RecordT]:
    """Yield the usable records, and bury the others."""
    for message in messages:
        try:
            yield record_in(record, message)
        except PoisonMessage as error:
            bury(error, message)


class Newest:
    """Finds a symbol's newest block among the topic's blocks, in their order. Pure.

    A single block whose ids jump far ahead is ignored: a start at wrong ids would miss all later
    trades. A start before the true block publishes a few trades again, which changes nothing.
    """

    def __init__(self) -> None:
        self.block: TradeBlock | None = None
        self._held: TradeBlock | None = None

    def see(self, block: TradeBlock) -> None:
        """Compare the next block of the topic."""
        known, held = self.block, self._held
        if known is None or block.first_agg_id <= known.next_agg_id + NEAR:
            if known is None or block.next_agg_id >= known.next_agg_id:
                self.block = block
        elif held and held.first_agg_id <= block.first_agg_id <= held.next_agg_id + NEAR:
            self.block, self._held = block, None
        else:
            self._held = block


def open_gaps(events: Iterable[Gap]) -> list[Gap]:
    """Return the newest event of each gap that was not repaired, oldest gap first."""
    found: dict[tuple[str, int, int], Gap] = {}
    for event in events:
        key = (event.symbol, event.first_agg_id, event.last_agg_id)
        if event.state == GapState.REPAIRED:
            found.pop(key, None)
        else:
            found[key] = event
    return list(found.values())


def _candle_ends(candles: Iterable[Candle]) -> dict[tuple[str, str], int]:
    ends: dict[tuple[str, str], int] = {}
    for candle in candles:
        if candle.source in {CandleSource.STREAM, CandleSource.REST}:
            key = (candle.symbol, candle.interval)
            ends[key] = max(candle.close_ms, ends.get(key, 0))
    return ends
