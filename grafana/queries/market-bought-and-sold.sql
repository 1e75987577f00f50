-- Volume by taker: buyers up, sellers down.
SELECT
    open_time AS time,
    toFloat64(taker_buy_quote_volume) AS bought,
    -toFloat64(quote_volume - taker_buy_quote_volume) AS sold
FROM candles_${interval:raw}
WHERE symbol = ${symbol:singlequote} AND $__timeFilter(open_time)
ORDER BY time
