"""Queries of the models' events and of the newest stored minute."""

from dataclasses import dataclass, fields

from clients.clickhouse import Client, rows_of
from schemas.predictions import ModelVersion
from schemas.timeframe import Interval

_COLUMNS = ", ".join(
    "toUnixTimestamp64Milli(event_time)" if field.name == "event_ms" else field.name
    for field in fields(ModelVersion)
)
_NEWEST = f"""
SELECT {_COLUMNS} FROM model_versions FINAL
WHERE {{symbol:String}} = '' OR symbol IN ({{symbol:String}}, '')
    OR has(JSONExtract(details, 'symbols', 'Array(String)'), {{symbol:String}})
ORDER BY event_time DESC, model, version, symbol
LIMIT 1 BY model, version, symbol
"""  # noqa: S608 - the columns are our own
_EVENTS = f"""
SELECT {_COLUMNS} FROM model_versions FINAL
WHERE version = {{name:String}} OR model = {{name:String}}
ORDER BY event_time DESC, symbol, event
LIMIT {{limit:UInt32}}
"""  # noqa: S608 - as above
_TRAINED = f"""
SELECT {_COLUMNS} FROM model_versions FINAL
WHERE model = {{model:String}} AND event = 'trained' ORDER BY event_time DESC LIMIT 1
"""  # noqa: S608 - as above
_MARKET = """
SELECT toUnixTimestamp64Milli(max(newest)) FROM
(
    SELECT max(open_time) AS newest FROM candles
    WHERE interval = '1m' AND ({symbol:String} = '' OR symbol = {symbol:String})
    UNION ALL
    SELECT max(open_time) AS newest FROM klines
    WHERE interval = '1m' AND ({symbol:String} = '' OR symbol = {symbol:String})
)
"""


@dataclass(frozen=True, slots=True)
class ModelTables:
    """Queries of the model tables, run by a read-only client."""

    client: Client

    def newest(self, symbol: str = "") -> list[ModelVersion]:
        """Return the newest event of every version and symbol, newest first."""
        return self._events(_NEWEST, {"symbol": symbol})

    def events(self, name: str, *, limit: int) -> list[ModelVersion]:
        """Return the events of a version or of a kind of model, newest first."""
        return self._events(_EVENTS, {"name": name, "limit": limit})

    def trained(self, model: str) -> ModelVersion | None:
        """Return the newest successful training of a model, or None."""
        found = self._events(_TRAINED, {"model": model})
        return found[0] if found else None

    def market_ms(self, symbol: str = "") -> int | None:
        """Return when the newest stored minute ended; None where none is stored."""
        open_ms = int(rows_of(self.client, _MARKET, {"symbol": symbol})[0][0])
        return open_ms + Interval.ONE_MINUTE.ms if open_ms else None

    def _events(self, query: str, parameters: dict[str, str | int]) -> list[ModelVersion]:
        return [ModelVersion(*row) for row in rows_of(self.client, query, parameters)]
