"""SQL for symbols, coins and data quality. Values are bound."""


def _both(name: str) -> str:
    """Return SQL that selects a time as epoch milliseconds and as ISO 8601."""
    return f"toUnixTimestamp64Milli(t.{name}_time) AS {name}_ms, t.{name}_time AS {name}_time"


LAST_PRICES = """
SELECT symbol, argMax(close, event_time) AS close,
    toUnixTimestamp64Milli(max(event_time)) AS event_ms
FROM candles WHERE interval = '15m'
    AND open_time > (SELECT max(open_time) FROM candles WHERE interval = '15m') - INTERVAL 7 DAY
GROUP BY symbol"""

# The coins of the newest day that was fetched: others are followed no more. Without FINAL, which
# would read every column of every row.
COINS = f"""
SELECT coin_id, ticker, name, rank, price, market_cap, fully_diluted, volume_24h, high_24h, low_24h,
    change_24h, market_cap_change_24h, circulating_supply, total_supply, max_supply,
    ath, ath_change, {_both("ath")}, atl, atl_change, {_both("atl")}, {_both("updated")}
FROM (SELECT * FROM coins
    WHERE fetched_time >= (SELECT least(max(fetched_time), now64(3)) FROM coins) - INTERVAL 1 DAY
    ORDER BY coin_id, updated_time DESC, fetched_time DESC LIMIT 1 BY coin_id) AS t
ORDER BY rank IS NULL, rank, coin_id"""  # noqa: S608 - our own words

# The order of the states is not that of their times: the clock of the process that told one may
# have been ahead.
GAPS = f"""
SELECT symbol, first_agg_id, last_agg_id, {_both("after")}, {_both("before")}, state,
    {_both("noticed")}, {_both("changed")}, reason, era
FROM (SELECT * FROM gaps FINAL WHERE ({{symbol:String}} = '' OR symbol = {{symbol:String}})
    ORDER BY symbol, era, first_agg_id, last_agg_id, state = 'repaired' DESC,
        state = 'given-up' DESC, changed_time DESC
    LIMIT 1 BY symbol, era, first_agg_id, last_agg_id, state = 'new-era') AS t
WHERE ({{state:String}} = '' OR state = {{state:String}})
    AND (toUnixTimestamp64Milli(t.noticed_time), symbol, first_agg_id)
        < ({{ms:Int64}}, {{after_symbol:String}}, {{first_id:Int64}})
ORDER BY t.noticed_time DESC, symbol DESC, first_agg_id DESC LIMIT {{limit:UInt32}}"""  # noqa: S608 - our own words

COMPLETENESS = """
SELECT symbol, interval, formatDateTime(month, '%Y-%m') AS month_text, expected, held,
    official_holes, unproven_holes, irregular_holes, ended_holes, missing, gapped, verified,
    mismatched, toUnixTimestamp64Milli(not_trading_since) AS not_trading_since_ms
FROM completeness_traded WHERE ({symbol:String} = '' OR symbol = {symbol:String})
    AND interval = {interval:String}
ORDER BY symbol, month"""
