-- What is held of each symbol and UTC day as one SHA-256 over its 1m candles: two stores that hold the
-- same candles show the same one, wherever they have them from. It is NULL unless all 1,440 candles are
-- held, none of them gapped, and the exchange had no outage.
--
-- The text that is hashed has one line a candle, oldest first, each with a line end: open_time in
-- milliseconds, open, high, low, close, volume, quote_volume, trade_count, taker_buy_volume and
-- taker_buy_quote_volume, with commas between them. Decimals are plain: no exponent, no trailing zeros.
-- Both quote volumes are left empty where the day's prices and volumes have together more than 8
-- decimals, because there the exchange rounds them. schemas/day_digest.py does the same.
-- Name a symbol and a range of day: only those rows are read.
CREATE OR REPLACE VIEW day_digests AS
SELECT
    symbol,
    day,
    candles,
    if(
        candles = 1440 AND (symbol, day) NOT IN
        (
            SELECT symbol, arrayJoin(arrayMap(n -> toDate(n), range(toUInt32(toDate(open_time)), toUInt32(toDate(close_time - toIntervalMillisecond(1))) + 1))) AS day
            FROM holes FINAL
            WHERE interval = '1m' AND kind = 'official'
        ),
        lower(hex(SHA256(arrayStringConcat(arrayMap(
            line -> concat(line.2, if(is_exact, line.3, ''), line.4, if(is_exact, line.5, ''), '\n'),
            arraySort(lines)
        ))))),
        NULL
    ) AS sha256
FROM
(
    SELECT
        symbol,
        toDate(open_time) AS day,
        countIf(status != 'gapped') AS candles,
        max(length(splitByChar('.', toString(open))[2])) AS open_places,
        max(length(splitByChar('.', toString(high))[2])) AS high_places,
        max(length(splitByChar('.', toString(low))[2])) AS low_places,
        max(length(splitByChar('.', toString(close))[2])) AS close_places,
        max(length(splitByChar('.', toString(volume))[2])) AS volume_places,
        max(length(splitByChar('.', toString(taker_buy_volume))[2])) AS taker_places,
        greatest(open_places, high_places, low_places, close_places) + greatest(volume_places, taker_places) <= 8 AS is_exact,
        groupArray((
            toUnixTimestamp64Milli(open_time),
            concat(
                toString(toUnixTimestamp64Milli(open_time)), ',', toString(open), ',', toString(high), ',',
                toString(low), ',', toString(close), ',', toString(volume), ','
            ),
            toString(quote_volume),
            concat(',', toString(trade_count), ',', toString(taker_buy_volume), ','),
            toString(taker_buy_quote_volume)
        )) AS lines
    FROM candles_best
    WHERE interval = '1m'
    GROUP BY symbol, day
);
