"""What `CANDLEWICK_SYMBOLS` may say: symbols in full, ``*USDT``, and ``top:50:USDT``. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from schemas.rules.checks import check_symbol
from schemas.timeframe import DAY_MS

KEPT_MS: Final = 7 * DAY_MS  # a symbol that falls out of the top stays so long: none flickers
_WILD: Final = frozenset("*?")
_TOP: Final = re.compile(r"TOP:([1-9][0-9]{0,3}):(\w{1,20})")
_SHORTEST: Final = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """A symbol of the exchange, as far as patterns ask.

    Attributes:
        quote_volume: Volume of the last 24 hours in the quote asset.
    """

    symbol: str
    quote: str
    quote_volume: float


@dataclass(frozen=True, slots=True)
class Top:
    """The most traded symbols of a quote asset."""

    most: int
    quote: str


def written(text: str) -> tuple[str, ...]:
    """Split the setting's text into its parts: in capitals, in NFC, each once."""
    parts = (unicodedata.normalize("NFC", part.strip()).upper() for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def check_part(part: str) -> None:
    """Refuse a part of the setting that is neither a symbol nor a pattern.

    Raises:
        ValueError: The message says what to write.
    """
    if top_of(part) is not None:
        return
    letters = "".join(letter for letter in part if letter not in _WILD)
    try:
        if letters:
            check_symbol(letters)
        if letters != part or len(part) >= _SHORTEST:
            return
    except ValueError:
        pass
    raise ValueError(
        f"{part!r} is not a symbol: write for example BTCUSDT,ETHUSDT or *USDT or top:50:USDT"
    )


def check_name(symbol: str) -> None:
    """Refuse what is not a symbol in full; raises ValueError as `check_part`."""
    if is_pattern(symbol):
        raise ValueError(f"{symbol!r} is a pattern, not a symbol: write for example BTCUSDT")
    check_part(symbol)


def is_pattern(part: str) -> bool:
    """Tell whether a part of the setting is a pattern."""
    return bool(_WILD & set(part)) or top_of(part) is not None


def top_of(part: str) -> Top | None:
    """Read ``TOP:50:USDT``; None if the part is something else."""
    found = _TOP.fullmatch(part)
    return Top(int(found[1]), found[2]) if found else None


def named_in(parts: Iterable[str]) -> tuple[str, ...]:
    """Return the symbols that the setting names in full."""
    return tuple(part for part in parts if not is_pattern(part))


def matched(
    parts: Iterable[str], listed: Iterable[Listed], held_ms: Mapping[str, int], *, now_ms: int
) -> dict[str, str]:
    """Return the symbols that patterns stand for, each with the pattern.

    Args:
        parts: Parts of the setting.
        listed: What the exchange trades now.
        held_ms: When each symbol that is followed was last among the top.
        now_ms: The present.
    """
    found: dict[str, str] = {}
    symbols = sorted(listed, key=lambda one: (-one.quote_volume, one.symbol))
    for part in filter(is_pattern, parts):
        top = top_of(part)
        if top is None:
            names = [one.symbol for one in symbols if fnmatchcase(one.symbol, part)]
        else:
            names = [one.symbol for one in symbols if one.quote == top.quote][: top.most]
        for name in names:
            found.setdefault(name, part)
    tops = [part for part in parts if top_of(part) is not None]
    quotes = {one.symbol: one.quote for one in symbols}
    for name, last_ms in held_ms.items():
        kept = [p for p in tops if (top := top_of(p)) and top.quote == quotes.get(name)]
        if kept and now_ms - last_ms < KEPT_MS:
            found.setdefault(name, f"{kept[0]} until a week ago")
    return found
