"""A digest of all predictions of a symbol: equal only if every prediction is equal."""

import hashlib
from collections.abc import Iterable, Mapping

from schemas.predictions import Prediction


class Digest:
    """SHA-256 over predictions in the order in which they were made.

    Splitting them over several calls of `add` changes nothing.
    """

    __slots__ = ("_hash", "count")

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def add(self, predictions: Iterable[Prediction]) -> None:
        """Add predictions in order."""
        lines = [_line(p) for p in predictions]
        self.count += len(lines)
        self._hash.update("".join(lines).encode())

    def hex(self) -> str:
        """Return the digest of the predictions added so far, in hexadecimal."""
        return self._hash.hexdigest()


def combined(digests: Mapping[str, str]) -> str:
    """Combine the digests of several symbols into one that does not depend on their order."""
    lines = "".join(f"{symbol} {digest}\n" for symbol, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _line(p: Prediction) -> str:
    return (
        f"{p.symbol} {p.interval} {p.open_ms} {p.issued_ms} {p.model} {p.version} {p.status} "
        f"{p.champion:d} {p.last_price_e8} {p.price_e8} {p.low_50_e8} {p.high_50_e8} "
        f"{p.low_90_e8} {p.high_90_e8} {p.volatility_bp!r} "
        f"{p.low_98_e8} {p.low_80_e8} {p.high_80_e8} {p.high_98_e8} {p.open_e8} {p.chance_up!r} "
        f"{p.chance_champion:d}\n"
    )
