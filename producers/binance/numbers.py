"""Binance's decimal strings and times to integers. No float on the way."""

from typing import Final

MAX_DIGITS: Final = 38  # of the contract of candles, volumes included
MAX_INT64: Final = 2**63 - 1
FIRST_MICROSECOND: Final = 10**14  # as milliseconds this would be the year 5138


def to_e8(text: str) -> int:
    """Return a decimal string, for example ``0.00120000``, in units of 1e-8.

    Raises:
        ValueError: Not a plain unsigned decimal, finer than 1e-8, or absurdly long.
    """
    if type(text) is not str:
        raise ValueError(f"{text!r} is not a decimal string")
    whole, _, fraction = text.partition(".")
    if len(fraction) > 8:  # noqa: PLR2004 - eight decimals make the unit
        kept, rest = fraction[:8], fraction[8:]
        if rest.strip("0"):
            raise ValueError(f"{text!r} is finer than 1e-8")
        fraction = kept
    digits = whole + fraction.ljust(8, "0")
    if not whole or not digits.isdecimal() or not digits.isascii() or len(digits) > MAX_DIGITS:
        raise ValueError(f"{text!r} is not a plain decimal")
    return int(digits)


def in_int64(value: int) -> int:
    """Return a JSON integer that fits a 64-bit column.

    Raises:
        ValueError: It is no integer or does not fit.
    """
    if type(value) is not int or not -1 <= value <= MAX_INT64:
        raise ValueError(f"{value!r} is not a 64-bit id, time or amount")
    return value


def to_ms(time: int) -> int:
    """Return a time in milliseconds, whether it came in milliseconds or in microseconds.

    Source: binance-public-data, README: spot files are in microseconds from 2025-01-01.
    """
    in_int64(time)
    return time // 1000 if time >= FIRST_MICROSECOND else time
