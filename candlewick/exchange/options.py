"""What the simulated exchange can be told when it starts."""

from dataclasses import dataclass, field
from pathlib import Path

from candlewick.exchange.faults.faults import Fault
from candlewick.exchange.market.coins import DEFAULT_SYMBOLS
from candlewick.exchange.server.limits import LimitRules
from candlewick.exchange.server.session import SocketRules


@dataclass(frozen=True, slots=True)
class Options:
    """One exchange.

    Attributes:
        start_ms: The market's time at the start; None is real time.
        speed: Market seconds a real second.
        rate: Aggregate trades a second of the whole default market, on average.
        recorded: Lay the recorded candles of BTC and ETH over the generated market.
        state: File that remembers where the recorded candles lie, or None.
        captures: Serve the trades of these recorded frames instead.
        agg_trades: Serve the official aggTrades files of this folder instead.
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
    klines: tuple[Path, ...] = ()
    faults: tuple[Fault, ...] = ()
    sockets: SocketRules = field(default_factory=SocketRules)
    limits: LimitRules = field(default_factory=LimitRules)
