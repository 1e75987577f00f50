"""Each model's skill over the last seven days, shown with its predictions.

It is read every minute in the background, so that no request waits for it.
"""

import asyncio
from dataclasses import dataclass

from anyio import to_thread

from api.queries.clickhouse import Reader, Row
from api.queries.skill import SKILL_SQL
from clients.watching.log import EventLog
from schemas.errors import CandlewickError

_log = EventLog(__name__)
EVERY_S = 60.0
DAYS = 7
_LATELY = (
    "open_time >= (SELECT max(open_time) FROM scores) - INTERVAL {days:UInt16} DAY "
    "AND interval = '15m'"
)


@dataclass(frozen=True, slots=True)
class Lately:
    """A model's recent skill; see `SKILL_SQL` for the figures."""

    figures: Row


class RecentSkill:
    """The newest figures of each symbol and model."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[tuple[str, str], Lately] = {}

    def of(self, symbol: str, model: str) -> Row | None:
        """Return a model's figures for a symbol, None if there are none."""
        found = self._known.get((symbol, model))
        return found.figures if found else None

    def known(self) -> dict[tuple[str, str], Row]:
        """Return the figures by symbol and model."""
        return {key: lately.figures for key, lately in self._known.items()}

    async def keep_reading(self) -> None:
        """Read the figures every minute; if that fails, drop the old ones, as they mislead."""
        while True:
            try:
                self._known = await to_thread.run_sync(self._read)
            except CandlewickError as error:
                _log.warning("skill_unknown", "the recent skill is unknown: {error}", error=error)
                self._known = {}
            await asyncio.sleep(EVERY_S)

    def _read(self) -> dict[tuple[str, str], Lately]:
        sql = SKILL_SQL.substitute(keys="symbol, model", where=_LATELY, model="true")
        rows = self._reader.rows(sql, {"days": DAYS})
        return {(str(row.pop("symbol")), str(row.pop("model"))): Lately(row) for row in rows}
