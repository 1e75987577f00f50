"""One archive of trades through the candle reducer: what a thread does with a file."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from candlewick.offline.replay.archive_blocks import blocks_in
from candlewick.offline.replay.lines import chunks_in
from candlewick.offline.replay.placed import Placed
from candlewick.offline.replay.symbol_fold import SymbolFold
from candlewick.terminal.row_printer import utc
from processors.candles.state import CandleRules, CandleState
from producers.binance.archive import opened
from producers.binance.archive_names import Archive
from producers.binance.csv_start import LONGEST_LINE
from schemas.codecs import encode
from schemas.errors import ConfigurationError, PoisonMessage
from schemas.market import JITTER_MS, NO_TRADE_ID, Candle, CandleStatus, Trade, TradeBlock, block_of
from schemas.replayed import PROVEN_REVISION, ranked

RULES: Final = CandleRules(sends_proof=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """What has been folded without a break, up to the end of a file.

    Attributes:
        from_ms: Start of its first file; candles before are none of it.
        until_ms: End of its last file.
        whole: Interval and opening time of the candles that were called whole in it.
        ground: What the revisions of its candles begin above.
    """

    folding: SymbolFold
    from_ms: int
    until_ms: int
    whole: frozenset[tuple[str, int]] = frozenset()
    ground: int = PROVEN_REVISION


@dataclass(slots=True)
class Folded:
    """What a file gave.

    Attributes:
        chain: Goes on with the next file; None where nothing does, as no trade is in this one, or
            trades are missing at its end.
        values: Its candles, encoded; one may come again, with a higher revision.
        whole: Interval and opening time of those in which no trade is missing.
        trades: Aggregate trades in the file.
        lacking: The same of those in which trades are missing.
        standing: The same of those that count before all live ones.
        known: Those that were called whole before.
        told: Lines about missing trades and contradicting ids.
        ground: What the revisions of its candles begin above.
    """

    chain: Chain | None = None
    values: list[bytes] = field(default_factory=list)
    whole: set[tuple[str, int]] = field(default_factory=set)
    lacking: set[tuple[str, int]] = field(default_factory=set)
    standing: set[tuple[str, int]] = field(default_factory=set)
    known: frozenset[tuple[str, int]] = frozenset()
    trades: int = 0
    told: list[str] = field(default_factory=list)
    ground: int = PROVEN_REVISION

    def add(self, candle: Candle) -> None:
        """Add a candle of the file."""
        key = candle.interval, candle.open_ms
        takes_back = key in self.whole or key in self.known
        sent = ranked(candle, takes_back=takes_back, ground=self.ground)
        self.values.append(encode(sent))
        if sent.revision > PROVEN_REVISION:
            self.standing.add(key)
        is_lacking = candle.status == CandleStatus.GAPPED
        (self.lacking if is_lacking else self.whole).add(key)
        (self.whole if is_lacking else self.lacking).discard(key)


def fold_file(
    held: IO[bytes],
    file: Archive,
    before: Chain | None,
    ask_from: Callable[[int], Trade | None],
    *,
    ground: int = PROVEN_REVISION,
) -> Folded:
    """Fold the trades of a zip file into candles of 1m and 15m.

    Args:
        held: The zip.
        file: Which one it is.
        before: What ends where the file begins, if that has been folded. It is left behind where
            ids begin again: beside it, all trades of the new ids would be known ones.
        ask_from: Returns the first aggregate trade from an id on that the exchange has; None if
            it has none. Trade ids prove with it where the first candle begins, and that the last
            trade of the file is the last one of its time.
        ground: What the revisions of its candles begin above.

    Raises:
        PoisonMessage: It is damaged, or holds other than its trades in the order of their ids.
    """
    try:
        blocks = blocks_of_file(held, file)
        first = next(blocks, None)
        chain = before if first is None or _goes_on(before, first.block) else None
        found = Folded(known=chain.whole if chain else frozenset(), ground=ground)
        if chain is not None:  # its last candles may be taken back here
            found.ground = max(ground, chain.ground)
        folding = (
            chain.folding.fork() if chain else SymbolFold(file.symbol, RULES, found.told.append)
        )
        folding.tell = found.told.append
        from_ms = chain.from_ms if chain else file.open_ms
        if first is not None and folding.state is None:
            _begin(folding, first.block, file, ask_from, is_first=before is None)
        if before is not chain and first is not None:
            folding.tell(f"{file.name}: ids begin again at {first.block.first_agg_id}")
        for placed in itertools.chain([first] if first else [], blocks):
            _collect(found, folding.take(placed.block, placed), from_ms)
            found.trades += len(placed.block)
    except ConfigurationError as error:  # who replays a file is told so; here it is a file of many
        raise PoisonMessage(str(error), raw=b"") from error
    missing = None if folding.state is None else _missing(folding.state, file, ask_from)
    if missing is not None:
        folding.tell(missing)
    _collect(found, folding.close(file.close_ms, is_whole=missing is None), from_ms)
    _collect(found, folding.rest(), from_ms)
    if folding.state is not None and missing is None:
        found.chain = Chain(folding, from_ms, file.close_ms, frozenset(found.whole), found.ground)
    return found


def _missing(
    state: CandleState, file: Archive, ask_from: Callable[[int], Trade | None]
) -> str | None:
    """Return which trades the end of a file lacks; None if the next one lies behind it."""
    after = ask_from(state.next_agg_id)
    if after is None or after.agg_id < state.next_agg_id:  # nothing has been traded since
        return None
    is_behind = after.event_ms >= file.close_ms - JITTER_MS
    due_id, trade_id = state.next_trade_id, after.first_trade_id
    # One below the due one is a trade in two aggregates: the next file is told so.
    if is_behind and (NO_TRADE_ID in (due_id, trade_id) or trade_id <= due_id):
        return None
    return (
        f"{file.name}: trades are missing at its end, where aggregate {state.next_agg_id} with "
        f"trade {due_id} is due: the exchange has aggregate {after.agg_id} with trade {trade_id} "
        f"at {utc(after.event_ms)}"
    )


def _goes_on(before: Chain | None, block: TradeBlock) -> bool:
    """Return whether a file that begins with ``block`` may follow what has been folded."""
    state = before.folding.state if before is not None else None
    if state is None:
        return True
    due_id, trade_id = state.next_trade_id, block.first_trade_id
    if NO_TRADE_ID in (due_id, trade_id):
        return block.first_agg_id >= state.next_agg_id
    # Where the exchange gave one id to two trades, the trade that is due tells that nothing is new.
    return trade_id == due_id or (trade_id > due_id and block.first_agg_id >= state.next_agg_id)


def blocks_of_file(held: IO[bytes], file: Archive) -> Iterator[Placed]:
    """Yield the trades of a zip file as blocks.

    Raises:
        PoisonMessage: It is damaged, or has a trade of another time.
        ConfigurationError: It holds other than trades in the order of their ids.
    """
    path = Path(file.name)
    with opened(held) as stream:
        chunks = chunks_in(stream, path, longest_line=LONGEST_LINE)
        for placed in blocks_in(chunks, path, file.symbol):
            times = placed.block.event_ms
            for at_ms in (int(times.min()), int(times.max())):
                if not file.open_ms - JITTER_MS <= at_ms < file.close_ms + JITTER_MS:
                    raise PoisonMessage(f"it has a trade of {utc(at_ms)}", raw=b"")
            yield placed


def _begin(
    folding: SymbolFold,
    first: TradeBlock,
    file: Archive,
    ask_from: Callable[[int], Trade | None],
    *,
    is_first: bool,
) -> None:
    if first.first_agg_id == 0:
        # Nothing was before; behind another file trades of other ids were, nobody knows how many.
        if is_first:
            folding.begin(first, whole_from_ms=file.open_ms)
        return
    trade = ask_from(first.first_agg_id - 1)
    if trade is not None and trade.agg_id < first.first_agg_id:
        proof = block_of([trade], received_ms=trade.event_ms, watermark_ms=0)
        folding.begin(proof)
        list(folding.take(proof))


def _collect(found: Folded, candles: Iterator[Candle], from_ms: int) -> None:
    for candle in candles:
        if candle.open_ms >= from_ms:
            found.add(candle)
