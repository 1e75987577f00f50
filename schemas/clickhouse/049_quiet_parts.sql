-- Longer candles made from the shorter ones of candles_best, exactly: first open, highest high,
-- lowest low, last close, sums. One begins at begin_ms, in milliseconds since 1970 UTC, and each other
-- a multiple of their length from it. A part in which nothing was traded has no part in prices, unless
-- nothing was traded in any: it repeats the last price, at which the longer candle was never traded.
--
-- First and last trade ids are those of the first and the last part that has trades.
-- They are made of `parts` candles of parts_expected. status: gapped where a part is; incomplete
-- where a part is missing, is yet to come, or never was at the exchange; else official, quiet or
-- complete as all the parts are, and complete where they are mixed.
-- Name symbol and a range of open_time: only those rows are read. The best candles are chosen here
-- once more, as a view of a view of a view takes ClickHouse longer to plan than to run.
CREATE OR REPLACE VIEW candles_rolled_up AS
SELECT
    symbol,
    {name:String} AS interval,
    toStartOfInterval(b.open_time - toIntervalMillisecond({begin_ms:Int64}), toIntervalMillisecond({length_ms:Int64}))
        + toIntervalMillisecond({begin_ms:Int64}) AS open_time,
    open_time + toIntervalMillisecond({length_ms:Int64}) AS close_time,
    if(trade_count = 0, argMin(b.open, b.open_time), argMinIf(b.open, b.open_time, b.trade_count > 0)) AS open,
    if(trade_count = 0, max(b.high), maxIf(b.high, b.trade_count > 0)) AS high,
    if(trade_count = 0, min(b.low), minIf(b.low, b.trade_count > 0)) AS low,
    if(trade_count = 0, argMax(b.close, b.open_time), argMaxIf(b.close, b.open_time, b.trade_count > 0)) AS close,
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
    intDiv({length_ms:Int64}, {part_ms:Int64}) AS parts_expected
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
        WHERE interval = {part:String}
        UNION ALL
        SELECT symbol, open_time, open, high, low, close, volume, quote_volume, trade_count,
            taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source, rank
        FROM klines FINAL
        WHERE interval = {part:String}
    ) AS c
    GROUP BY symbol, open_time
) AS b
GROUP BY symbol, open_time;

CREATE OR REPLACE VIEW candles_5m AS
SELECT * FROM candles_rolled_up(name = '5m', length_ms = 300000, begin_ms = 0, part = '1m', part_ms = 60000);

CREATE OR REPLACE VIEW candles_30m AS
SELECT * FROM candles_rolled_up(name = '30m', length_ms = 1800000, begin_ms = 0, part = '15m', part_ms = 900000);

CREATE OR REPLACE VIEW candles_1h AS
SELECT * FROM candles_rolled_up(name = '1h', length_ms = 3600000, begin_ms = 0, part = '15m', part_ms = 900000);

CREATE OR REPLACE VIEW candles_4h AS
SELECT * FROM candles_rolled_up(name = '4h', length_ms = 14400000, begin_ms = 0, part = '15m', part_ms = 900000);

CREATE OR REPLACE VIEW candles_1d AS
SELECT * FROM candles_rolled_up(name = '1d', length_ms = 86400000, begin_ms = 0, part = '15m', part_ms = 900000);

-- A week opens on Monday, UTC, as the exchange's does: the first one was 5 January 1970.
CREATE OR REPLACE VIEW candles_1w AS
SELECT * FROM candles_rolled_up(name = '1w', length_ms = 604800000, begin_ms = 345600000, part = '15m', part_ms = 900000);
