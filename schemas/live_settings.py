"""The settings of the live way of a trade: the stream, the candles, the sinks."""

from pydantic import Field

from schemas.setting_groups import Group
from schemas.setting_types import Seconds, WebsocketClient


class StreamSettings(Group):
    """Batching, time limits and clock tolerance of the live stream."""

    linger_ms: int = Field(
        50,
        ge=0,
        le=5000,
        description="Milliseconds that a trade waits for its block; all symbols are flushed "
        "together. The trade that opens a minute and a full block do not wait.",
    )
    quiet_linger_ms: int = Field(
        250,
        ge=0,
        le=5000,
        description="Milliseconds that it waits at most while blocks hold fewer than 4 trades: "
        "fewer messages, and trades and live candles that much later. 0: never longer than above.",
    )
    blocks_per_s: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Blocks a second of all symbols together; with more symbols than come in one "
        "linger, trades wait longer, up to 5 seconds.",
    )
    block_trades: int = Field(1000, ge=1, le=4096, description="Most trades in a block.")
    websocket_client: WebsocketClient = Field(
        "websockets",
        description="Library that reads the stream: `websockets`, or the "
        "[extra](contributing.md#extras) `picows`, which takes a fraction of its CPU.",
    )
    read_pause_ms: int = Field(
        5,
        ge=0,
        le=100,
        description="Milliseconds for which a connection is not read after frames came in quick "
        "succession: far fewer wake-ups, and trades that much later. 0: read at once, always.",
    )
    silence_s: Seconds = Field(
        15.0, description="Seconds without a frame after which a connection is replaced."
    )
    rotate_h: float = Field(
        23.0, ge=1 / 3600, le=23.9, description="Hours after which a connection is replaced."
    )
    ahead_s: Seconds = Field(
        5.0,
        description="Seconds that a frame may be ahead of the exchange's measured clock; otherwise "
        "it is a dead letter. Raise it only for a simulated market that runs faster than time.",
    )
    status_s: Seconds = Field(
        60.0,
        description="Seconds between two questions whether silent and halted symbols are traded. "
        "New symbols are looked for five times as rarely.",
    )
    give_up_s: Seconds = Field(
        60.0, description="Seconds after which a gap that REST cannot fill is given up."
    )
    catch_up_h: float = Field(
        24.0,
        ge=0.5,
        le=168.0,
        description="Hours of trades that are fetched after an absence. After a longer one, in "
        "which a symbol had more than 100,000, its stream goes on with the candle before the "
        "present one; the gap stays, and the candles of that time are the exchange's own.",
    )


class CandleSettings(Group):
    """When candles are closed, and which are made."""

    lateness_ms: int = Field(
        2000,
        ge=0,
        le=60_000,
        description="Milliseconds of event time after its end at which a candle closes without a "
        "newer trade.",
    )
    seconds: bool = Field(
        default=False,
        description="Make candles of one second too, up to 86,400 a day and symbol.",
    )
    gather_ms: int = Field(
        100,
        ge=0,
        le=1_000,
        description="Milliseconds for which trades gather at Kafka before they are read, while "
        "fewer than some 1,500 a second come. Candles may close so much later; less costs CPU.",
    )


class SinkSettings(Group):
    """How often the sinks read and insert: each time has a price, whatever it brings.

    A record that comes after a pause is inserted after 0.1 s.
    """

    trades_linger_ms: int = Field(
        5000,
        ge=0,
        le=30_000,
        description="Least milliseconds between two inserts of trades, for each partition.",
    )
    live_linger_ms: int = Field(
        5000,
        ge=0,
        le=30_000,
        description="The same for predictions and the states of open candles. The page, the live "
        "stream and `/predict` get them from Kafka, at once.",
    )
    fetch_wait_ms: int = Field(
        250,
        ge=1,
        le=5000,
        description="Milliseconds for which Kafka may collect records for the sinks; an answer "
        "goes out earlier once it holds 64 KiB.",
    )
