-- completeness, where the exchange trades no more: candles after the newest trade of a symbol that
-- is not traded (see symbols_now) are neither expected nor missing. not_trading_since is null for
-- a symbol that is traded.
CREATE OR REPLACE VIEW completeness_traded AS
WITH
    transform(c.interval, ['1m', '5m', '15m', '30m', '1h', '4h', '1d'], [60, 300, 900, 1800, 3600, 14400, 86400], 86400) AS length_s,
    intDiv(toUnixTimestamp(ifNull(s.not_trading_since, now64(3))), length_s) + 1 AS end_index,
    least(
        intDiv(toUnixTimestamp(now()) - 60, length_s),
        intDiv(toUnixTimestamp(toDateTime(addMonths(c.month, 1), 'UTC')), length_s)
    ) AS until,
    greatest(end_index, intDiv(toUnixTimestamp(toDateTime(c.month, 'UTC')), length_s)) AS begin,
    if(isNull(s.not_trading_since), 0, least(greatest(c.missing, 0), greatest(until - begin, 0))) AS ended
SELECT
    c.symbol AS symbol,
    c.interval AS interval,
    c.month AS month,
    c.expected - ended AS expected,
    c.held AS held,
    c.official_holes AS official_holes,
    c.unproven_holes AS unproven_holes,
    c.irregular_holes AS irregular_holes,
    c.ended_holes AS ended_holes,
    c.missing - ended AS missing,
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
