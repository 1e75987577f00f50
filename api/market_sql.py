"""Queries about symbols, coins and data quality. Values are bound."""


def _both(name: str) -> str:
    """Return a time column as epoch milliseconds and as ISO 8601."""
    ms = f"toUnixTimestamp64Milli(t.{name}_time) AS {name}_ms"
    return f"{ms}, replaceOne(toString(t.{name}_time), ' ', 'T') || 'Z' AS {name}_time"


LAST_PRICES = """
SELECT symbol, argMax(close, event_time) AS close,
    toUnixTimestamp64Milli(max(event_time)) AS event_ms
FROM candles WHERE interval = '15m'
    AND open_time > (SELECT max(open_time) FROM candles WHERE interval = '15m') - INTERVAL 7 DAY
GROUP BY symbol"""

COINS = f"""
SELECT coin_id, ticker, name, rank, price, market_cap, fully_diluted, volume_24h, high_24h, low_24h,
    change_24h, market_cap_change_24h, circulating_supply, total_supply, max_supply,
    ath, ath_change, {_both("ath")}, atl, atl_change, {_both("atl")}, {_both("updated")}
FROM (SELECT * FROM coins FINAL ORDER BY coin_id, updated_time DESC LIMIT 1 BY coin_id) AS t
ORDER BY rank IS NULL, rank, coin_id"""  # noqa: S608 - our own words

GAPS = f"""
SELECT symbol, first_agg_id, last_agg_id, {_both("after")}, {_both("before")}, state,
    {_both("noticed")}, {_both("changed")}, reason
FROM (SELECT * FROM gaps FINAL WHERE ({{symbol:String}} = '' OR symbol = {{symbol:String}})
    ORDER BY symbol, first_agg_id, last_agg_id, changed_time DESC, state = 'found'
    LIMIT 1 BY symbol, first_agg_id, last_agg_id) AS t
WHERE ({{state:String}} = '' OR state = {{state:String}})
    AND (toUnixTimestamp64Milli(t.noticed_time), symbol, first_agg_id)
        < ({{ms:Int64}}, {{after_symbol:String}}, {{first_id:Int64}})
ORDER BY t.noticed_time DESC, symbol DESC, first_agg_id DESC LIMIT {{limit:UInt32}}"""  # noqa: S608 - our own words

# Expected is from the first to the last candle that is known at all.
COMPLETENESS = """
WITH
    {interval:String} AS wanted,
    if(wanted = '1m', 60000, 900000) AS length_ms,
    known AS
    (
        SELECT symbol, open_time, max(place = 1) AS is_gapped FROM
        (
            SELECT symbol, open_time, status = 'gapped' AS place FROM candles FINAL
            WHERE interval = wanted AND ({symbol:String} = '' OR symbol = {symbol:String})
            UNION ALL
            SELECT symbol, open_time, 0 AS place FROM klines
            WHERE interval = wanted AND ({symbol:String} = '' OR symbol = {symbol:String})
        )
        GROUP BY symbol, open_time
    ),
    holes_by_month AS
    (
        SELECT symbol, formatDateTime(fromUnixTimestamp64Milli(open_ms, 'UTC'), '%Y-%m') AS month,
            uniqExact(open_ms) AS official_holes
        FROM (SELECT symbol, arrayJoin(range(toUInt64(toUnixTimestamp64Milli(open_time)),
            toUInt64(toUnixTimestamp64Milli(close_time)), toUInt64(length_ms)))::Int64 AS open_ms
            FROM holes FINAL WHERE interval = wanted AND kind = 'official'
            AND ({symbol:String} = '' OR symbol = {symbol:String}))
        GROUP BY symbol, month
    ),
    audited AS
    (
        SELECT symbol, formatDateTime(open_time, '%Y-%m') AS month,
            countIf(result = 'verified') AS verified, countIf(result = 'mismatch') AS mismatched
        FROM audit WHERE interval = wanted AND ({symbol:String} = '' OR symbol = {symbol:String})
        GROUP BY symbol, month
    )
SELECT symbol, wanted AS interval, month, expected, held, official_holes,
    greatest(0, expected - held - official_holes) AS missing, verified, mismatched, gapped
FROM
(
    SELECT symbol, formatDateTime(open_time, '%Y-%m') AS month,
        toInt64(count()) AS held, toInt64(sum(is_gapped)) AS gapped,
        toUnixTimestamp64Milli(min(open_time)) AS first_ms,
        toUnixTimestamp64Milli(max(open_time)) AS last_ms,
        min(first_ms) OVER (PARTITION BY symbol) = first_ms AS is_first,
        max(last_ms) OVER (PARTITION BY symbol) = last_ms AS is_last,
        toStartOfMonth(any(open_time)) AS first_day,
        toUnixTimestamp64Milli(toDateTime64(first_day, 3, 'UTC')) AS month_ms,
        toUnixTimestamp64Milli(toDateTime64(addMonths(first_day, 1), 3, 'UTC')) AS next_ms,
        intDiv(if(is_last, last_ms + length_ms, next_ms) - if(is_first, first_ms, month_ms),
            length_ms) AS expected
    FROM known GROUP BY symbol, month
) AS months
LEFT JOIN holes_by_month USING (symbol, month)
LEFT JOIN audited USING (symbol, month)
ORDER BY symbol, month"""
