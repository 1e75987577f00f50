"""Checks of single values, shared by all records. Pure; every check raises ValueError."""

import math
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final

EARLIEST_MS: Final = 1_230_768_000_000  # 2009-01-01: no market of a coin is older
LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01: ClickHouse's 32-bit dates end soon after
UNKNOWN_MS: Final = -1
LARGEST_ID: Final = 2**62  # far beyond any id, and sums with it stay below 64 bits
LARGEST_PRICE_E8: Final = 2**63 - 1
LARGEST_AMOUNT_E8: Final = 10**38 - 1  # the largest Decimal(38, 8)
LONGEST_SYMBOL: Final = 64
LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 100_000
_KNOWN_SYMBOLS: Final = 4096  # their checks are cached: every record has a symbol


def check_time(name: str, time_ms: int) -> None:
    """Refuse a time outside of the years 2009 to 2099."""
    if not EARLIEST_MS <= time_ms < LATEST_MS:
        raise ValueError(f"{name} {time_ms} ms is not between 2009 and 2100")


def check_time_or_unknown(name: str, time_ms: int) -> None:
    """Refuse a time that is neither in 2009 to 2099 nor -1 for unknown."""
    if time_ms != UNKNOWN_MS:
        check_time(name, time_ms)


@lru_cache(_KNOWN_SYMBOLS)
def check_symbol(symbol: str) -> None:
    """Refuse a symbol that is not 1 to 64 letters and digits of Unicode, in NFC."""
    if not symbol.isalnum() or len(symbol) > LONGEST_SYMBOL:
        raise ValueError(f"symbol {short(symbol)} is not 1 to {LONGEST_SYMBOL} letters and digits")
    if not unicodedata.is_normalized("NFC", symbol):
        raise ValueError(f"symbol {short(symbol)} is not in Unicode's NFC form")


def is_symbol(symbol: str) -> bool:
    """Tell whether a symbol passes `check_symbol`."""
    try:
        check_symbol(symbol)
    except ValueError:
        return False
    return True


def check_name(name: str, text: str) -> None:
    """Refuse a name that is empty, unprintable or longer than 200 characters."""
    if not 0 < len(text) <= LONGEST_NAME or not text.isprintable():
        raise ValueError(f"{name} {short(text)} is not 1 to {LONGEST_NAME} printable characters")


def check_text(name: str, text: str) -> None:
    """Refuse a text of more than 100,000 characters."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{name} has {len(text)} characters, {LONGEST_TEXT} are allowed")


def check_one_of(name: str, text: str, known: type[StrEnum]) -> None:
    """Refuse a word that is not a member of ``known``."""
    if text not in _members_of(known):
        raise ValueError(f"{name} {short(text)} is none of {', '.join(known)}")


@cache
def _members_of(known: type[StrEnum]) -> frozenset[str]:
    return frozenset(known)


def check_range(name: str, value: float, least: float, most: float) -> None:
    """Refuse a number outside of ``[least, most]``, and NaN."""
    if not least <= value <= most:
        raise ValueError(f"{name} {value} is not between {least} and {most}")


def check_finite(names: Iterable[str], record: object) -> None:
    """Refuse NaN and infinity in the named attributes."""
    for name in names:
        if not math.isfinite(getattr(record, name)):
            raise ValueError(f"{name} is {getattr(record, name)}")


def short(text: str) -> str:
    """Quote a text for an error message, and cut it after 40 characters."""
    most = 40
    return repr(text) if len(text) <= most else f"{text[:most]!r}… ({len(text)} characters)"
