"""Column names of the tables, in the order of the rows that are inserted."""

from dataclasses import fields

from schemas.predictions import ModelVersion, Prediction, Score

TRADE = (
    "symbol",
    "agg_id",
    "first_trade_id",
    "fills",
    "event_time",
    "received_time",
    "price",
    "quantity",
    "taker_sold",
    "era",
)
CANDLE_VALUES = (  # what the exchange says of a candle, too
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "trade_count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "first_trade_id",
    "last_trade_id",
)
CANDLE = (
    "symbol",
    "interval",
    "open_time",
    "close_time",
    *CANDLE_VALUES,
    "price_variation",
    "status",
    "revision",
    "source",
    "event_time",
)
GAP = (
    "symbol",
    "first_agg_id",
    "last_agg_id",
    "after_time",
    "before_time",
    "state",
    "noticed_time",
    "changed_time",
    "reason",
    "era",
)
HOLE = (
    "symbol",
    "interval",
    "open_time",
    "close_time",
    "kind",
    "agg_id_before",
    "agg_id_after",
    "before_time",
    "after_time",
    "checked_time",
    "reason",
)
IRREGULAR_ROW = (
    "symbol",
    "interval",
    "source",
    "file",
    "open_time",
    "row",
    "reason",
    "noticed_time",
)
CROSS_CHECK = (
    "symbol",
    "open_time",
    "close_time",
    "state",
    "compared",
    "differing",
    "seen_time",
    "checked_time",
    "reason",
)
ARCHIVE = (
    "name",
    "symbol",
    "interval",
    "source",
    "open_time",
    "close_time",
    "sha256",
    "rows",
    "state",
    "changed_time",
    "reason",
)
DEAD_LETTER = (
    "partition",
    "offset",
    "letter_time",
    "reason",
    "origin_topic",
    "origin_partition",
    "origin_offset",
    "bytes",
)
COIN = (
    "coin_id",
    "ticker",
    "name",
    "rank",
    "price",
    "market_cap",
    "fully_diluted",
    "volume_24h",
    "high_24h",
    "low_24h",
    "change_24h",
    "market_cap_change_24h",
    "circulating_supply",
    "total_supply",
    "max_supply",
    "ath",
    "ath_change",
    "ath_time",
    "atl",
    "atl_change",
    "atl_time",
    "updated_time",
    "fetched_time",
)
SYMBOL_CHANGE = (
    "symbol",
    "chosen_by",
    "is_followed",
    "status",
    "since_time",
    "matched_time",
    "tick",
    "step",
    "permissions",
    "changed_time",
    "reason",
)
COIN_DAY = ("coin_id", "time", "price", "market_cap", "volume_24h", "fetched_time")


def column_of(attribute: str) -> str:
    """Return the column of a record's attribute: `x_ms` is `x_time`, and `x_e8` is the decimal `x`.

    >>> column_of("open_ms"), column_of("price_e8"), column_of("model")
    ('open_time', 'price', 'model')
    """
    if attribute.endswith("_ms"):
        return f"{attribute.removesuffix('_ms')}_time"
    return attribute.removesuffix("_e8")


def columns_of(record: type) -> tuple[str, ...]:
    """Return the columns of a table that has one for each attribute of a record type."""
    return tuple(column_of(field.name) for field in fields(record))


PREDICTION = columns_of(Prediction)
SCORE = columns_of(Score)
MODEL_VERSION = columns_of(ModelVersion)
