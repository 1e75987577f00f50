"""The market of the bench: trades of ten symbols as frames, and the candles that they must make.

The candles come from a loop of Python integers over every trade, without the product's code. The
`combined` frames are those of the exchange's combined streams: each with its wrapper, and the
exchange's own candles at their end. The `raw` frames are trades alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

SYMBOLS = tuple(
    f"{coin}USDT"
    for coin in ["BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "DOT", "LINK", "LTC"]
)
PRICES = (65000, 3500, 600, 150, 0.6, 0.45, 0.12, 7, 15, 80)
MINUTE_MS, QUARTER_MS = 60_000, 900_000
INTERVALS = (("1m", MINUTE_MS), ("15m", QUARTER_MS))
E4, E8 = 10**4, 10**8  # prices and quantities have four decimals, so that quote sums have eight

Key = tuple[str, str, int]
Fields = tuple[int, ...]
Columns = list[npt.NDArray[np.int64]]


@dataclass(slots=True)
class Market:
    """What the frames of a folder must lead to.

    Attributes:
        folder: Where the frames are.
        start_ms: Event time at which the trades begin.
        event_ms: Event time of each trade.
        candles: Open, high, low, close, volume, quote volume, fills, and both volumes of takers who
            bought, in units of 1e-8; by symbol, interval and opening time.
        closing: The number of the trade that ends each candle.
        frame_of: The number of each trade's frame, for both kinds of frames.
    """

    folder: Path
    start_ms: int
    event_ms: list[int]
    candles: dict[Key, Fields] = field(default_factory=dict)
    closing: dict[Key, int] = field(default_factory=dict)
    frame_of: dict[str, list[int]] = field(default_factory=dict)


def write_market(folder: Path, *, trades: int, seconds: int, start_ms: int) -> Market:
    """Write the frames of so many trades over so much event time, as the exchange sends them.

    A last trade of each symbol, at the next 15 minutes, ends all candles.
    """
    columns = _columns(trades, seconds, start_ms)
    market = Market(folder, start_ms, columns[0].tolist())
    frames = list(_frames(columns, market))
    _write(market, "raw", [one for one in frames if one[2]])
    wrapped = [(ms, b'{"stream":"%s","data":%s}' % (_stream(f), f), own) for ms, f, own in frames]
    _write(market, "combined", wrapped)
    return market


def _columns(count: int, seconds: int, start_ms: int) -> Columns:
    """Event time, symbol, price, quantity, sold, and fills of each trade, oldest first."""
    rng, many = np.random.default_rng(7), len(SYMBOLS)
    shares = 1 / np.arange(1, many + 1)
    symbol = rng.choice(many, size=count, p=shares / shares.sum())
    times = start_ms + np.sort(rng.integers(0, seconds * 1000, size=count))
    price = np.zeros(count, np.int64)
    for number, begin in enumerate(PRICES):
        mine = symbol == number
        tick = max(1, int(begin * 0.1)) * E4
        steps = np.cumsum(rng.integers(-5, 6, size=mine.sum())) * tick
        price[mine] = np.maximum(int(begin * E8) // E4 * E4 + steps, tick)
    quantity = (np.exp(rng.normal(-3, 1.5, size=count)) * E4).astype(np.int64) * E4 + E4
    last = [np.flatnonzero(symbol == number)[-1] for number in range(many)]
    end_ms = -(-(start_ms + seconds * 1000) // QUARTER_MS) * QUARTER_MS
    return [
        np.append(times, end_ms + np.arange(many)),
        np.append(symbol, np.arange(many)),
        np.append(price, price[last]),
        np.append(quantity, np.full(many, E4)),
        np.append(rng.integers(0, 2, size=count), np.zeros(many, np.int64)),
        np.append(1 + (rng.random(count) < 1 / 8), np.ones(many, np.int64)),  # 1.13 in a recording
    ]


def _frames(columns: Columns, market: Market) -> Iterator[tuple[int, bytes, bool]]:
    """Yield event time, frame, and whether it is a trade's; note the candles in the market."""
    next_id, next_fill = [1] * len(SYMBOLS), [1] * len(SYMBOLS)
    building: dict[tuple[int, str], list[int]] = {}
    rows = zip(*[column.tolist() for column in columns], strict=True)
    for number, (ms, of, price, quantity, sold, fills) in enumerate(rows):
        name, first = SYMBOLS[of], next_fill[of]
        quote = price * quantity // E8
        bought = 0 if sold else quantity, 0 if sold else quote
        for interval, length_ms in INTERVALS:
            open_ms = ms - ms % length_ms
            candle = building.get((of, interval))
            if candle is None or candle[0] != open_ms:
                if candle is not None:
                    key = name, interval, candle[0]
                    market.candles[key], market.closing[key] = tuple(candle[1:10]), number
                    yield ms, _kline(key, candle, length_ms, ms), False
                sums = [quantity, quote, fills, *bought, first, first + fills - 1]
                building[of, interval] = [open_ms, price, price, price, price, *sums]
                continue
            candle[2], candle[3], candle[4] = max(candle[2], price), min(candle[3], price), price
            for at, more in enumerate((quantity, quote, fills, *bought), 5):
                candle[at] += more
            candle[11] = first + fills - 1
        yield (
            ms,
            b'{"e":"aggTrade","E":%d,"s":"%s","a":%d,"p":"%s","q":"%s","f":%d,"l":%d,"T":%d,"m":%s,"M":true}'
            % (
                ms + 3,
                name.encode(),
                next_id[of],
                _decimal(price),
                _decimal(quantity),
                first,
                first + fills - 1,
                ms,
                b"true" if sold else b"false",
            ),
            True,
        )
        next_id[of] += 1
        next_fill[of] += fills


