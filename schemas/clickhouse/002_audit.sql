-- Our closed candles against the exchange's own, field by field: one row a candle.
--
-- result: verified, mismatch (see differs), gapped (ids are missing, ours says so itself),
-- only-ours (no kline yet), only-exchange (no candle of ours).
-- The exchange's kline is the one of REST or else of the daily archive, the stream, the monthly
-- archive. Only the stream knows trade ids, so they are compared where it has the kline.
-- Quote volumes are compared exactly, but where a price times a quantity of the symbol has more
-- than 8 decimals each trade may be rounded: then by at most 1e-8 a trade.
CREATE OR REPLACE VIEW audit AS
WITH
    chosen AS
    (
        SELECT
            symbol,
            interval,
            open_time,
            argMin(source, rank) AS source,
            argMin(k.open, rank) AS open,
            argMin(k.high, rank) AS high,
            argMin(k.low, rank) AS low,
            argMin(k.close, rank) AS close,
            argMin(k.volume, rank) AS volume,
            argMin(k.quote_volume, rank) AS quote_volume,
            argMin(k.trade_count, rank) AS trade_count,
            argMin(k.taker_buy_volume, rank) AS taker_buy_volume,
            argMin(k.taker_buy_quote_volume, rank) AS taker_buy_quote_volume,
            max(k.first_trade_id) AS first_trade_id,
            max(k.last_trade_id) AS last_trade_id,
            true AS is_there
        FROM
        (
            SELECT *, indexOf(['rest', 'archive-daily', 'stream', 'archive-monthly'], source) AS place,
                if(place = 0, 9, place) AS rank
            FROM klines FINAL
        ) AS k
        GROUP BY symbol, interval, open_time
    ),
    own AS
    (
        SELECT *, true AS is_there FROM candles FINAL
    ),
    precision AS
    (
        SELECT
            symbol,
            max(length(splitByChar('.', trim(TRAILING '0' FROM toString(close)))[2]))
                + max(length(splitByChar('.', trim(TRAILING '0' FROM toString(volume)))[2])) > 8
                AS is_rounded
        FROM candles
        GROUP BY symbol
    )
SELECT * EXCEPT (ids_known, allowance, differing)
FROM
(
    SELECT
        symbol,
        interval,
        open_time,
        ours.status AS status,
        ours.revision AS revision,
        theirs.source AS exchange_source,
        multiIf(
            NOT ours.is_there, 'only-exchange',
            NOT theirs.is_there, 'only-ours',
            ours.status = 'gapped', 'gapped',
            notEmpty(differs), 'mismatch',
            'verified'
        ) AS result,
        theirs.first_trade_id >= 0 OR theirs.trade_count = 0 AS ids_known,
        if(precision.is_rounded, ours.trade_count * toDecimal128('0.00000001', 8), toDecimal128(0, 8)) AS allowance,
        arrayFilter(
            name -> name != '',
            [
                if(ours.open != theirs.open, 'open', ''),
                if(ours.high != theirs.high, 'high', ''),
                if(ours.low != theirs.low, 'low', ''),
                if(ours.close != theirs.close, 'close', ''),
                if(ours.volume != theirs.volume, 'volume', ''),
                if(abs(ours.quote_volume - theirs.quote_volume) > allowance, 'quote_volume', ''),
                if(ours.trade_count != theirs.trade_count, 'trade_count', ''),
                if(ours.taker_buy_volume != theirs.taker_buy_volume, 'taker_buy_volume', ''),
                if(abs(ours.taker_buy_quote_volume - theirs.taker_buy_quote_volume) > allowance, 'taker_buy_quote_volume', ''),
                if(ids_known AND ours.first_trade_id != theirs.first_trade_id, 'first_trade_id', ''),
                if(ids_known AND ours.last_trade_id != theirs.last_trade_id, 'last_trade_id', '')
            ]
        ) AS differing,
        if(ours.is_there AND theirs.is_there, differing, []) AS differs,
        ours.open AS open,
        theirs.open AS exchange_open,
        ours.high AS high,
        theirs.high AS exchange_high,
        ours.low AS low,
        theirs.low AS exchange_low,
        ours.close AS close,
        theirs.close AS exchange_close,
        ours.volume AS volume,
        theirs.volume AS exchange_volume,
        ours.quote_volume AS quote_volume,
        theirs.quote_volume AS exchange_quote_volume,
        ours.trade_count AS trade_count,
        theirs.trade_count AS exchange_trade_count,
        ours.taker_buy_volume AS taker_buy_volume,
        theirs.taker_buy_volume AS exchange_taker_buy_volume,
        ours.taker_buy_quote_volume AS taker_buy_quote_volume,
        theirs.taker_buy_quote_volume AS exchange_taker_buy_quote_volume,
        ours.first_trade_id AS first_trade_id,
        theirs.first_trade_id AS exchange_first_trade_id,
        ours.last_trade_id AS last_trade_id,
        theirs.last_trade_id AS exchange_last_trade_id
    FROM own AS ours
    FULL OUTER JOIN chosen AS theirs USING (symbol, interval, open_time)
    LEFT JOIN precision USING (symbol)
)
