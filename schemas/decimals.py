"""Decimal numbers as people write them: no exponent, no trailing zeros."""


def plain(value: int, *, places: int = 8) -> str:
    """Format ``value`` times 10 to the ``-places`` as a decimal without trailing zeros."""
    whole, part = divmod(abs(value), 10**places)
    digits = f"{part:0{places}d}".rstrip("0")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
