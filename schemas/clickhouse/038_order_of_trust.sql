-- The order of trust, in which the sources of one candle are believed, is here and nowhere else: what
-- REST says, then the daily archive, the stream, and the monthly archive, whose files are known to differ
-- from the others. Everything that chooses among sources takes the row with the lowest rank. A candle of
-- ours comes first, or last where it misses trades.
ALTER TABLE klines ADD COLUMN IF NOT EXISTS rank UInt8 MATERIALIZED
    transform(source, ['rest', 'archive-daily', 'stream', 'archive-monthly'], [1, 2, 3, 4], 5);

ALTER TABLE candles ADD COLUMN IF NOT EXISTS rank UInt8 MATERIALIZED if(status = 'gapped', 6, 0);

ALTER TABLE candles_ranked MODIFY COLUMN rank UInt8 DEFAULT 0;

-- The exchange's candle, one row each, whatever sources have it: the one with the lowest rank.
CREATE OR REPLACE VIEW klines_best AS
SELECT
    symbol,
    interval,
    open_time,
    argMin(k.close_time, rank) AS close_time,
    argMin(k.open, rank) AS open,
    argMin(k.high, rank) AS high,
    argMin(k.low, rank) AS low,
    argMin(k.close, rank) AS close,
    argMin(k.volume, rank) AS volume,
    argMin(k.quote_volume, rank) AS quote_volume,
    argMin(k.trade_count, rank) AS trade_count,
    argMin(k.taker_buy_volume, rank) AS taker_buy_volume,
    argMin(k.taker_buy_quote_volume, rank) AS taker_buy_quote_volume,
    argMin(k.first_trade_id, rank) AS first_trade_id,
    argMin(k.last_trade_id, rank) AS last_trade_id,
    argMin(k.status, rank) AS status,
    argMin(k.revision, rank) AS revision,
    argMin(k.source, rank) AS source,
    count() AS sources
FROM
(
    SELECT *, rank
    FROM klines FINAL
) AS k
GROUP BY symbol, interval, open_time;

-- Candles of which two sources of the exchange say different things: one row a candle and source
-- that disagrees with the best one. Only the stream knows trade ids, so they are not compared.
CREATE OR REPLACE VIEW source_differences AS
WITH statements[1] AS best
SELECT
    symbol,
    interval,
    open_time,
    said.2 AS source,
    best.2 AS best_source,
    arrayFilter(
        name -> name != '',
        [
            if(said.3 != best.3, 'open', ''),
            if(said.4 != best.4, 'high', ''),
            if(said.5 != best.5, 'low', ''),
            if(said.6 != best.6, 'close', ''),
            if(said.7 != best.7, 'volume', ''),
            if(said.8 != best.8, 'quote_volume', ''),
            if(said.9 != best.9, 'trade_count', ''),
            if(said.10 != best.10, 'taker_buy_volume', ''),
            if(said.11 != best.11, 'taker_buy_quote_volume', '')
        ]
    ) AS differs,
    said.3 AS open,
    best.3 AS best_open,
    said.4 AS high,
    best.4 AS best_high,
    said.5 AS low,
    best.5 AS best_low,
    said.6 AS close,
    best.6 AS best_close,
    said.7 AS volume,
    best.7 AS best_volume,
    said.8 AS quote_volume,
    best.8 AS best_quote_volume,
    said.9 AS trade_count,
    best.9 AS best_trade_count,
    said.10 AS taker_buy_volume,
    best.10 AS best_taker_buy_volume,
    said.11 AS taker_buy_quote_volume,
    best.11 AS best_taker_buy_quote_volume
FROM
(
    SELECT symbol, interval, open_time, arraySort(groupArray(statement)) AS statements
    FROM
    (
        SELECT
            symbol,
            interval,
            open_time,
            (
                rank,
                toString(source), open, high, low, close, volume, quote_volume, trade_count,
                taker_buy_volume, taker_buy_quote_volume
            ) AS statement
        FROM klines FINAL
        WHERE (symbol, interval, open_time) IN
        (
            SELECT symbol, interval, open_time
            FROM klines
            WHERE source != 'rest'
            GROUP BY symbol, interval, open_time
        )
    )
    GROUP BY symbol, interval, open_time
    HAVING length(statements) > 1
)
ARRAY JOIN arraySlice(statements, 2) AS said
WHERE notEmpty(differs);

-- Our candle beside the exchange's best one, field by field: one row a candle that either has.
--
-- result: verified, mismatch (see differs), gapped (ids are missing, ours says so itself),
-- only-ours (no kline yet), only-exchange (no candle of ours).
-- Only the stream knows trade ids, so they are compared where it has the kline.
-- Quote volumes are compared exactly, but where a price times a quantity of the symbol has more
-- than 8 decimals each trade may be rounded: then by at most 1e-8 a trade.
-- Name symbol, interval and a range of open_time: only those rows are read.
CREATE OR REPLACE VIEW candles_compared AS
WITH
    (SELECT groupArray(symbol) FROM (SELECT symbol FROM symbol_decimals GROUP BY symbol HAVING max(price) + max(volume) > 8)) AS rounded,
    exchange_first_trade_id >= 0 OR exchange_trade_count = 0 AS ids_known,
    if(has(rounded, symbol), trade_count * toDecimal128('0.00000001', 8), toDecimal128(0, 8)) AS allowance
