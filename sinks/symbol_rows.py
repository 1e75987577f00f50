"""Conversion of records of followed symbols to the RowBinary rows of their table. Pure."""

from schemas.symbols import SymbolChoice
from sinks.row_binary import decimal, nullable, string, time, time_or_null


def symbol_row(choice: SymbolChoice) -> bytes:
    """Convert a choice to a row of `symbol_changes`."""
    return b"".join(
        (
            string(choice.symbol),
            string(choice.chosen_by),
            b"\1" if choice.is_followed else b"\0",
            string(choice.status),
            time_or_null(choice.since_ms),
            time_or_null(choice.matched_ms),
            nullable(choice.tick_e8, decimal),
            nullable(choice.step_e8, decimal),
            string(choice.permissions),
            time(choice.changed_ms),
            string(choice.reason),
        )
    )
