"""Conversion of Binance's decimal strings and times to integers, without floats."""

from collections.abc import Sequence
from typing import Final

MAX_DIGITS: Final = 38  # the limit in the candle contract, also for volumes
MAX_INT64: Final = 2**63 - 1
_PLACES: Final = 8
FIRST_MICROSECOND: Final = 10**14  # as milliseconds this would be the year 5138


def to_e8(text: str) -> int:
    """Convert a decimal string, for example ``0.00120000``, to units of 1e-8.

    Raises:
        ValueError: Not a plain unsigned decimal, finer than 1e-8, or absurdly long.
    """
    if type(text) is not str:
        raise ValueError(f"{text!r} is not a decimal string")
    whole, _, fraction = text.partition(".")
    if len(fraction) > _PLACES:
        kept, rest = fraction[:_PLACES], fraction[_PLACES:]
        if rest.strip("0"):
            raise ValueError(f"{text!r} is finer than 1e-8")
        fraction = kept
    digits = whole + fraction.ljust(_PLACES, "0")
    if not whole or not digits.isdecimal() or not digits.isascii() or len(digits) > MAX_DIGITS:
        raise ValueError(f"{text!r} is not a plain decimal")
    return int(digits)


def plain_e8(texts: Sequence[str]) -> list[int] | None:
    """Convert at least one decimal string with all eight places; None if any is another value.

    For these it returns what `to_e8` returns of each; many cost half of that.
    """
    try:
        joined = ",".join(texts)
        points = [text[-9] for text in texts].count(".")
    except (IndexError, TypeError):
        return None
    digits = joined.replace(".", "")
    plain = digits.replace(",", "")
    # One look at all of them: each has one point, and between them are the only commas.
    are_plain = (
        points == len(joined) - len(digits) == len(texts) == len(digits) - len(plain) + 1
        and plain.isdecimal()
        and plain.isascii()
        and min(map(len, texts)) > _PLACES + 1
        and max(map(len, texts)) <= MAX_DIGITS
    )
    return [int(number) for number in digits.split(",")] if are_plain else None


def in_int64(value: int) -> int:
    """Return an integer from JSON, after checking that it is -1 or more and fits into 64 bits.

    Raises:
        ValueError: It is not an integer, or it does not fit.
    """
    if type(value) is not int or not -1 <= value <= MAX_INT64:
        raise ValueError(f"{value!r} is not a 64-bit id, time or amount")
    return value


def to_ms(time: int) -> int:
    """Convert a time in milliseconds or microseconds to milliseconds.

    Source: binance-public-data, README: spot files are in microseconds from 2025-01-01.
    """
    in_int64(time)
    return time // 1000 if time >= FIRST_MICROSECOND else time
