"""What the setting and the exchange together say of each symbol. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final

from producers.binance.exchange_info import SymbolInfo
from schemas.symbol_patterns import Listed, is_pattern, matched, named_in, top_of
from schemas.symbols import UNKNOWN, UNLISTED, ChosenBy, SymbolBook, SymbolChoice

MATCHED_AGAIN_MS: Final = 12 * 3_600_000  # how fresh the time of a match is kept


@dataclass(frozen=True, slots=True)
class Told:
    """What the exchange has said.

    Attributes:
        infos: Symbols that it lists, as far as they were asked for.
        asked: Symbols that were asked for: one that is not in ``infos`` is not listed.
        is_all: Whether all symbols were asked for.
        volumes: Quote volume of 24 hours, by symbol.
        new: Symbols that it did not list some days ago.
    """

    infos: Mapping[str, SymbolInfo] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    is_all: bool = False
    volumes: Mapping[str, float] = field(default_factory=dict)
    new: frozenset[str] = frozenset()

    def status_of(self, symbol: str) -> str | None:
        """Return the status of a symbol; None if it was not asked for."""
        if symbol in self.infos:
            return self.infos[symbol].status
        return UNLISTED if self.is_all or symbol in self.asked else None


def wanted_by_setting(
    parts: Iterable[str], told: Told, book: SymbolBook, *, now_ms: int
) -> dict[str, str]:
    """Return the symbols that the setting stands for now, each with the reason.

    Without an answer about all symbols, patterns stand for what they stood for. A symbol that they
    once stood for stays while it is halted.
    """
    parts = tuple(parts)
    patterns = [part for part in parts if is_pattern(part)]
    found = dict.fromkeys(named_in(parts), "named in CANDLEWICK_SYMBOLS")
    before = [c for c in book.by_setting.values() if c.is_followed and c.symbol not in found]
    if told.is_all:
        found = _matched(patterns, told, before, now_ms) | found
    for choice in before:
        is_gone = told.is_all and _is_traded(told, choice.symbol)
        if patterns and choice.symbol not in found and not is_gone:
            kept = _stays(choice, patterns)
            found |= {choice.symbol: choice.reason} if kept or not told.is_all else {}
    return found


def changed(
    parts: Iterable[str],
    told: Told,
    book: SymbolBook,
    ended_ms: Mapping[str, int],
    *,
    now_ms: int,
) -> list[SymbolChoice]:
    """Return the records that are not as the book has them.

    Args:
        parts: Parts of the setting.
        told: What the exchange has said last.
        book: The records of before.
        ended_ms: Time of the newest trade of symbols that are not traded, where it is known.
        now_ms: The present.
    """
    wanted = wanted_by_setting(parts, told, book, now_ms=now_ms)
    followed = {s for s, choice in book.by_hand.items() if choice.is_followed}
    everyone = [*wanted, *(s for s in (*followed, *book.by_setting) if s not in wanted)]
    found = []
    for symbol in dict.fromkeys(everyone):
        before = book.by_setting.get(symbol)
        choice = _choice(symbol, wanted.get(symbol), told, before, now_ms=now_ms)
        if not choice.is_traded and choice.since_ms < 0:
            choice = replace(choice, since_ms=ended_ms.get(symbol, -1))
        if before is None or _differs(before, choice):
            found.append(choice)
    return found


def _matched(
    patterns: list[str], told: Told, before: list[SymbolChoice], now_ms: int
) -> dict[str, str]:
    listed = [
        Listed(one.symbol, one.quote, told.volumes.get(one.symbol, 0.0))
        for one in told.infos.values()
        if one.is_traded and one.is_spot
    ]
    tops = [part for part in patterns if top_of(part) is not None]
    held_ms = {c.symbol: c.matched_ms for c in before if any(_matched_by(p, c) for p in tops)}
    stands = matched(patterns, listed, held_ms, now_ms=now_ms)
    return {symbol: f"matches {pattern}" for symbol, pattern in stands.items()}


def _is_traded(told: Told, symbol: str) -> bool:
    info = told.infos.get(symbol)
    return info is not None and info.is_traded


def _stays(choice: SymbolChoice, patterns: list[str]) -> bool:
    return any(
        _matched_by(part, choice) if top_of(part) else fnmatchcase(choice.symbol, part)
        for part in patterns
    )


def _matched_by(part: str, choice: SymbolChoice) -> bool:
    """Return whether a symbol was chosen by this part, and not by another one."""
    return f"matches {part}" in choice.reason


def _choice(
    symbol: str, reason: str | None, told: Told, before: SymbolChoice | None, *, now_ms: int
) -> SymbolChoice:
    info, status = told.infos.get(symbol), told.status_of(symbol)
    if status is None:
        status = UNKNOWN if before is None else before.status
    # Until all symbols were asked for, patterns stand for what they stood for: that is no match.
    is_matched = told.is_all and reason is not None and not reason.endswith("until a week ago")
    matched_ms = -1 if before is None else before.matched_ms
    choice = SymbolChoice(
        symbol=symbol,
        chosen_by=ChosenBy.SETTING.value,
        is_followed=reason is not None,
        status=status,
        since_ms=-1,
        matched_ms=now_ms if is_matched else matched_ms,
        tick_e8=info.tick_e8 if info else before.tick_e8 if before else None,
        step_e8=info.step_e8 if info else before.step_e8 if before else None,
        permissions=_permissions(info, before),
        changed_ms=now_ms,
        reason=reason or "CANDLEWICK_SYMBOLS does not stand for it",
    )
    if before is not None and not choice.is_traded and not before.is_traded:
        choice = replace(choice, since_ms=before.since_ms)
    return replace(choice, reason=_reason(choice, told, before))


def _permissions(info: SymbolInfo | None, before: SymbolChoice | None) -> str:
    if info is not None and info.permissions:  # the list of all symbols comes without
        return " ".join(info.permissions)
    return before.permissions if before is not None else ""


def _reason(choice: SymbolChoice, told: Told, before: SymbolChoice | None) -> str:
    if choice.status == UNLISTED:
        return f"the exchange does not know it; {choice.reason}"
    if before is None and choice.symbol in told.new:
        return f"new at the exchange; {choice.reason}"
    if before is not None and before.status not in {choice.status, UNKNOWN}:
        named = "" if choice.is_traded else _perhaps_renamed(choice.symbol, told)
        return f"{choice.reason}; was {before.status}, is {choice.status}{named}"
    return choice.reason


def _perhaps_renamed(symbol: str, told: Told) -> str:
    """Return which symbols are new: the exchange does not say that one is another's new name."""
    info = told.infos.get(symbol)
    quote = "" if info is None else info.quote
    new = sorted(s for s in told.new if s in told.infos and told.infos[s].quote == quote)
    return f"; new at the exchange, perhaps under another name: {', '.join(new)}" if new else ""


def _differs(before: SymbolChoice, now: SymbolChoice) -> bool:
    same = replace(
        now, changed_ms=before.changed_ms, matched_ms=before.matched_ms, reason=before.reason
    )
    return same != before or now.matched_ms - before.matched_ms >= MATCHED_AGAIN_MS
