-- Ids that begin again begin a new era of their symbol: the era is part of the key, so that no trade
-- and no gap of one era hides those of another. Rows from before are of era 0. Each statement is one
-- step for ClickHouse: what a process that was killed has not done, the next one does.
ALTER TABLE trades ADD COLUMN IF NOT EXISTS era Int32, MODIFY ORDER BY (symbol, agg_id, era);

-- The state `new-era` is no gap: both ids are the first one of the era.
ALTER TABLE gaps ADD COLUMN IF NOT EXISTS era Int32, MODIFY ORDER BY (symbol, first_agg_id, last_agg_id, state, era);
