-- What a trade was worth, exactly. price * quantity is a Decimal(18, 16) there, which overflows at 92.
ALTER TABLE trades ADD COLUMN IF NOT EXISTS quote Decimal(38, 16) ALIAS toDecimal128(price, 8) * quantity;
