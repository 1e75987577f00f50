"""Short formats of numbers and durations for narrow columns."""

from decimal import Decimal

UNITS = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))


def decimals_of(prices: list[Decimal]) -> int:
    """Return the number of decimals that shows all these prices exactly, at least two.

    >>> decimals_of([Decimal("0.10230000"), Decimal("0.1")])
    4
    """
    exponents = (price.normalize().as_tuple().exponent for price in prices)
    return max(2, *(-e for e in exponents if isinstance(e, int)))


def short_amount(value: Decimal | float) -> str:
    """Format an amount with three digits and a unit (k, M or B) from 1,000 on.

    >>> short_amount(1234567), short_amount(Decimal("12.345")), short_amount(999.4)
    ('1.23M', '12.3', '999')
    """
    amount = float(value)
    for unit, letter in UNITS:
        if amount >= unit:
            return three_digits(amount / unit) + letter
    return three_digits(amount)


def three_digits(amount: float) -> str:
    """Format a number with three digits, or more if it has more before the point."""
    return f"{amount:.3g}" if amount < 99.95 else f"{amount:.0f}"  # noqa: PLR2004 - rounds to 100


def short_delay(milliseconds: float) -> str:
    """Format a delay in milliseconds, or in seconds from 10 s on.

    >>> short_delay(61.4), short_delay(12_345), short_delay(3_600_000)
    ('61 ms', '12.3 s', '3600 s')
    """
    if milliseconds < 10_000:  # noqa: PLR2004 - ten seconds
        return f"{milliseconds:.0f} ms"
    return f"{three_digits(milliseconds / 1000)} s"


def short_duration(seconds: float) -> str:
    """Format a duration with its two largest units.

    >>> short_duration(59.6), short_duration(192), short_duration(90061)
    ('60s', '3m 12s', '1d 1h')
    """
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes}m" if hours else f"{minutes}m {rest}s"


def marked(count: int, colour: str = "red") -> str:
    """Format a count of what should not be, coloured in a terminal from 1 on."""
    return f"[{colour}]{count:,}[/]" if count else "0"
