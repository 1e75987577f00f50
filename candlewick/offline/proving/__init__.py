"""Own candles for the past, from archives of trades."""
