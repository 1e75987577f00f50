"""Rows of the store that no record could be, or that nobody on the exchange ever traded."""

from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

import orjson

from schemas.coins import Coin, CoinDay
from schemas.history import ArchiveFile, CrossCheck, Hole, IrregularRow
from schemas.market import NO_TRADE_ID, Candle, Gap, Trade
from schemas.predictions import ModelVersion, Prediction, Score
from schemas.rules.checks import UNKNOWN_MS
from schemas.validation import validate
from tests.support.stack import Stack

_MOST_ROWS: Final = 50_000
_TABLES: Final[dict[str, type]] = {
    "trades": Trade,
    "candles": Candle,
    "candles_live": Candle,
    "klines": Candle,
    "gaps": Gap,
    "holes": Hole,
    "irregular_rows": IrregularRow,
    "cross_checks": CrossCheck,
    "archives": ArchiveFile,
    "coins": Coin,
    "coin_days": CoinDay,
    "predictions": Prediction,
    "scores": Score,
    "model_versions": ModelVersion,
}
_TIMES: Final = {"at_ms": "time"}
_UNITS: Final = {"_e8": 10**8, "_e16": 10**16}


def false_rows(stack: Stack) -> tuple[int, list[str]]:
    """Return how many rows were looked at, and what is wrong with those that cannot be."""
    looked, faults = 0, []
    for table, record in _TABLES.items():
        for row in _rows(stack, table):
            looked += 1
            try:
                found = _record(record, row)
                validate(found)
            except (TypeError, ValueError) as error:
                faults.append(f"{table}: {error}")
    return looked, faults + _from_nowhere(stack)


def _from_nowhere(stack: Stack) -> list[str]:
    """Return trades with ids that the exchange has not reached, and times that have not come."""
    market = orjson.loads(stack.admin("GET", "market").content)
    faults = []
    for symbol in stack.symbols:
        query = (
            "SELECT count() FROM trades WHERE symbol = {symbol:String} AND agg_id >= {end:Int64}"
        )
        end = market["symbols"][symbol]["next_agg_id"] + 1_000  # it trades on while we ask
        ((count,),) = stack.rows(query, symbol=symbol, end=end)
        faults += [f"trades of {symbol} beyond the exchange's own ids: {count}"] * bool(count)
    for table in ("candles", "candles_live"):
        query = f"SELECT count() FROM {table} WHERE open_time > now() + 60"  # noqa: S608 - ours
        ((count,),) = stack.rows(query)
        faults += [f"{table} of times to come: {count}"] * bool(count)
    return faults


def _rows(stack: Stack, table: str) -> list[dict[str, Any]]:
    query = f"SELECT * FROM {table} ORDER BY stored_time DESC LIMIT {_MOST_ROWS}"  # noqa: S608
    with stack.client() as client:
        return list(client.query(query).named_results())


def _record(record: type, row: dict[str, Any]) -> object:
    if record is Trade:
        last = row["first_trade_id"] + row["fills"] - 1 if row["fills"] else NO_TRADE_ID
        row |= {"last_trade_id": last}
    return record(**{field.name: _value(field.name, row) for field in fields(record)})


def _value(name: str, row: dict[str, Any]) -> object:
    if name.endswith("_ms"):
        moment = row[_TIMES.get(name, name.removesuffix("_ms") + "_time")]
        return UNKNOWN_MS if moment is None else round(moment.timestamp() * 1000)
    for suffix, units in _UNITS.items():
        if name.endswith(suffix):
            value = row[name.removesuffix(suffix)]
            return None if value is None else int(Decimal(value) * units)
    return row[name]
