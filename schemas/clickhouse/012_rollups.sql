-- One candle each, the one to draw: ours, made from trades, or else the exchange's; also where ours is
-- known to miss trades and the exchange has it. As candles_verified, but without the comparison,
-- which takes as long as all the rest. status: complete, quiet and gapped are ours; official is the
-- exchange's. Name symbol, interval and a range of open_time: only those rows are read.
CREATE OR REPLACE VIEW candles_best AS
SELECT
    symbol,
    interval,
    open_time,
    argMin(c.close_time, rank) AS close_time,
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
    SELECT symbol, interval, open_time, close_time, open, high, low, close, volume, quote_volume, trade_count,
        taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source,
        if(status = 'gapped', 6, 0) AS rank
    FROM candles FINAL
    UNION ALL
    SELECT symbol, interval, open_time, close_time, open, high, low, close, volume, quote_volume, trade_count,
        taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source,
        transform(source, ['rest', 'archive-daily', 'stream', 'archive-monthly'], [1, 2, 3, 4], 5) AS rank
    FROM klines FINAL
) AS c
GROUP BY symbol, interval, open_time;

-- Longer candles made from the shorter ones of candles_best, exactly: first open, highest high,
-- lowest low, last close, sums. Intervals begin at multiples of their length since 1970 UTC.
--
-- They are made of `parts` candles of parts_expected. status: gapped where a part is; incomplete
-- where a part is missing, is yet to come, or never was at the exchange; else official, quiet or
-- complete as all the parts are, and complete where they are mixed.
-- Name symbol and a range of open_time: only those rows are read. The best candles are chosen here
-- once more, as a view of a view of a view takes ClickHouse longer to plan than to run.
CREATE OR REPLACE VIEW candles_rolled_up AS
SELECT
    symbol,
    {name:String} AS interval,
    toStartOfInterval(b.open_time, toIntervalMillisecond({length_ms:Int64})) AS open_time,
    open_time + toIntervalMillisecond({length_ms:Int64}) AS close_time,
    argMin(b.open, b.open_time) AS open,
    max(b.high) AS high,
    min(b.low) AS low,
    argMax(b.close, b.open_time) AS close,
    sum(b.volume) AS volume,
    sum(b.quote_volume) AS quote_volume,
    sum(b.trade_count) AS trade_count,
    sum(b.taker_buy_volume) AS taker_buy_volume,
    sum(b.taker_buy_quote_volume) AS taker_buy_quote_volume,
    if(trade_count = 0, -1, minIf(b.first_trade_id, b.trade_count > 0)) AS first_trade_id,
    max(b.last_trade_id) AS last_trade_id,
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
            taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source,
            if(status = 'gapped', 6, 0) AS rank
        FROM candles FINAL
        WHERE interval = {part:String}
        UNION ALL
        SELECT symbol, open_time, open, high, low, close, volume, quote_volume, trade_count,
            taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source,
            transform(source, ['rest', 'archive-daily', 'stream', 'archive-monthly'], [1, 2, 3, 4], 5) AS rank
        FROM klines FINAL
        WHERE interval = {part:String}
    ) AS c
    GROUP BY symbol, open_time
) AS b
GROUP BY symbol, open_time;

CREATE OR REPLACE VIEW candles_1h AS
SELECT * FROM candles_rolled_up(name = '1h', length_ms = 3600000, part = '15m', part_ms = 900000);

CREATE OR REPLACE VIEW candles_4h AS
SELECT * FROM candles_rolled_up(name = '4h', length_ms = 14400000, part = '15m', part_ms = 900000);

CREATE OR REPLACE VIEW candles_1d AS
SELECT * FROM candles_rolled_up(name = '1d', length_ms = 86400000, part = '15m', part_ms = 900000);
