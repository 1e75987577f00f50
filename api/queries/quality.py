"""SQL for completeness by day, the audit, and volatility. Values are bound."""

_MS = "toUnixTimestamp64Milli({0})"

# Candles are due up to the newest one, or up to a minute ago, as the newest may be on its way.
DAYS = f"""
WITH {{length_ms:Int64}} AS length_ms,
    (SELECT max(open_time) FROM candles WHERE interval = {{interval:String}}) AS newest,
    greatest({_MS.format("newest")} + length_ms, toUnixTimestamp(now()) * 1000 - 60000) AS due_ms,
    fromUnixTimestamp64Milli((intDiv(due_ms, 86400000) + 1 - {{days:Int64}}) * 86400000, 'UTC')
        AS since
SELECT symbol, toString(day) AS day, sum(held) AS held, sum(gapped) AS gapped,
    sum(official_holes) AS official_holes, sum(verified) AS verified,
    sum(mismatched) AS mismatched, any(due_ms) AS until_ms
FROM
(
    SELECT symbol, toDate(open_time) AS day, countIf(status != 'gapped') AS held,
        countIf(status = 'gapped') AS gapped, 0 AS official_holes, 0 AS verified, 0 AS mismatched
    FROM candles_best
    WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
        AND open_time >= since
    GROUP BY symbol, day
    UNION ALL
    SELECT symbol, toDate(open_time) AS day, 0, 0, 0, countIf(result = 'verified'),
        countIf(result = 'mismatch')
    FROM audit
    WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
        AND open_time >= since AND result IN ('verified', 'mismatch')
    GROUP BY symbol, day
    UNION ALL
    SELECT symbol, toDate(toDateTime(seconds, 'UTC')) AS day, 0, 0, count(), 0, 0
    FROM holes FINAL
    ARRAY JOIN range(toUInt32(greatest(open_time, since)), toUInt32(close_time),
        toUInt32(length_ms / 1000)) AS seconds
    WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
        AND kind IN ('official', 'irregular', 'ended') AND close_time > since
    GROUP BY symbol, day
)
GROUP BY symbol, day ORDER BY symbol, day"""  # noqa: S608 - our own words

FIRSTS = f"""
SELECT symbol, {_MS.format("min(open_time)")} AS first_ms FROM
(
    SELECT symbol, open_time FROM candles
    WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
    UNION ALL
    SELECT symbol, open_time FROM klines
    WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
)
GROUP BY symbol"""  # noqa: S608 - our own words

AUDIT = f"""
SELECT * EXCEPT differing_ms FROM (
SELECT symbol, interval, countIf(result = 'verified') AS verified,
    countIf(result = 'mismatch') AS mismatched, countIf(result = 'gapped') AS gapped,
    countIf(result = 'only-ours') AS only_ours, countIf(result = 'only-exchange') AS only_exchange,
    maxOrNullIf({_MS.format("open_time")}, result IN ('verified', 'mismatch')) AS newest_ms,
    groupArrayIf({_MS.format("open_time")}, result = 'mismatch') AS differing_ms,
    arraySlice(arrayReverseSort(differing_ms), 1, 20) AS mismatched_ms
FROM audit
WHERE ({{symbol:String}} = '' OR symbol = {{symbol:String}}) AND interval = {{interval:String}}
GROUP BY symbol, interval) ORDER BY symbol"""  # noqa: S608 - our own words

# Standard deviations (n - 1) of log returns from one 15-minute close to the next, in basis points.
VOLATILITY = """
WITH (SELECT max(open_time) FROM candles_best
    WHERE symbol IN {symbols:Array(String)} AND interval = '15m'
    AND open_time > now64(3) - INTERVAL 40 DAY) AS newest
SELECT symbol, countIf(open_time > newest - INTERVAL 30 DAY) AS moves,
    ifNotFinite(stddevSampIf(move, open_time > newest - INTERVAL 1 DAY) * 1e4, NULL) AS day_bp,
    ifNotFinite(stddevSampIf(move, open_time > newest - INTERVAL 7 DAY) * 1e4, NULL) AS week_bp,
    ifNotFinite(stddevSampIf(move, open_time > newest - INTERVAL 30 DAY) * 1e4, NULL) AS month_bp
FROM
(
    SELECT symbol, open_time, toFloat64(close) AS price,
        log(price / lagInFrame(price) OVER (PARTITION BY symbol ORDER BY open_time
            ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)) AS move
    FROM candles_best
    WHERE symbol IN {symbols:Array(String)} AND interval = '15m'
        AND open_time > now64(3) - INTERVAL 40 DAY
)
WHERE isFinite(move)
GROUP BY symbol ORDER BY symbol"""
