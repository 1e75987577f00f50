"""Queries of the models' events, of who answers, and of the newest stored minute."""

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
    OR JSONExtractString(details, 'asked_version') = {{name:String}}
ORDER BY event_time DESC, symbol, event
LIMIT {{limit:UInt32}}
"""  # noqa: S608 - as above
_OF_SYMBOL = """
    ({symbol:String} = '' OR symbol = {symbol:String} OR (symbol = ''
        AND (NOT JSONHas(details, 'symbols')
            OR has(JSONExtract(details, 'symbols', 'Array(String)'), {symbol:String}))))
"""
_TRAINED = f"""
SELECT {_COLUMNS} FROM model_versions FINAL
WHERE model = {{model:String}} AND event = 'trained' AND {_OF_SYMBOL}
ORDER BY event_time DESC LIMIT 1
"""  # noqa: S608 - as above
_DECISION = f"""
SELECT {_COLUMNS} FROM model_versions FINAL
WHERE model = {{model:String}} AND event IN ('trained', 'promoted', 'retired')
    AND JSONHas(details, 'effective_ms') AND {_OF_SYMBOL}
ORDER BY event_time DESC LIMIT 1
"""  # noqa: S608 - as above
_ANSWERING = """
SELECT symbol, argMax(version, issued_time),
    max((low_90, high_90) != (of_reference.low_90, of_reference.high_90))
FROM predictions
INNER JOIN
(
    SELECT symbol, issued_time, low_90, high_90 FROM predictions
    WHERE model = 'reference' AND open_time >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
) AS of_reference USING (symbol, issued_time)
WHERE model = {model:String} AND ({symbol:String} = '' OR symbol = {symbol:String})
    AND open_time >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
GROUP BY symbol ORDER BY symbol
"""
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
class Answering:
    """A model that answers for a symbol.

    Attributes:
        version: The newest that has answered.
        has_interval: Whether its interval differed from the reference's at any time.
    """

    symbol: str
    version: str
    has_interval: bool


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

    def trained(self, model: str, symbol: str = "") -> ModelVersion | None:
        """Return the newest successful training of a model, of any symbol or of one, or None."""
        return self._newest(_TRAINED, model, symbol)

    def decision(self, model: str, symbol: str = "") -> ModelVersion | None:
        """Return the newest event that sets when a model answers, or None; as `trained`."""
        return self._newest(_DECISION, model, symbol)

    def answering(self, model: str, symbol: str, since_ms: int) -> list[Answering]:
        """Return for which symbols a model has answered since a moment; ``symbol`` as above."""
        parameters = {"model": model, "symbol": symbol, "since_ms": since_ms}
        return [
            Answering(str(name), str(version), bool(differs))
            for name, version, differs in rows_of(self.client, _ANSWERING, parameters)
        ]

    def market_ms(self, symbol: str = "") -> int | None:
        """Return when the newest stored minute ended; None where none is stored."""
        open_ms = int(rows_of(self.client, _MARKET, {"symbol": symbol})[0][0])
        return open_ms + Interval.ONE_MINUTE.ms if open_ms else None

    def _newest(self, query: str, model: str, symbol: str) -> ModelVersion | None:
        found = self._events(query, {"model": model, "symbol": symbol})
        return found[0] if found else None

    def _events(self, query: str, parameters: dict[str, str | int]) -> list[ModelVersion]:
        return [ModelVersion(*row) for row in rows_of(self.client, query, parameters)]
