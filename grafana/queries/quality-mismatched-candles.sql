SELECT
    open_time AS candle,
    symbol,
    interval,
    arrayStringConcat(differs, ', ') AS differs,
    toFloat64(close) AS `our close`,
    toFloat64(exchange_close) AS `its close`,
    trade_count AS `our trades`,
    exchange_trade_count AS `its trades`,
    exchange_source AS `its source`
FROM audit
WHERE result = 'mismatch' AND interval IN ('1m', '15m') AND $__timeFilter(open_time)
ORDER BY candle DESC
LIMIT 200
