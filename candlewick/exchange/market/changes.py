"""What has changed a market for good: minutes without trades, and ids that began again.

A market that is started again must have the same past, so these changes are kept in its state file.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from candlewick.exchange.market.restarted import RestartedSymbol
from candlewick.exchange.market.source import Market
from schemas.files import write_whole

CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class Change:
    """One change; minutes are counted from 1970-01-01.

    Attributes:
        end_minute: End of the minutes without trades; of no meaning where ids begin again.
        status: Trading status in these minutes.
    """

    kind: Literal["halt", "reset-ids"]
    symbol: str
    first_minute: int
    end_minute: int
    status: str = "TRADING"

    def apply(self, market: Market, now_ms: Callable[[], int]) -> None:
        """Change the market."""
        source = market[self.symbol]
        if self.kind == "halt":
            source.halt(self.first_minute, self.end_minute)
        else:
            market[self.symbol] = RestartedSymbol(source, self.first_minute, now_ms)


def kept_changes(state: dict[str, Any]) -> list[Change]:
    """Take the changes out of what a state file holds, oldest first."""
    return [Change(**each) for each in state.pop(CHANGES, [])]


def keep(file: Path | None, change: Change) -> None:
    """Write a change into the state file, if the market has one."""
    if file is None or not file.exists():
        return
    state = json.loads(file.read_text("utf-8"))
    state[CHANGES] = [*state.get(CHANGES, []), asdict(change)]
    write_whole(file, json.dumps(state))
