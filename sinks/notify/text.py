"""Numbers and times as messages show them."""

from datetime import UTC, datetime
from decimal import Decimal


def price_text(price_e8: int) -> str:
    """Return a price without needless zeros, at least two decimals: ``114,072.50``."""
    number = Decimal(price_e8).scaleb(-8)
    whole, _, decimals = f"{number:,.8f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def number_text(value: float) -> str:
    """Return a number with at most two decimals and no needless zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def time_text(at_ms: int) -> str:
    """Return a time of UTC to the minute: ``2026-03-04 12:05 UTC``."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def duration_text(milliseconds: int) -> str:
    """Return a duration in minutes, or in hours from two hours on."""
    minutes = milliseconds // 60_000
    if minutes >= 120:  # noqa: PLR2004 - two hours
        return f"{minutes // 60} hours"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def counted(count: int, word: str, plural: str | None = None) -> str:
    """Return a number with its noun: ``1 candle``, ``3 candles``."""
    return f"{count:,} {word if count == 1 else plural or word + 's'}"
