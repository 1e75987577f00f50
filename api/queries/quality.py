"""SQL for completeness by day, the audit, and volatility. Values are bound."""

_MS = "toUnixTimestamp64Milli({0})"

# Candles are due up to the newest one, or up to a minute ago, as the newest may be on its way.
# Facts: 1 held, 2 the exchange has none, 3 gapped. A candle of which several are known counts once.
# Fact 0 is of no candle: each symbol has it on the first day, so that it is known what is due where
# nothing else is.
DAYS = f"""
WITH {{length_ms:Int64}} AS length_ms,
    toUInt32(length_ms / 1000) AS length_s,
    (SELECT max(open_time) FROM candles WHERE interval = {{interval:String}}) AS newest,
    greatest({_MS.format("newest")} + length_ms, toUnixTimestamp(now()) * 1000 - 60000) AS due_ms,
    fromUnixTimestamp64Milli((intDiv(due_ms, 86400000) + 1 - {{days:Int64}}) * 86400000, 'UTC')
        AS since
SELECT symbol, toString(day) AS day, held, gapped, official_holes, verified, mismatched,
    due_ms AS until_ms
FROM
(
    SELECT symbol, toDate(toDateTime(seconds, 'UTC')) AS day,
        groupBitmapStateIf(intDiv(seconds, length_s), fact = 1) AS held_bits,
        groupBitmapStateIf(intDiv(seconds, length_s), fact = 2) AS hole_bits,
        groupBitmapStateIf(intDiv(seconds, length_s), fact = 3) AS gapped_bits,
        bitmapCardinality(held_bits) AS held,
        bitmapAndnotCardinality(hole_bits, held_bits) AS official_holes,
        bitmapAndnotCardinality(gapped_bits, bitmapOr(held_bits, hole_bits)) AS gapped,
        countIf(fact = 4) AS verified, countIf(fact = 5) AS mismatched
    FROM
    (
        SELECT arrayJoin({{symbols:Array(String)}}) AS symbol, toUInt32(since) AS seconds, 0 AS fact
        UNION ALL
        SELECT symbol, toUInt32(open_time) AS seconds, if(status = 'gapped', 3, 1) AS fact
        FROM candles_best
        WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
            AND open_time >= since
        UNION ALL
        SELECT symbol, toUInt32(open_time) AS seconds, if(result = 'verified', 4, 5)
        FROM audit
        WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
            AND open_time >= since AND result IN ('verified', 'mismatch')
        UNION ALL
        SELECT symbol, seconds, 2
        FROM holes FINAL
        ARRAY JOIN range(toUInt32(greatest(open_time, since)), toUInt32(close_time), length_s)
            AS seconds
        WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
            AND kind IN ('official', 'irregular', 'ended') AND close_time > since
        UNION ALL
        SELECT symbol, seconds, 2
        FROM symbols_now
        ARRAY JOIN range(
            toUInt32(greatest((intDiv(toUInt32(assumeNotNull(not_trading_since)), length_s) + 1)
                * length_s, toUInt32(since))),
            toUInt32(intDiv(due_ms, length_ms) * length_s), length_s) AS seconds
        WHERE symbol IN {{symbols:Array(String)}} AND not_trading_since IS NOT NULL
    )
    GROUP BY symbol, day
)
ORDER BY symbol, day"""  # noqa: S608 - our own words

# As in the view `completeness`: candles are due from the first one, hole or listing on.
FIRSTS = f"""
SELECT symbol, intDiv({_MS.format("min(open_time)")}, {{length_ms:Int64}}) * {{length_ms:Int64}}
    AS first_ms
FROM
(
    SELECT symbol, open_time FROM candles
    WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
    UNION ALL
    SELECT symbol, open_time FROM klines
    WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
    UNION ALL
    SELECT symbol, open_time FROM holes FINAL
    WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
        AND kind IN ('official', 'irregular')
    UNION ALL
    SELECT symbol, greatest(close_time, ifNull(after_time, close_time)) FROM holes FINAL
    WHERE symbol IN {{symbols:Array(String)}} AND interval = {{interval:String}}
        AND kind = 'unlisted'
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
# Over missing candles there is no move: that of hours is not one of 15 minutes.
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
        log(price / lagInFrame(price) OVER of_symbol) AS move,
        open_time - lagInFrame(open_time) OVER of_symbol AS passed_s
    FROM candles_best
    WHERE symbol IN {symbols:Array(String)} AND interval = '15m'
        AND open_time > now64(3) - INTERVAL 40 DAY
    WINDOW of_symbol AS (PARTITION BY symbol ORDER BY open_time
        ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
)
WHERE isFinite(move) AND passed_s = 900
GROUP BY symbol ORDER BY symbol"""
