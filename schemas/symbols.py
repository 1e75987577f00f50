"""Records of which symbols are followed and how each is traded. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

TRADING = "TRADING"
UNLISTED = "UNLISTED"  # ours: the exchange does not list the symbol
UNKNOWN = ""


class ChosenBy(StrEnum):
    """Who decides whether a symbol is followed; what is chosen by hand wins."""

    HAND = "hand"
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class SymbolChoice:
    """Whether a symbol is followed, by one of the two who decide, and how it is traded.

    The record of the setting is written by the stream for every symbol that it knows of; it has
    what the exchange says of the symbol, also where the choice by hand is another.

    Attributes:
        chosen_by: hand or setting.
        is_followed: Whether it shall be followed.
        status: The exchange's word, for example TRADING, HALT or BREAK; UNLISTED if it does not
            list the symbol; empty if not known, as always by hand.
        since_ms: If it is not traded: time of its newest trade, or when that was noticed. Else -1.
        matched_ms: When the setting last named it; -1 by hand.
        tick_e8: Smallest step of the price in 1e-8; None if not known.
        step_e8: Smallest step of the quantity in 1e-8; None if not known.
        permissions: What the exchange lets be done with it, for example SPOT; blanks between.
        changed_ms: When the record was made, our clock.
        reason: Why, for people.
    """

    symbol: str
    chosen_by: str
    is_followed: bool
    status: str
    since_ms: int
    matched_ms: int
    tick_e8: int | None
    step_e8: int | None
    permissions: str
    changed_ms: int
    reason: str

    @property
    def key(self) -> str:
        """Return the key of the record, for example ``BTCUSDT hand``."""
        return f"{self.symbol} {self.chosen_by}"

    @property
    def is_traded(self) -> bool:
        """Whether the exchange trades it, as far as is known."""
        return self.status in {TRADING, UNKNOWN}


def by_hand(symbol: str, *, is_followed: bool, now_ms: int, reason: str) -> SymbolChoice:
    """Return the record of a symbol that a person adds or removes."""
    return SymbolChoice(
        symbol=symbol,
        chosen_by=ChosenBy.HAND.value,
        is_followed=is_followed,
        status=UNKNOWN,
        since_ms=-1,
        matched_ms=-1,
        tick_e8=None,
        step_e8=None,
        permissions="",
        changed_ms=now_ms,
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class SymbolBook:
    """The newest record of each symbol and of each who decides; never changed, only replaced.

    Attributes:
        named: Symbols that the setting names in full; they count until the stream has written.
        by_hand: Records of what was chosen by hand, by symbol.
        by_setting: Records of the stream, by symbol.
    """

    named: tuple[str, ...] = ()
    by_hand: dict[str, SymbolChoice] = field(default_factory=dict)
    by_setting: dict[str, SymbolChoice] = field(default_factory=dict)

    def with_choices(self, choices: Iterable[SymbolChoice]) -> "SymbolBook":
        """Return the book after further records, in the order of the topic."""
        books = {ChosenBy.HAND: dict(self.by_hand), ChosenBy.SETTING: dict(self.by_setting)}
        for choice in choices:
            books[ChosenBy(choice.chosen_by)][choice.symbol] = choice
        return SymbolBook(self.named, books[ChosenBy.HAND], books[ChosenBy.SETTING])

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols that are followed: in the order of the setting, then of the alphabet."""
        told = {s for s, choice in self.by_setting.items() if choice.is_followed}
        wanted = told if self.by_setting else set(self.named)
        for symbol, choice in self.by_hand.items():
            (wanted.add if choice.is_followed else wanted.discard)(symbol)
        place = {symbol: at for at, symbol in enumerate(self.named)}
        return tuple(sorted(wanted, key=lambda symbol: (place.get(symbol, len(place)), symbol)))

    @property
    def traded(self) -> tuple[str, ...]:
        """The followed symbols that the exchange trades, as far as is known."""
        return tuple(symbol for symbol in self.names if self.is_traded(symbol))

    def is_traded(self, symbol: str) -> bool:
        """Tell whether the exchange trades a symbol, as far as is known."""
        told = self.by_setting.get(symbol)
        return told is None or told.is_traded

    def is_listed(self, symbol: str) -> bool:
        """Tell whether the exchange lists a symbol, as far as is known."""
        told = self.by_setting.get(symbol)
        return told is None or told.status != UNLISTED

    def ended_ms(self, symbol: str) -> int | None:
        """Return since when a symbol is not traded; None if it is."""
        told = self.by_setting.get(symbol)
        return None if told is None or told.is_traded else told.since_ms
