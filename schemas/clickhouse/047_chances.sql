-- The outer quantiles of a prediction, and the chance that its candle closes at or above its open.
-- Rows from before contract v2 have none. Each statement is one step for ClickHouse.
ALTER TABLE predictions
    ADD COLUMN IF NOT EXISTS low_98 Nullable(Decimal(38, 8)) AFTER volatility_bp,
    ADD COLUMN IF NOT EXISTS low_80 Nullable(Decimal(38, 8)) AFTER low_98,
    ADD COLUMN IF NOT EXISTS high_80 Nullable(Decimal(38, 8)) AFTER low_80,
    ADD COLUMN IF NOT EXISTS high_98 Nullable(Decimal(38, 8)) AFTER high_80,
    ADD COLUMN IF NOT EXISTS open Nullable(Decimal(38, 8)) AFTER high_98,
    ADD COLUMN IF NOT EXISTS chance_up Nullable(Float64) AFTER open,
    ADD COLUMN IF NOT EXISTS chance_champion Bool AFTER chance_up;

ALTER TABLE scores
    ADD COLUMN IF NOT EXISTS open Nullable(Decimal(38, 8)) AFTER covered_90,
    ADD COLUMN IF NOT EXISTS chance_up Nullable(Float64) AFTER open,
    ADD COLUMN IF NOT EXISTS up Nullable(Bool) AFTER chance_up,
    ADD COLUMN IF NOT EXISTS brier Nullable(Float64) AFTER up,
    ADD COLUMN IF NOT EXISTS log_loss Nullable(Float64) AFTER brier,
    ADD COLUMN IF NOT EXISTS pinball_nine_bp Nullable(Float64) AFTER log_loss,
    ADD COLUMN IF NOT EXISTS chance_champion Bool AFTER pinball_nine_bp;

-- Reliability of the chance by tenths: of the candles that were given 60 to 70 %, how many closed up?
-- A reliable model's share is its mean chance.
CREATE OR REPLACE VIEW reliability AS
SELECT
    symbol,
    model,
    toDate(open_time) AS day,
    toUInt8(least(floor(chance_up * 10), 9)) AS tenth,
    count() AS cases,
    avg(chance_up) AS mean_chance,
    avg(up) AS share_up,
    avg(brier) AS brier,
    avg(log_loss) AS log_loss
FROM scores FINAL
WHERE chance_up IS NOT NULL AND up IS NOT NULL
GROUP BY symbol, model, day, tenth;
