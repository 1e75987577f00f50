"""The usual frame of a trade, decoded straight into its types. No socket, no clock.

What decodes here is what `parse` would read from the same bytes, and no more: msgspec refuses each
other key, each number that is no integer of 64 bits, and each text that orjson refuses. What does
not decode is `parse`'s to judge.

Source: binance-spot-api-docs, web-socket-streams.md, "Aggregate Trade Streams".
"""

from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec

from schemas.rules.checks import EARLIEST_MS, LARGEST_ID, LATEST_MS

Id = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_ID)]
TimeMs = Annotated[int, msgspec.Meta(ge=EARLIEST_MS, lt=LATEST_MS)]
# "0.00000000" is the shortest with eight decimals; 18 digits are the most that always fit 64 bits.
Decimals = Annotated[str, msgspec.Meta(min_length=10, max_length=19)]
UNUSUAL: Final = (msgspec.MsgspecError, ValueError, RecursionError)
WRAPPED: Final = b'{"stream":'


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
    """The same in a frame of a combined stream."""

    stream: str
    data: AggTrade


decode_combined: Final[Callable[[bytes], Combined]] = msgspec.json.Decoder(Combined).decode
decode_raw: Final[Callable[[bytes], AggTrade]] = msgspec.json.Decoder(AggTrade).decode
