-- quarters_compared as before, and a minute that is held counts once though a hole says that it never was: such
-- quarters were never compared, as they had 16 minutes.
--
-- The exchange's 15m candles beside what their fifteen 1m candles add up to, field by field: one row a
-- 15m candle whose minutes are all held, or officially without a candle.
--
-- differs: names of the fields that are not equal; said and made: their values in the 15m candle and
-- from the minutes. sources and minute_sources: where the best candles come from, all_sources: everything
-- that has one of them. A minute in which nothing was traded has no part in prices.
-- Where a price times a quantity has more than 8 decimals, quote volumes may differ by 1e-8 a trade.
-- Parameters: symbol, from_ms, until_ms (opening times, half-open): only those rows are read.
CREATE OR REPLACE VIEW quarters_compared AS
WITH
    price_places + volume_places > 8 AS is_rounded,
    if(is_rounded, said_count * toDecimal128('0.00000001', 8), toDecimal128(0, 8)) AS allowance,
    [
        ('open', said_open != made_open, toString(said_open), toString(made_open)),
        ('high', said_high != made_high, toString(said_high), toString(made_high)),
        ('low', said_low != made_low, toString(said_low), toString(made_low)),
        ('close', said_close != made_close, toString(said_close), toString(made_close)),
        ('volume', said_volume != made_volume, toString(said_volume), toString(made_volume)),
        ('quote_volume', abs(said_quote - made_quote) > allowance, toString(said_quote), toString(made_quote)),
        ('trade_count', said_count != made_count, toString(said_count), toString(made_count)),
        ('taker_buy_volume', said_taker != made_taker, toString(said_taker), toString(made_taker)),
        ('taker_buy_quote_volume', abs(said_taker_quote - made_taker_quote) > allowance, toString(said_taker_quote), toString(made_taker_quote))
    ] AS fields,
    arrayFilter(field -> field.2, fields) AS wrong
SELECT
    {symbol:String} AS symbol,
    open_time,
    arrayMap(field -> field.1, wrong) AS differs,
    arrayMap(field -> field.3, wrong) AS said,
    arrayMap(field -> field.4, wrong) AS made,
    source AS sources,
    minute_sources,
    all_sources,
    q.stored_time AS stored_time
FROM
(
    SELECT
        toDateTime64(toStartOfInterval(at, toIntervalMinute(15)), 3, 'UTC') AS open_time,
        groupArrayIf(toUInt32(at), is_minute) AS minutes,
        countIf(NOT is_minute) AS quarters,
        max(stored) AS stored_time,
        arraySort(groupUniqArrayArray(all_of_candle)) AS all_sources,
        anyIf(best_source, NOT is_minute) AS source,
        arraySort(groupUniqArrayIf(best_source, is_minute)) AS minute_sources,
        countIf(is_minute AND traded) > 0 AS is_traded,
        anyIf(o, NOT is_minute) AS said_open,
        anyIf(h, NOT is_minute) AS said_high,
        anyIf(l, NOT is_minute) AS said_low,
        anyIf(c, NOT is_minute) AS said_close,
        anyIf(v, NOT is_minute) AS said_volume,
        anyIf(q, NOT is_minute) AS said_quote,
        anyIf(n, NOT is_minute) AS said_count,
        anyIf(tv, NOT is_minute) AS said_taker,
        anyIf(tq, NOT is_minute) AS said_taker_quote,
        max(arrayMax(price -> length(splitByChar('.', toString(price))[2]), [o, h, l, c])) AS price_places,
        max(arrayMax(volume -> length(splitByChar('.', toString(volume))[2]), [v, tv])) AS volume_places,
        if(is_traded, argMinIf(o, at, is_minute AND traded), argMinIf(o, at, is_minute)) AS made_open,
        if(is_traded, maxIf(h, is_minute AND traded), maxIf(h, is_minute)) AS made_high,
        if(is_traded, minIf(l, is_minute AND traded), minIf(l, is_minute)) AS made_low,
        if(is_traded, argMaxIf(c, at, is_minute AND traded), argMaxIf(c, at, is_minute)) AS made_close,
        sumIf(v, is_minute) AS made_volume,
        sumIf(q, is_minute) AS made_quote,
        sumIf(n, is_minute) AS made_count,
        sumIf(tv, is_minute) AS made_taker,
        sumIf(tq, is_minute) AS made_taker_quote
    FROM
    (
        SELECT
            interval = '1m' AS is_minute,
            k.open_time AS at,
            max(k.stored_time) AS stored,
            groupUniqArray(toString(k.source)) AS all_of_candle,
            argMin(toString(k.source), k.rank) AS best_source,
            argMin(k.open, k.rank) AS o,
            argMin(k.high, k.rank) AS h,
            argMin(k.low, k.rank) AS l,
            argMin(k.close, k.rank) AS c,
            argMin(k.volume, k.rank) AS v,
            argMin(k.quote_volume, k.rank) AS q,
            argMin(k.trade_count, k.rank) AS n,
            n > 0 AS traded,
            argMin(k.taker_buy_volume, k.rank) AS tv,
            argMin(k.taker_buy_quote_volume, k.rank) AS tq
        FROM
        (
            SELECT *, rank
            FROM klines FINAL
            WHERE symbol = {symbol:String} AND interval IN ('1m', '15m')
                AND open_time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
                AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS k
        GROUP BY interval, at
    )
    GROUP BY open_time
    HAVING quarters = 1
) AS q
LEFT JOIN
(
    SELECT toStartOfInterval(toDateTime(seconds, 'UTC'), toIntervalMinute(15)) AS quarter, groupUniqArray(seconds) AS absent
    FROM holes FINAL
    ARRAY JOIN range(toUInt32(open_time), toUInt32(close_time), 60) AS seconds
    WHERE symbol = {symbol:String} AND interval = '1m' AND kind = 'official'
        AND close_time > fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    GROUP BY quarter
) AS h ON toDateTime(q.open_time) = h.quarter
WHERE notEmpty(minutes) AND length(arrayDistinct(arrayConcat(minutes, absent))) = 15;
