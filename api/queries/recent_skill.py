"""Each model's skill over the last seven days, shown with its predictions.

It is read every minute in the background, so that no request waits for it.
"""

import asyncio
import logging
from dataclasses import dataclass
from string import Template

from anyio import to_thread

from api.queries.clickhouse import Reader, Row
from schemas.errors import CandlewickError

LOG = logging.getLogger(__name__)
EVERY_S = 60.0
DAYS = 7
# Averages of the model and of the reference, over the questions that both answered.
SKILL_SQL = Template("""
SELECT $keys, count() AS cases,
    1 - avg(s.squared_error_bp2) / nullIf(avg(r.squared_error_bp2), 0) AS point_skill,
    1 - avg(s.pinball_bp) / nullIf(avg(r.pinball_bp), 0) AS pinball_skill,
    avg(s.pinball_bp) AS pinball_bp, avg(r.pinball_bp) AS reference_pinball_bp,
    avg(s.absolute_error_bp) AS absolute_error_bp,
    avg(s.covered_50) AS coverage_50, avg(s.covered_90) AS coverage_90,
    avg(s.width_50_bp) AS width_50_bp, avg(s.width_90_bp) AS width_90_bp
FROM (SELECT *, toUInt8(round(minutes_to_close)) AS minutes, toString(toDate(open_time)) AS day
    FROM scores FINAL WHERE $where AND $model) AS s
INNER JOIN (SELECT symbol, interval, open_time, issued_time, squared_error_bp2, pinball_bp
    FROM scores FINAL WHERE model = 'reference' AND $where) AS r
USING (symbol, interval, open_time, issued_time)
GROUP BY $keys ORDER BY $keys""")
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

    async def keep_reading(self) -> None:
        """Read the figures every minute; if that fails, drop the old ones, as they mislead."""
        while True:
            try:
                self._known = await to_thread.run_sync(self._read)
            except CandlewickError as error:
                LOG.warning("the recent skill is unknown: %s", error)
                self._known = {}
            await asyncio.sleep(EVERY_S)

    def _read(self) -> dict[tuple[str, str], Lately]:
        sql = SKILL_SQL.substitute(keys="symbol, model", where=_LATELY, model="true")
        rows = self._reader.rows(sql, {"days": DAYS})
        return {(str(row.pop("symbol")), str(row.pop("model"))): Lately(row) for row in rows}
