"""The generated market of all symbols, with the recorded days in their place."""

from candlewick.exchange.coins import Coin, coin_of
from candlewick.exchange.generated import GeneratedSymbol
from candlewick.exchange.intervals import DAY_MS, day_of
from candlewick.exchange.options import Options
from candlewick.exchange.recorded import Recorded, place_for, recorded_candles
from candlewick.exchange.source import Market


def generated_market(options: Options, recorded_day: int | None) -> Market:
    """Return the market of the symbols asked for.

    Args:
        options: Seed, rate and symbols.
        recorded_day: Day since 1970-01-01 on which the recorded candles begin, or None.

    Raises:
        ValueError: A symbol is unknown.
    """
    market: Market = {}
    for symbol in options.symbols:
        coin = coin_of(symbol)
        recorded = None if recorded_day is None else _laid(coin, recorded_day)
        market[symbol] = GeneratedSymbol(
            coin, seed=options.seed, rate=options.rate, recorded=recorded
        )
    return market


def recorded_day_for(now_ms: int) -> int | None:
    """Return the day on which the recorded candles are laid when the market starts now."""
    originals = [recorded.first_day for recorded in recorded_candles().values()]
    return place_for(now_ms // DAY_MS, min(originals)) if originals else None


def _laid(coin: Coin, first_day: int) -> Recorded | None:
    recorded = recorded_candles().get(coin.symbol)
    # A market set back to before the listing has no room for them.
    if recorded is None or first_day <= day_of(coin.listed):
        return None
    return recorded.laid_on(first_day)