SELECT
    symbol,
    interval,
    open_time,
    close_time,
    is_there,
    exchange_is_there,
    status,
    revision,
    exchange_source,
    exchange_revision,
    multiIf(
        NOT is_there, 'only-exchange',
        NOT exchange_is_there, 'only-ours',
        status = 'gapped', 'gapped',
        notEmpty(differs), 'mismatch',
        'verified'
    ) AS result,
    arrayFilter(
        name -> name != '' AND is_there AND exchange_is_there,
        [
            if(open != exchange_open, 'open', ''),
            if(high != exchange_high, 'high', ''),
            if(low != exchange_low, 'low', ''),
            if(close != exchange_close, 'close', ''),
            if(volume != exchange_volume, 'volume', ''),
            if(abs(quote_volume - exchange_quote_volume) > allowance, 'quote_volume', ''),
            if(trade_count != exchange_trade_count, 'trade_count', ''),
            if(taker_buy_volume != exchange_taker_buy_volume, 'taker_buy_volume', ''),
            if(abs(taker_buy_quote_volume - exchange_taker_buy_quote_volume) > allowance, 'taker_buy_quote_volume', ''),
            if(ids_known AND first_trade_id != exchange_first_trade_id, 'first_trade_id', ''),
            if(ids_known AND last_trade_id != exchange_last_trade_id, 'last_trade_id', '')
        ]
    ) AS differs,
    open,
    exchange_open,
    high,
    exchange_high,
    low,
    exchange_low,
    close,
    exchange_close,
    volume,
    exchange_volume,
    quote_volume,
    exchange_quote_volume,
    trade_count,
    exchange_trade_count,
    taker_buy_volume,
    exchange_taker_buy_volume,
    taker_buy_quote_volume,
    exchange_taker_buy_quote_volume,
    first_trade_id,
    exchange_first_trade_id,
    last_trade_id,
    exchange_last_trade_id,
    price_variation
FROM
(
    SELECT
        symbol,
        interval,
        open_time,
        max(c.close_time) AS close_time,
        max(is_own) AS is_there,
        min(is_own) = false AS exchange_is_there,
        anyIf(c.status, is_own) AS status,
        anyIf(c.revision, is_own) AS revision,
        anyIf(c.price_variation, is_own) AS price_variation,
        argMinIf(c.source, rank, NOT is_own) AS exchange_source,
        argMinIf(c.revision, rank, NOT is_own) AS exchange_revision,
        anyIf(c.open, is_own) AS open,
        anyIf(c.high, is_own) AS high,
        anyIf(c.low, is_own) AS low,
        anyIf(c.close, is_own) AS close,
        anyIf(c.volume, is_own) AS volume,
        anyIf(c.quote_volume, is_own) AS quote_volume,
        anyIf(c.trade_count, is_own) AS trade_count,
        anyIf(c.taker_buy_volume, is_own) AS taker_buy_volume,
        anyIf(c.taker_buy_quote_volume, is_own) AS taker_buy_quote_volume,
        anyIf(c.first_trade_id, is_own) AS first_trade_id,
        anyIf(c.last_trade_id, is_own) AS last_trade_id,
        argMinIf(c.open, rank, NOT is_own) AS exchange_open,
        argMinIf(c.high, rank, NOT is_own) AS exchange_high,
        argMinIf(c.low, rank, NOT is_own) AS exchange_low,
        argMinIf(c.close, rank, NOT is_own) AS exchange_close,
        argMinIf(c.volume, rank, NOT is_own) AS exchange_volume,
        argMinIf(c.quote_volume, rank, NOT is_own) AS exchange_quote_volume,
        argMinIf(c.trade_count, rank, NOT is_own) AS exchange_trade_count,
        argMinIf(c.taker_buy_volume, rank, NOT is_own) AS exchange_taker_buy_volume,
        argMinIf(c.taker_buy_quote_volume, rank, NOT is_own) AS exchange_taker_buy_quote_volume,
        maxIf(c.first_trade_id, NOT is_own) AS exchange_first_trade_id,
        maxIf(c.last_trade_id, NOT is_own) AS exchange_last_trade_id
    FROM
    (
        SELECT symbol, interval, open_time, close_time, open, high, low, close, volume, quote_volume, trade_count,
        taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, price_variation, status, revision, source, true AS is_own, 0 AS rank
        FROM candles FINAL
        UNION ALL
        SELECT symbol, interval, open_time, close_time, open, high, low, close, volume, quote_volume, trade_count,
        taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, price_variation, status, revision, source, false AS is_own, rank
        FROM klines FINAL
    ) AS c
    GROUP BY symbol, interval, open_time
);

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
        taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source, rank
    FROM candles FINAL
    UNION ALL
    SELECT symbol, interval, open_time, close_time, open, high, low, close, volume, quote_volume, trade_count,
        taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source, rank
    FROM klines FINAL
) AS c
GROUP BY symbol, interval, open_time;

-- Longer candles made from the shorter ones of candles_best, exactly: first open, highest high,
-- lowest low, last close, sums. Intervals begin at multiples of their length since 1970 UTC.
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
