"""The options of a simulated exchange."""

from dataclasses import dataclass, field
from pathlib import Path

from candlewick.exchange.faults.faults import Fault
from candlewick.exchange.market.coins import DEFAULT_SYMBOLS
from candlewick.exchange.server.limits import LimitRules
from candlewick.exchange.server.session import SocketRules


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one exchange.

    Attributes:
        start_ms: The market's time at the start; None for real time.
        speed: Market seconds per real second.
        rate: Aggregate trades a second of the whole default market, on average.
        recorded: Use the recorded candles of BTC and ETH in the generated market.
        state: File that stores the days of the recorded candles, or None.
        captures: Serve the trades in these files of recorded frames instead.
        agg_trades: Serve the official aggTrades files in this folder instead.
        archives: Serve the official archive files of klines in this folder, over REST too.
        klines: Serve these official kline files over REST and as archives.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    start_ms: int | None = None
    speed: float = 1.0
    rate: float = 150.0
    symbols: tuple[str, ...] = DEFAULT_SYMBOLS
    recorded: bool = True
    state: Path | None = None
    captures: tuple[Path, ...] = ()
    agg_trades: Path | None = None
    archives: Path | None = None
    klines: tuple[Path, ...] = ()
    faults: tuple[Fault, ...] = ()
    sockets: SocketRules = field(default_factory=SocketRules)
    limits: LimitRules = field(default_factory=LimitRules)
