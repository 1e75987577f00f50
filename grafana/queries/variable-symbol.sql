-- Symbols that have candles from trades; read from a table of one row per symbol, which is fast.
SELECT DISTINCT symbol FROM symbol_decimals ORDER BY symbol
