-- Symbols that have candles from trades; a table of one row a symbol, so that the list is there at once.
SELECT DISTINCT symbol FROM symbol_decimals ORDER BY symbol
