"""SQL queries of the live board, each of which returns a few rows.

They take the time from the newest event time stored, never from this machine's clock.
"""

OPEN_CANDLES = """
SELECT symbol, toUnixTimestamp64Milli(open_time) AS open_ms,
       toUnixTimestamp64Milli(close_time) AS close_ms,
       open, high, low, close, volume, toUnixTimestamp64Milli(event_time) AS event_ms
FROM candles_live FINAL
WHERE interval = '15m'
ORDER BY open_time DESC
LIMIT 1 BY symbol
"""

CLOSED_CANDLES = """
SELECT symbol, interval, toUnixTimestamp64Milli(open_time) AS open_ms, close, status
FROM candles FINAL
WHERE interval IN ('15m', '1m')
  AND open_time > (SELECT max(open_time) FROM candles) - INTERVAL 1 HOUR
ORDER BY interval = '15m' DESC, open_time DESC
LIMIT 1 BY symbol
"""

# The champion's newest prediction for each symbol's open candle.
PREDICTIONS = """
SELECT symbol, toUnixTimestamp64Milli(open_time) AS open_ms, low_90, high_90
FROM predictions
WHERE interval = '15m' AND champion
  AND open_time >= (SELECT max(open_time) FROM candles_live WHERE interval = '15m')
ORDER BY issued_time DESC, stored_time DESC
LIMIT 1 BY symbol
"""

# The empty symbol is the total. Ten seconds that end six ago: newer trades may not be stored yet,
# because a partition's are inserted every five (CANDLEWICK_SINKS__TRADES_LINGER_MS). ClickHouse
# does not open parts whose newest trade is older.
FLOW = """
SELECT symbol, count() / 10 AS trades_per_s,
       quantile(0.5)(delay_ms) AS typical_ms, quantile(0.99)(delay_ms) AS slow_ms
FROM
(
    WITH (SELECT max(event_time) FROM candles_live) - INTERVAL 6 SECOND AS until
    SELECT symbol, toUnixTimestamp64Milli(stored_time) - toUnixTimestamp64Milli(event_time)
           AS delay_ms
    FROM trades
    WHERE event_time > until - INTERVAL 10 SECOND AND event_time <= until
)
GROUP BY symbol WITH ROLLUP
"""

# An interrupted repair starts again as a shorter gap with a later end. A gap that ends before a
# repaired end is therefore repaired too: until then the producer publishes nothing newer. Ids of
# different eras cannot be compared.
GAPS = """
WITH groupUniqArrayIf((first_agg_id, last_agg_id), state = 'found') AS gaps_found,
     groupUniqArrayIf((first_agg_id, last_agg_id), state = 'given-up') AS gaps_lost,
     maxIf(last_agg_id, state = 'repaired') AS repaired_until
SELECT symbol, sum(found) AS found, sum(repaired) AS repaired, sum(given_up) AS given_up
FROM
(
    SELECT symbol, length(gaps_found) AS found,
           arrayCount(gap -> gap.2 <= repaired_until AND NOT has(gaps_lost, gap), gaps_found)
               AS repaired,
           length(gaps_lost) AS given_up
    FROM gaps
    GROUP BY symbol, era
)
GROUP BY symbol
"""
