"""How long trades wait for their block. Pure.

Kafka, the worker, the sinks and the API pay for each message and for each bunch of messages, not
for each trade. So trades wait longer where waiting fills blocks, and where it keeps the number of
messages bounded. The trade that opens a minute, and a full block, never wait.
"""

from typing import Final

from schemas.settings import StreamSettings

FEW_TRADES: Final = 4  # a message with fewer trades costs more than its trades do
LONGEST_MS: Final = 5_000
REMEMBERED_MS: Final = 1_000


class Linger:
    """The time that trades wait, from what the last second of the market was like.

    Attributes:
        ms: Milliseconds from the first trade that waits to the next flush of all symbols.
    """

    def __init__(self, settings: StreamSettings) -> None:
        self.ms: float = settings.linger_ms
        self._least_ms = settings.linger_ms
        self._quiet_ms = max(settings.quiet_linger_ms, settings.linger_ms)
        self._blocks_per_ms = settings.blocks_per_s / 1000
        self._trades_per_ms = 0.0
        self._symbols = 0.0

    def learn(self, trades: int, symbols: int, passed_ms: float) -> None:
        """Take note of a flush.

        Args:
            trades: Trades that waited.
            symbols: Symbols that had some of them.
            passed_ms: Time since the flush before.
        """
        passed_ms = max(passed_ms, 1.0)
        weight = min(1.0, passed_ms / REMEMBERED_MS)
        self._trades_per_ms += weight * (trades / passed_ms - self._trades_per_ms)
        self._symbols += weight * (symbols - self._symbols)
        wanted_ms = max(self._least_ms, self._fills_ms(), self._symbols / self._blocks_per_ms)
        self.ms = min(wanted_ms, LONGEST_MS)

    def _fills_ms(self) -> float:
        if self._trades_per_ms * self._quiet_ms < FEW_TRADES:  # nothing comes that could be joined
            return 0.0
        return min(FEW_TRADES * self._symbols / self._trades_per_ms, self._quiet_ms)
