"""Opening of the market that an exchange serves, generated or recorded, and of its clock."""

import json
from dataclasses import dataclass
from pathlib import Path

from candlewick.exchange.market.aggtrade_files import archived_market
from candlewick.exchange.market.capture_files import captured_market
from candlewick.exchange.market.changes import Change, kept_changes
from candlewick.exchange.market.clock import MarketClock
from candlewick.exchange.market.coins import Coin, coin_of
from candlewick.exchange.market.generated import GeneratedSymbol
from candlewick.exchange.market.intervals import DAY_MS, day_of
from candlewick.exchange.market.recorded import Recorded, place_for, recorded_candles
from candlewick.exchange.market.source import Market
from candlewick.exchange.options import Options
from schemas.files import write_whole


@dataclass(frozen=True, slots=True)
class Opened:
    """An open market and its clock.

    Attributes:
        recorded_day: Day since 1970-01-01 on which the recorded candles begin, or None.
        changes: What has changed the market for good, oldest first.
    """

    clock: MarketClock
    market: Market
    recorded_day: int | None
    changes: tuple[Change, ...] = ()


def opened(options: Options) -> Opened:
    """Open the market that the options describe; its clock starts now.

    Raises:
        OSError: A recording or the state file cannot be read.
        ValueError: A symbol is unknown, a recording has gaps, or the state is another market's.
    """
    if options.captures or options.agg_trades:
        return _replayed(options)
    clock = MarketClock(start_ms=options.start_ms, speed=options.speed)
    day, changes = _recorded_day(options, clock.now_ms()) if options.recorded else (None, [])
    market: Market = {}
    for coin in map(coin_of, options.symbols):
        laid = None if day is None else _laid(coin, day)
        market[coin.symbol] = GeneratedSymbol(
            coin,
            seed=options.seed,
            rate=options.rate,
            recorded=laid,
            symbols=len(options.symbols),
        )
    # Those of other symbols stay in the file for when they are back.
    here = tuple(change for change in changes if change.symbol in market)
    for change in here:
        change.apply(market, clock.now_ms)
    return Opened(clock, market, day, here)


def _replayed(options: Options) -> Opened:
    found = captured_market(options.captures) if options.captures else {}
    if options.agg_trades:
        found |= archived_market(options.agg_trades)
    first_ms = min(source.first_ms for source in found.values())
    start_ms = first_ms - 1 if options.start_ms is None else options.start_ms
    return Opened(MarketClock(start_ms=start_ms, speed=options.speed), dict(found), None)


def _recorded_day(options: Options, now_ms: int) -> tuple[int | None, list[Change]]:
    originals = [recorded.first_day for recorded in recorded_candles().values()]
    if not originals:
        return None, []
    place = place_for(now_ms // DAY_MS, min(originals))
    return (place, []) if options.state is None else _kept(options.state, options, place)


def _kept(file: Path, options: Options, place: int) -> tuple[int, list[Change]]:
    # A stack that is started again after months must find the same past.
    wanted = {"seed": options.seed, "rate": options.rate}
    if file.exists():
        try:
            state = json.loads(file.read_text("utf-8"))
            kept, changes = int(state.pop("recorded_day")), kept_changes(state)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file} cannot be read: delete it to start afresh") from error
        if state != wanted:
            raise ValueError(f"{file} is of another market: delete it, or start with {state}")
        return kept, changes
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"recorded_day": place} | wanted))
    return place, []


def _laid(coin: Coin, first_day: int) -> Recorded | None:
    recorded = recorded_candles().get(coin.symbol)
    # A market whose clock is set to before the listing has no days for them.
    if recorded is None or first_day <= day_of(coin.listed):
        return None
    return recorded.laid_on(first_day)
