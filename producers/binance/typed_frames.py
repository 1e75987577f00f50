"""The usual frames of trades, decoded straight into their types. No socket, no clock.

What decodes here is what `parse` would read from the same bytes, and no more: msgspec refuses each
other key, each number that is no integer of 64 bits, and each text that orjson refuses. What does
not decode is `parse`'s to judge.

Source: binance-spot-api-docs, web-socket-streams.md, "Aggregate Trade Streams".
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal

import msgspec

from producers.binance.numbers import plain_e8
from schemas.rules.checks import EARLIEST_MS, LARGEST_ID, LATEST_MS
from schemas.rules.market import LARGEST_FILLS

Id = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_ID)]
TimeMs = Annotated[int, msgspec.Meta(ge=EARLIEST_MS, lt=LATEST_MS)]
# "0.00000000" is the shortest with eight decimals; 18 digits are the most that always fit 64 bits.
Decimals = Annotated[str, msgspec.Meta(min_length=10, max_length=19)]
UNUSUAL: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_FEW: Final = 8  # numbers that cost less one by one than in one go


class AggTrade(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """An aggregate trade, under the exchange's letters."""

    kind: Literal["aggTrade"] = msgspec.field(name="e")
    sent_ms: TimeMs = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    agg_id: Id = msgspec.field(name="a")
    price: Decimals = msgspec.field(name="p")
    quantity: Decimals = msgspec.field(name="q")
    first_trade_id: Id = msgspec.field(name="f")
    last_trade_id: Id = msgspec.field(name="l")
    event_ms: TimeMs = msgspec.field(name="T")
    taker_sold: bool = msgspec.field(name="m")
    best_match: bool = msgspec.field(name="M", default=True)


class Combined(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The frame of a combined stream that brings it."""

    stream: str
    data: AggTrade


_decode: Final[Callable[[bytes], Combined]] = msgspec.json.Decoder(Combined).decode


class DecodedFrames:
    """Frames that were read together, as columns.

    What stands in the other columns for a frame that is not usual has no meaning.

    Attributes:
        trades: The trade of each frame; None for a frame that is not usual.
        prices_e8: Their prices in 1e-8.
        quantities_e8: Their quantities in 1e-8.
        fills: Numbers of their trade ids.
    """

    __slots__ = ("fills", "prices_e8", "quantities_e8", "trades")

    def __init__(self, frames: Sequence[bytes]) -> None:
        """Decode frames.

        Args:
            frames: Their bytes; the usual ones are of a combined stream.
        """
        self.trades: list[AggTrade | None] = []
        for raw in frames:
            try:
                self.trades.append(_decode(raw).data)
            except UNUSUAL:
                self.trades.append(None)
        known = [trade or _NO_TRADE for trade in self.trades]
        amounts = _in_e8([trade.price for trade in known] + [trade.quantity for trade in known])
        self.prices_e8, self.quantities_e8 = amounts[: len(known)], amounts[len(known) :]
        self.fills = [trade.last_trade_id - trade.first_trade_id + 1 for trade in known]
        columns = self.prices_e8, self.quantities_e8, self.fills
        wrong = not all(map(all, columns))
        if wrong or min(self.fills, default=1) < 1 or max(self.fills, default=1) > LARGEST_FILLS:
            for at, (price, quantity, fills) in enumerate(zip(*columns, strict=True)):
                if not price or not quantity or not 1 <= fills <= LARGEST_FILLS:
                    self.trades[at] = None


def _in_e8(texts: list[str]) -> list[int]:
    """Return decimals with eight places in 1e-8; 0 for what is none."""
    found = plain_e8(texts) if len(texts) > _FEW else None
    return found or [_one_in_e8(text) for text in texts]


def _one_in_e8(text: str) -> int:
    digits = text.replace(".", "", 1)
    is_plain = text[-9] == "." and digits.isdecimal() and digits.isascii()
    return int(digits) if is_plain else 0


_NO_TRADE: Final = AggTrade("aggTrade", 0, "", 0, "1.00000000", "1.00000000", 0, 0, 0, False)  # noqa: FBT003
