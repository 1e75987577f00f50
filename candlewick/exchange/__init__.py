"""A simulated Binance: one deterministic market behind its websockets, REST and archives."""
