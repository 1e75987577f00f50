"""State that earlier runs left in Kafka: each symbol's newest block and its unrepaired gaps."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from clients.kafka.reader import TopicReader
from clients.kafka.records import Message
from producers.dead_letters import Burial
from producers.trades.ids.id_jumps import NEAR
from producers.trades.ids.same_trades import COMPARED
from producers.trades.packing.blocks import last_trades
from producers.trades.publisher import READER
from schemas import topics
from schemas.codecs import record_in
from schemas.errors import PoisonMessage
from schemas.market import Candle, CandleSource, Gap, GapState, Trade, TradeBlock
from schemas.settings import KafkaSettings

RecordT = TypeVar("RecordT")
Bury = Callable[[PoisonMessage, Message], None]
LOOK_BACK: Final = (500, 5_000, 50_000)  # records before the end of each partition
LOOK_BACK_GAPS: Final = 2_000
LOOK_BACK_CANDLES: Final = 5_000


@dataclass(frozen=True, slots=True)
class Past:
    """The state that earlier runs left of one symbol, all of the newest era of its ids.

    Attributes:
        last_block: The block with the highest ids; None for a new symbol.
        open_gaps: Gaps that were found or given up, but not repaired.
        held: Ids ``[first, next)`` of the blocks that were read, in any order.
        newest: The newest trades, by id.
        era: The era; also if no block of it is left.
        candles_to_ms: End of the exchange's newest candle by interval, as the stream published it.
    """

    last_block: TradeBlock | None = None
    open_gaps: list[Gap] = field(default_factory=list)
    held: list[tuple[int, int]] = field(default_factory=list)
    candles_to_ms: dict[str, int] = field(default_factory=dict)
    newest: tuple[Trade, ...] = ()
    era: int = 0


def read_past(kafka: KafkaSettings, symbols: Iterable[str]) -> dict[str, Past]:
    """Read the state of each symbol from Kafka.

    A symbol without a block in the last 50,000 records of each partition counts as new, because a
    followed symbol has at least one block a minute.

    Raises:
        ConfigurationError: Kafka does not answer, or a topic does not exist.
    """
    wanted, bury = set(symbols), Burial(kafka, reader=READER).bury
    with TopicReader(kafka, "candlewick-producer") as reader:
        events = [*_records(Gap, reader.newest(topics.GAPS, LOOK_BACK_GAPS), bury)]
        gaps = open_gaps(events)
        blocks, held = _newest_blocks(reader, wanted, {gap.symbol for gap in gaps}, bury)
        candles = reader.newest(topics.KLINES, LOOK_BACK_CANDLES)
        ends = _candle_ends(_records(Candle, candles, bury))
    found = {}
    for symbol in wanted:
        newest, began = blocks.get(symbol, Newest()), newest_era(events, symbol)
        era = began if newest.block is None else newest.block.era
        found[symbol] = Past(
            newest.block,
            [gap for gap in gaps if (gap.symbol, gap.era) == (symbol, era)],
            [(first, end) for first, end, of in held.get(symbol, []) if of == era],
            {interval: end_ms for (name, interval), end_ms in ends.items() if name == symbol},
            tuple(newest.trades),
            era,
        )
    return found


def newest_era(events: Iterable[Gap], symbol: str) -> int:
    """Return the newest era of a symbol that an event tells of."""
    new = GapState.NEW_ERA
    return max((one.era for one in events if (one.symbol, one.state) == (symbol, new)), default=0)


def _newest_blocks(
    reader: TopicReader, wanted: set[str], gapped: set[str], bury: Bury
) -> tuple[dict[str, "Newest"], dict[str, list[tuple[int, int, int]]]]:
    longest = max((high - low for low, high in reader.spans(topics.TRADES).values()), default=0)
    for depth in LOOK_BACK:
        newest: dict[str, Newest] = {}
        held: dict[str, list[tuple[int, int, int]]] = {symbol: [] for symbol in gapped}
        messages = (m for m in reader.newest(topics.TRADES, depth) if _may_be(m, wanted | gapped))
        for block in _records(TradeBlock, messages, bury):
            if block.symbol in gapped:
                held[block.symbol].append((block.first_agg_id, block.next_agg_id, block.era))
            newest.setdefault(block.symbol, Newest()).see(block)
        if wanted <= newest.keys() or longest <= depth:
            break
    return newest, held


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

    A single block whose ids jump far ahead, or that begins an era, is ignored: a start at wrong ids
    would miss all later trades. A start before the true block publishes a few trades again, which
    changes nothing.

    Attributes:
        block: The newest block.
    """

    def __init__(self) -> None:
        self.block: TradeBlock | None = None
        self._held: TradeBlock | None = None
        self._last: deque[TradeBlock] = deque(maxlen=COMPARED)

    @property
    def trades(self) -> list[Trade]:
        """The newest trades, by id, in the newest block and in those before it."""
        found: dict[int, Trade] = {}
        for block in self._last:
            found |= {trade.agg_id: trade for trade in last_trades(block, COMPARED)}
        return [found[agg_id] for agg_id in sorted(found)[-COMPARED:]]

    def see(self, block: TradeBlock) -> None:
        """Compare the next block of the topic."""
        known, held = self.block, self._held
        if known is None:
            self._take(block)
        elif block.era == known.era and block.first_agg_id <= known.next_agg_id + NEAR:
            if block.next_agg_id >= known.next_agg_id:
                self._take(block)
        elif block.era < known.era:
            return
        elif held and _goes_on(held, block):
            self._take(held)
            self._take(block)
            self._held = None
        else:
            self._held = block

    def _take(self, block: TradeBlock) -> None:
        if self.block is not None and block.era > self.block.era:
            self._last.clear()
        if len(block):
            self._last.append(block)
        self.block = block


def _goes_on(block: TradeBlock, later: TradeBlock) -> bool:
    is_near = block.first_agg_id <= later.first_agg_id <= block.next_agg_id + NEAR
    return block.era == later.era and is_near


def open_gaps(events: Iterable[Gap]) -> list[Gap]:
    """Return the newest event of each gap that was not repaired, oldest gap first."""
    found: dict[tuple[str, int, int, int], Gap] = {}
    for event in events:
        if event.state == GapState.NEW_ERA:
            continue
        key = (event.symbol, event.era, event.first_agg_id, event.last_agg_id)
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
