-- completeness as before, and what no row explains after the end of trading is counted as ended_holes. It was
-- reckoned in completeness_traded, which took all of that time for missing: for each candle that is held there,
-- or in a hole, one that was missing before the end was hidden.
--
-- What is held of each symbol, interval and month, from the first candle that is held or was listed
-- to the last one that closed a minute ago:
-- expected = held + official_holes + unproven_holes + irregular_holes + ended_holes + missing.
--
-- held: the exchange's candle or one of ours in which nothing is missing. official_holes: the
-- exchange itself has no candle, as its trade ids show. irregular_holes: it has rows there that are no
-- candles (irregular_rows). ended_holes: after the last trade of a symbol that is not traded any more, as
-- its candles show or the exchange says (symbols_now).
-- unproven_holes: it has none either, and nobody could show why. missing: the exchange has it and we do
-- not; gapped of them are held from trades that miss some. verified, mismatched: candles from trades
-- beside the exchange's.
-- Candles are counted as bits of a compressed bitmap: a candle that comes twice counts once.
CREATE OR REPLACE VIEW completeness AS
WITH
    arrayMap(
        i -> toDate(addMonths(toStartOfMonth(toDateTime(first * length_s, 'UTC')), i)),
        range(toUInt32(dateDiff('month', toDateTime(first * length_s, 'UTC'), toDateTime((until - 1) * length_s, 'UTC'), 'UTC') + 1))
    ) AS all_months,
    arrayFirst(row -> row.1 = shown, months) AS counts,
    greatest(first, intDiv(toUnixTimestamp(toDateTime(shown, 'UTC')), length_s)) AS begin,
    least(until, intDiv(toUnixTimestamp(toDateTime(addMonths(shown, 1), 'UTC')), length_s)) AS end,
    greatest(end - greatest(begin, untraded), 0) AS untraded_count
SELECT
    symbol,
    interval,
    shown AS month,
    end - begin AS expected,
    counts.2 AS held,
    counts.3 AS official_holes,
    counts.4 AS unproven_holes,
    counts.8 AS irregular_holes,
    toUInt64(counts.9 + untraded_count - counts.10) AS ended_holes,
    expected - held - official_holes - unproven_holes - irregular_holes - ended_holes AS missing,
    counts.5 AS gapped,
    counts.6 AS verified,
    counts.7 AS mismatched
