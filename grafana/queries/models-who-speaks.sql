-- The champion of each symbol as a number, which the panel shows as a name; 6 is any model of one's own.
SELECT
    open_time AS time,
    symbol,
    toFloat64(transform(toString(any(model)), ['reference', 'online', 'batch', 'forest', 'lstm', 'blend'], [0, 1, 2, 3, 4, 5], 6)) AS who
FROM scores
WHERE champion AND $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time)
GROUP BY time, symbol
ORDER BY time, symbol
