"""Counters of the stream since its last summary line in the log."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counts:
    """Counters of one process, reset by each summary."""

    trades: int = 0
    blocks: int = 0
    candles: int = 0
    gaps_found: int = 0
    gaps_repaired: int = 0
    gaps_given_up: int = 0
    duplicates: int = 0
    left_to_rest: int = 0
    dead_letters: int = 0
    connections: int = 0

    def summary(self) -> str:
        """Return all counters as one line, and reset them."""
        parts = []
        for field in fields(self):
            parts.append(f"{field.name.replace('_', ' ')} {getattr(self, field.name)}")
            setattr(self, field.name, 0)
        return ", ".join(parts)
