"""What a valid value is, whatever record holds it. Pure; every check raises ValueError."""

import math
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final

EARLIEST_MS: Final = 1_230_768_000_000  # 2009-01-01: no market of a coin is older
LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01: ClickHouse's 32-bit dates end soon after
UNKNOWN_MS: Final = -1
LARGEST_ID: Final = 2**62  # far beyond any id, and sums with it stay below 64 bits
LARGEST_PRICE_E8: Final = 2**63 - 1
LARGEST_AMOUNT_E8: Final = 10**38 - 1  # what a Decimal(38, 8) holds
LONGEST_SYMBOL: Final = 64
LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 100_000
_KNOWN_SYMBOLS: Final = 4096  # their check is remembered: it stands in every record


def check_time(name: str, time_ms: int) -> None:
    """Refuse what is no moment of 2009 to 2099."""
    if not EARLIEST_MS <= time_ms < LATEST_MS:
        raise ValueError(f"{name} {time_ms} ms is not between 2009 and 2100")


def check_time_or_unknown(name: str, time_ms: int) -> None:
    """Refuse what is neither a moment nor -1."""
    if time_ms != UNKNOWN_MS:
        check_time(name, time_ms)


@lru_cache(_KNOWN_SYMBOLS)
def check_symbol(symbol: str) -> None:
    """Refuse what is no symbol: 1 to 64 letters and digits of Unicode, in NFC."""
    if not symbol.isalnum() or len(symbol) > LONGEST_SYMBOL:
        raise ValueError(f"symbol {short(symbol)} is not 1 to {LONGEST_SYMBOL} letters and digits")
    if not unicodedata.is_normalized("NFC", symbol):
        raise ValueError(f"symbol {short(symbol)} is not in Unicode's form NFC")


def check_name(name: str, text: str) -> None:
    """Refuse an empty, long or unprintable name."""
    if not 0 < len(text) <= LONGEST_NAME or not text.isprintable():
        raise ValueError(f"{name} {short(text)} is not 1 to {LONGEST_NAME} printable characters")


def check_text(name: str, text: str) -> None:
    """Refuse a text that nobody would read to its end."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{name} has {len(text)} characters, {LONGEST_TEXT} are allowed")


def check_one_of(name: str, text: str, known: type[StrEnum]) -> None:
    """Refuse a word that is not in the list."""
    if text not in known.__members__.values():
        raise ValueError(f"{name} {short(text)} is none of {', '.join(known)}")


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
    """Return a text fit for an error: quoted, and cut where it is long."""
    most = 40
    return repr(text) if len(text) <= most else f"{text[:most]!r}… ({len(text)} characters)"