FROM
(
    WITH
        least(m.until, intDiv(toUInt32(not_trading_since), m.length_s) + 1) AS end_index,
        toUInt32(ifNull(end_index, m.until)) AS untraded_index
    SELECT
        m.symbol AS symbol,
        interval,
        any(m.length_s) AS length_s,
        any(m.until) AS until,
        min(first_index) AS first,
        any(untraded_index) AS untraded,
        groupArray((month, held_count, official_count, unproven_count, gapped_count, verified_count, mismatched_count, irregular_count, ended_count, bitmapCardinality(bitmapSubsetInRange(told_bits, untraded_index, m.until)))) AS months
    FROM
    (
        SELECT
            symbol,
            interval,
            toStartOfMonth(toDateTime(index * f.length_s, 'UTC')) AS month,
            any(f.length_s) AS length_s,
            any(f.until) AS until,
            minIf(index, fact IN (1, 2, 3, 7, 8)) AS earliest,
            if(countIf(fact IN (1, 2, 3, 7, 8)) = 0, any(f.until), earliest) AS first_index,
            groupBitmapStateIf(index, fact = 1) AS held_bits,
            groupBitmapStateIf(index, fact = 2) AS gapped_bits,
            groupBitmapStateIf(index, fact = 3) AS official_bits,
            groupBitmapStateIf(index, fact = 4) AS unproven_bits,
            groupBitmapStateIf(index, fact = 8) AS irregular_bits,
            groupBitmapStateIf(index, fact = 9) AS ended_bits,
            bitmapOr(held_bits, official_bits) AS traded_bits,
            bitmapOr(traded_bits, irregular_bits) AS regular_bits,
            bitmapOr(regular_bits, ended_bits) AS explained_bits,
            bitmapOr(explained_bits, unproven_bits) AS told_bits,
            bitmapCardinality(held_bits) AS held_count,
            bitmapAndnotCardinality(official_bits, held_bits) AS official_count,
            bitmapAndnotCardinality(irregular_bits, traded_bits) AS irregular_count,
            bitmapAndnotCardinality(ended_bits, regular_bits) AS ended_count,
            bitmapAndnotCardinality(unproven_bits, explained_bits) AS unproven_count,
            bitmapAndnotCardinality(gapped_bits, told_bits) AS gapped_count,
            countIf(fact = 5) AS verified_count,
            countIf(fact = 6) AS mismatched_count
        FROM
        (
            SELECT
                symbol,
                interval,
                fact,
                transform(interval, ['1m', '5m', '15m', '1h', '4h', '1d'], [60, 300, 900, 3600, 14400, 86400], 0) AS length_s,
                toUInt32(intDiv(seconds, length_s)) AS index,
                toUInt32(intDiv(toUnixTimestamp(now()) - 60, length_s)) AS until
            FROM
            (
                SELECT symbol, interval, toUInt32(open_time) AS seconds, 1 AS fact
                FROM klines
                UNION ALL
                SELECT symbol, interval, toUInt32(open_time) AS seconds, if(status = 'gapped', 2, 1) AS fact
                FROM candles FINAL
                UNION ALL
                SELECT symbol, interval, seconds, transform(toString(kind), ['official', 'irregular', 'ended'], [3, 8, 9], 4) AS fact
                FROM holes FINAL
                ARRAY JOIN range(
                    toUInt32(open_time),
                    toUInt32(close_time),
                    toUInt32(transform(interval, ['1m', '5m', '15m', '1h', '4h', '1d'], [60, 300, 900, 3600, 14400, 86400], 86400))
                ) AS seconds
                WHERE kind != 'unlisted'
                UNION ALL
                SELECT symbol, interval, toUInt32(greatest(close_time, ifNull(after_time, close_time))) AS seconds, 7 AS fact
                FROM holes FINAL
                WHERE kind = 'unlisted'
                UNION ALL
                SELECT symbol, interval, toUInt32(open_time) AS seconds, if(result = 'verified', 5, 6) AS fact
                FROM audit
                WHERE result IN ('verified', 'mismatch')
            )
            WHERE length_s > 0 AND index < until
        ) AS f
        GROUP BY symbol, interval, month
    ) AS m
    LEFT JOIN
    (
        SELECT symbol, not_trading_since
        FROM symbols_now
        WHERE not_trading_since IS NOT NULL
    ) AS s ON m.symbol = s.symbol
    GROUP BY symbol, interval
    HAVING first < until
)
ARRAY JOIN all_months AS shown;

-- completeness with not_trading_since: time of the newest trade of a symbol that is not traded (see
-- symbols_now), null for one that is. Candles after it are not missing but ended_holes.
CREATE OR REPLACE VIEW completeness_traded AS
SELECT
    c.symbol AS symbol,
    c.interval AS interval,
    c.month AS month,
    c.expected AS expected,
    c.held AS held,
    c.official_holes AS official_holes,
    c.unproven_holes AS unproven_holes,
    c.irregular_holes AS irregular_holes,
    c.ended_holes AS ended_holes,
    c.missing AS missing,
    c.gapped AS gapped,
    c.verified AS verified,
    c.mismatched AS mismatched,
    s.not_trading_since AS not_trading_since
FROM completeness AS c
LEFT JOIN
(
    SELECT symbol, not_trading_since
    FROM symbols_now
    WHERE not_trading_since IS NOT NULL
) AS s ON c.symbol = s.symbol;
