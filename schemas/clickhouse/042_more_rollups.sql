-- More lengths of candles from the same parts: see candles_rolled_up.
CREATE OR REPLACE VIEW candles_5m AS
SELECT * FROM candles_rolled_up(name = '5m', length_ms = 300000, part = '1m', part_ms = 60000);

CREATE OR REPLACE VIEW candles_30m AS
SELECT * FROM candles_rolled_up(name = '30m', length_ms = 1800000, part = '15m', part_ms = 900000);

-- A week opens on Monday, UTC, as the exchange's does; 1970 began on a Thursday, so that a week is
-- no multiple of its length since then. For the rest as candles_rolled_up, of 672 candles of 15m.
CREATE OR REPLACE VIEW candles_1w AS
SELECT
    symbol,
    '1w' AS interval,
    toDateTime64(toMonday(b.open_time), 3, 'UTC') AS open_time,
    open_time + toIntervalWeek(1) AS close_time,
    argMin(b.open, b.open_time) AS open,
    max(b.high) AS high,
    min(b.low) AS low,
    argMax(b.close, b.open_time) AS close,
    sum(b.volume) AS volume,
    sum(b.quote_volume) AS quote_volume,
    sum(b.trade_count) AS trade_count,
    sum(b.taker_buy_volume) AS taker_buy_volume,
    sum(b.taker_buy_quote_volume) AS taker_buy_quote_volume,
    if(trade_count = 0 OR minIf(b.first_trade_id, b.trade_count > 0) < 0, -1,
        argMinIf(b.first_trade_id, b.open_time, b.trade_count > 0)) AS first_trade_id,
    if(max(b.last_trade_id) < 0, -1, argMaxIf(b.last_trade_id, b.open_time, b.last_trade_id >= 0)) AS last_trade_id,
    multiIf(
        max(b.status = 'gapped'), 'gapped',
        parts < parts_expected, 'incomplete',
        min(b.status) = max(b.status), toString(any(b.status)),
        'complete'
    ) AS status,
    max(b.revision) AS revision,
    if(min(b.source) = max(b.source), toString(any(b.source)), 'mixed') AS source,
    count() AS parts,
    toInt64(672) AS parts_expected
FROM
(
    SELECT
        symbol,
        open_time,
        argMin(c.open, rank) AS open,
        argMin(c.high, rank) AS high,
        argMin(c.low, rank) AS low,
        argMin(c.close, rank) AS close,
        argMin(c.volume, rank) AS volume,
        argMin(c.quote_volume, rank) AS quote_volume,
        argMin(c.trade_count, rank) AS trade_count,
        argMin(c.taker_buy_volume, rank) AS taker_buy_volume,
        argMin(c.taker_buy_quote_volume, rank) AS taker_buy_quote_volume,
        argMin(c.first_trade_id, rank) AS first_trade_id,
        argMin(c.last_trade_id, rank) AS last_trade_id,
        argMin(c.status, rank) AS status,
        argMin(c.revision, rank) AS revision,
        argMin(c.source, rank) AS source
    FROM
    (
        SELECT symbol, open_time, open, high, low, close, volume, quote_volume, trade_count,
            taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source, rank
        FROM candles FINAL
        WHERE interval = '15m'
        UNION ALL
        SELECT symbol, open_time, open, high, low, close, volume, quote_volume, trade_count,
            taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source, rank
        FROM klines FINAL
        WHERE interval = '15m'
    ) AS c
    GROUP BY symbol, open_time
) AS b
GROUP BY symbol, open_time;
