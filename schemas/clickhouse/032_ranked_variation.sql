-- The predictor learns from the best candles too, and from how their prices moved inside.
ALTER TABLE candles_ranked ADD COLUMN IF NOT EXISTS price_variation Nullable(Decimal(38, 16)) AFTER last_trade_id;
