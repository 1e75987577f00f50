-- symbols_now as before, and the newest record is the one that was stored last, as in Kafka: changed_time is the
-- clock of the process that made it, which may have been ahead. Of records that were stored together, changed_time
-- decides. What the newest record does not know is null: a second halt whose time is not known yet had that of the
-- first.
--
-- The symbols as they are now: followed or not, by whose choice, and how each is traded.
-- not_trading_since is null for a symbol that is traded.
CREATE OR REPLACE VIEW symbols_now AS
SELECT
    symbol,
    argMax(c.is_followed, (c.chosen_by = 'hand', c.stored_time, c.changed_time)) AS is_followed,
    argMax(c.chosen_by, (c.chosen_by = 'hand', c.stored_time, c.changed_time)) AS chosen_by,
    argMaxIf(c.status, (c.stored_time, c.changed_time), c.chosen_by = 'setting') AS status,
    if(status IN ('', 'TRADING'), NULL, argMaxIf(tuple(c.since_time), (c.stored_time, c.changed_time), c.chosen_by = 'setting').1) AS not_trading_since,
    argMaxIf(tuple(c.tick), (c.stored_time, c.changed_time), c.chosen_by = 'setting').1 AS tick,
    argMaxIf(tuple(c.step), (c.stored_time, c.changed_time), c.chosen_by = 'setting').1 AS step,
    argMaxIf(c.permissions, (c.stored_time, c.changed_time), c.chosen_by = 'setting') AS permissions,
    max(c.changed_time) AS changed_time,
    argMax(c.reason, (c.stored_time, c.changed_time)) AS reason
FROM symbol_changes AS c
GROUP BY symbol;