def _kline(key: Key, candle: list[int], length_ms: int, now_ms: int) -> bytes:
    name, interval, open_ms = key
    o, h, low, c, v, q, n, bought, bought_q, first, last = candle[1:]
    e8 = {"o": o, "c": c, "h": h, "l": low, "v": v, "q": q, "V": bought, "Q": bought_q}
    decimals = ",".join(f'"{letter}":"{_decimal(x).decode()}"' for letter, x in e8.items())
    head = f'"t":{open_ms},"T":{open_ms + length_ms - 1},"s":"{name}","i":"{interval}"'
    rest = f'"f":{first},"L":{last},"n":{n},"x":true,{decimals},"B":"0"'
    return f'{{"e":"kline","E":{now_ms},"s":"{name}","k":{{{head},{rest}}}}}'.encode()


def _stream(frame: bytes) -> bytes:
    name = frame.partition(b'"s":"')[2].partition(b'"')[0].lower()
    interval = frame.partition(b'"i":"')[2].partition(b'"')[0]
    return b"%s@%s" % (name, b"kline_" + interval if interval else b"aggTrade")


def _decimal(value_e8: int) -> bytes:
    return b"%d.%08d" % divmod(value_e8, E8)


def _write(market: Market, kind: str, frames: list[tuple[int, bytes, bool]]) -> None:
    """Write what goes over the wire, where each frame ends in it, and when each is due."""
    market.frame_of[kind] = [at for at, (_, _, is_trade) in enumerate(frames) if is_trade]
    texts = [_framed(frame) for _, frame, _ in frames]
    (market.folder / f"{kind}.bin").write_bytes(b"".join(texts))
    np.save(market.folder / f"{kind}.ends.npy", np.cumsum([len(text) for text in texts]))
    np.save(market.folder / f"{kind}.due.npy", np.array([ms for ms, _, _ in frames]))


def _framed(text: bytes) -> bytes:
    """Put a text into a websocket frame of a server (RFC 6455, 5.2)."""
    long = len(text) > 125
    return b"\x81" + (b"\x7e" + len(text).to_bytes(2, "big") if long else bytes([len(text)])) + text
