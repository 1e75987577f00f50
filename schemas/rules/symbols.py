"""Check of the records of followed symbols; it raises ValueError."""

from typing import Final

from schemas.rules.checks import (
    LARGEST_PRICE_E8,
    check_one_of,
    check_range,
    check_symbol,
    check_text,
    check_time,
    check_time_or_unknown,
)
from schemas.symbols import ChosenBy, SymbolChoice

_LONGEST_STATUS: Final = 40


def check_choice(choice: SymbolChoice) -> None:
    """Refuse a record without a symbol or a time, or of an unknown author."""
    check_symbol(choice.symbol)
    check_one_of("chosen by", choice.chosen_by, ChosenBy)
    if len(choice.status) > _LONGEST_STATUS or not choice.status.isprintable():
        raise ValueError(f"status has {len(choice.status)} characters or is unprintable")
    check_time_or_unknown("since", choice.since_ms)
    check_time_or_unknown("matched", choice.matched_ms)
    for name, step_e8 in (("tick", choice.tick_e8), ("step", choice.step_e8)):
        if step_e8 is not None:
            check_range(f"{name} in 1e-8", step_e8, 0, LARGEST_PRICE_E8)
    check_text("permissions", choice.permissions)
    check_time("changed", choice.changed_ms)
    check_text("reason", choice.reason)
