"""What must hold in every schedule, looked at as it goes and at its end."""

from collections import Counter
from typing import TYPE_CHECKING

from processors.candles.state_record import load_record
from schemas import codecs, topics
from schemas.market import Candle, Trade, TradeBlock
from sinks.consumer import GROUP as SINKS
from sinks.delivery import READER
from tests.simulation.faust_side import GROUP as WORKERS
from tests.simulation.kafka import CHANGELOG, PARTITIONS, Place, Record
from tests.simulation.truth import INTERVALS_MS, check_candle
from tests.simulation.violation import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_NOT_FELLED = 2_000 + 60_000  # a candle whose end is so long ago must have been closed


class Checks:
    """Watches what enters Kafka, what is committed and what is stored."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.wrong = ""
        self.blocks: dict[tuple[Place, int], TradeBlock] = {}
        self.published: Counter[tuple[tuple[str, int, int], int]] = Counter()
        self.first_ids: dict[str, int] = {}
        self.sent: Counter[tuple[tuple[str, str, int], int]] = Counter()
        self.newest: dict[tuple[str, str, int], tuple[int, bytes]] = {}
        self._contents: dict[tuple[tuple[str, str, int], int], bytes] = {}
        self._next_ids: dict[str, int] = {}
        self._out_of_order: set[str] = set()
        self._checked: dict[tuple[str, Place], int] = {}
        world.broker.on_append.append(self._appended)
        world.broker.on_commit.append(self._committed)

    def _appended(self, record: Record) -> None:
        topic = record.place[0]
        if topic == topics.TRADES.name:
            self._block(record)
        elif topic == topics.CANDLES.name:
            self._candle(record)

    def _block(self, record: Record) -> None:
        block = codecs.decode(TradeBlock, record.raw_value or b"")
        self.blocks[record.place, record.number] = block
        market = self._world.exchange.markets[block.symbol]
        true = market.from_id(block.first_agg_id)[: len(block)]
        columns = block.event_ms, block.price_e8, block.quantity_e8, block.fills, block.taker_sold
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        wanted = [(t.event_ms, t.price_e8, t.quantity_e8, t.fills, t.taker_sold) for t in true]
        if rows != wanted or (true and true[0].first_trade_id != block.first_trade_id):
            raise Violation(f"a block of {block.symbol} is not what the exchange traded")
        if block.first_agg_id < self._next_ids.get(block.symbol, 0):
            self._out_of_order.add(block.symbol)
        self._next_ids[block.symbol] = block.next_agg_id
        for agg_id in range(block.first_agg_id, block.next_agg_id):
            self.published[(block.symbol, block.era, agg_id), block.received_ms] += 1
        if len(block):
            first_id = self.first_ids.get(block.symbol, block.first_agg_id)
            self.first_ids[block.symbol] = min(first_id, block.first_agg_id)

    def _candle(self, record: Record) -> None:
        raw = record.raw_value or b""
        candle = codecs.decode(Candle, raw)
        name = candle.symbol, candle.interval, candle.open_ms
        if self._contents.setdefault((name, candle.revision), raw) != raw:
            raise Violation(f"{name}: revision {candle.revision} has come with two contents")
        if candle.revision >= self.newest.get(name, (0, b""))[0]:  # an earlier one comes again
            self.newest[name] = candle.revision, raw
        self.sent[name, candle.revision] += 1
        if candle.status != "gapped":
            check_candle(
                self._world.exchange.markets[candle.symbol].trades,
                candle,
                in_one_run=candle.symbol not in self._out_of_order,
            )

    def _committed(self, group: str, place: Place, offset: int, _metadata: str) -> None:
        try:
            self._check_commit(group, place, offset)
        except Violation as violation:  # who commits would die of it and be started again
            self.wrong = str(violation)
            raise

    def _check_commit(self, group: str, place: Place, offset: int) -> None:
        before = self._checked.get((group, place), 0)
        if group == WORKERS:
            self._folded(place, offset)
        for number in range(before, offset):
            if group == SINKS:
                self._stored(place, number)
        self._checked[group, place] = max(before, offset)

    def _stored(self, place: Place, number: int) -> None:
        store = self._world.store
        if place[0] == topics.TRADES.name:
            block = self.blocks[place, number]
            ids = range(block.first_agg_id, block.next_agg_id)
            is_stored = all(
                self._is_there((block.symbol, block.era, i), block.received_ms) for i in ids
            )
        elif place[0] == topics.CANDLES.name:
            candle = codecs.decode(Candle, self._world.broker.log(place)[number].raw_value or b"")
            name = candle.symbol, candle.interval, candle.open_ms
            is_stored = bool(store.candles[name, candle.revision])
        else:
            return
        if not is_stored:
            raise Violation(f"{place} {number} is committed and not stored")

    def _is_there(self, key: tuple[str, int, int], received_ms: int) -> bool:
        store = self._world.store
        return bool(store.trades[key, received_ms]) or (key, received_ms) in store.removed

    def _folded(self, place: Place, offset: int) -> None:
        """Check that the changelog holds what the committed offset has passed."""
        changelog = self._world.broker.log((CHANGELOG, place[1]))
        states = {record.raw_key: record.raw_value for record in changelog}
        due: dict[str, TradeBlock] = {}
        for number in range(offset):
            block = self.blocks[place, number]
            if block.symbol not in due or block.next_agg_id > due[block.symbol].next_agg_id:
                due[block.symbol] = block
        for symbol, block in due.items():
            raw = states.get(symbol.encode())
            if raw is None:
                raise Violation(f"{place} is committed up to {offset} without a state of {symbol}")
            record = load_record(raw)
            held = [kept.block.next_agg_id for kept in record.doubts.held]
            if max([record.state.next_agg_id, *held]) < block.next_agg_id:
                raise Violation(
                    f"{place} is committed up to {offset}, {symbol} folded up to "
                    f"{record.state.next_agg_id}, not {block.next_agg_id}"
                )

    def is_settled(self) -> bool:
        """Whether all has come where it belongs."""
        return not self.unsettled()

    def unsettled(self) -> str:  # noqa: C901, PLR0911 - one answer for each thing that is missing
        """Return what is still missing; empty if nothing is."""
        world, store = self._world, self._world.store
        for symbol, market in world.exchange.markets.items():
            begun = self.first_ids.get(symbol)
            if begun is None:
                return f"nothing of {symbol} is published"
            for trade in market.from_id(begun):
                if not store.have[symbol, 0, trade.agg_id]:
                    return f"trade {trade.agg_id} of {symbol} is not stored"
            for interval, open_ms in self._due(symbol, begun):
                found = store.best.get((symbol, interval, open_ms))
                name = f"{symbol} {interval} at {open_ms}"
                if found is None:
                    return f"candle {name} is not stored"
                candle = codecs.decode(Candle, self.newest[symbol, interval, open_ms][1])
                if candle.status == "gapped":
                    return f"candle {name} is gapped, and no trade is missing"
                if found[0] != candle.revision:
                    return f"candle {name} is stored with revision {found[0]}"
        for topic in (topics.TRADES, topics.CANDLES):
            for partition in range(PARTITIONS):
                place = topic.name, partition
                if max(world.broker.group_offset(SINKS, place)[0], 0) < len(
                    world.broker.log(place)
                ):
                    return f"{place} is not stored to its end"
        return ""

    def at_end(self) -> None:
        """Check what only the end can tell: all is there, and nothing twice."""
        store = self._world.store
        wanted = Counter({k: n for k, n in self.published.items() if k not in store.removed})
        if store.trades != wanted:
            twice = {k: n for k, n in store.trades.items() if n != wanted[k]}
            raise Violation(f"trades are not stored once for each record: {twice}")
        if store.candles != self.sent:
            twice = {k: n for k, n in store.candles.items() if n != self.sent[k]}
            raise Violation(f"candles are not stored once for each record: {twice}")
        for (symbol, _, agg_id), row in store.trade_rows.items():
            (trade, *_) = self._world.exchange.markets[symbol].from_id(agg_id)
            if row != _row(trade):
                raise Violation(f"trade {agg_id} of {symbol} is stored as {row}")
        for letter in self._world.broker.records(topics.DEAD_LETTERS.name):
            if dict(letter.raw_headers)["reader"] == READER.encode():
                raise Violation(f"a true record is a dead letter: {letter.raw_headers}")

    def _due(self, symbol: str, begun: int) -> list[tuple[str, int]]:
        """Return the candles that must have been closed by now."""
        (first, *_) = self._world.exchange.markets[symbol].from_id(begun)
        found = []
        until_ms = self._world.clock.now_ms - _NOT_FELLED
        for interval, length_ms in INTERVALS_MS.items():
            start = (first.event_ms // 900_000 + 1) * 900_000
            found += [(interval, ms) for ms in range(start, until_ms - length_ms, length_ms)]
        return found


def _row(trade: Trade) -> tuple[int, ...]:
    return (
        trade.first_trade_id, trade.fills, trade.event_ms, trade.price_e8, trade.quantity_e8,
        int(trade.taker_sold),
    )  # fmt: skip
